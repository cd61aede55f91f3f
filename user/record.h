/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * record.h - what the tracer tells, decoded: the one struct that every sink
 * reads and no sink changes. Made by decode.c (from the kernel's bytes) and by
 * report.c (start, heartbeat, lost, stop), completed by enrich.c.
 *
 * What is not known is absent: its bit in `has` is clear and the member void.
 */
#ifndef TCPTRAIL_RECORD_H
#define TCPTRAIL_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/event.h"
#include "cause.h"
#include "stall_track.h"

enum record_kind {
	REC_STATE,
	REC_RETRANSMIT,
	REC_RESET,
	REC_ERROR,
	REC_DROP,
	REC_SYNCOOKIE,
	REC_ACCEPT,
	REC_CONNECTION,
	REC_STALL,
	REC_SUMMARY,
	REC_LIMIT,
	REC_LISTEN,		/* listen() again, with another backlog */
	REC_START,
	REC_HEARTBEAT,
	REC_LOST,
	REC_STOP,
	REC_KINDS,
};

/* Presence bits of struct record.has */
#define HAS_COOKIE	(1u << 0)
#define HAS_OWNER	(1u << 1)	/* pid, comm, owner_source */
#define HAS_UID		(1u << 2)
#define HAS_NETNS	(1u << 3)
#define HAS_LADDR	(1u << 4)
#define HAS_RADDR	(1u << 5)
#define HAS_LPORT	(1u << 6)
#define HAS_RPORT	(1u << 7)
#define HAS_DURATION	(1u << 8)	/* state: time in `from`; accept: in the accept queue;
					 * connection: its age; stall: of the oldest */
#define HAS_WINDOW	(1u << 9)	/* count is of window_ns */
#define HAS_REASON	(1u << 10)	/* reset: the kernel's reason */
#define HAS_RTO		(1u << 11)
#define HAS_ATTEMPT	(1u << 12)	/* retransmit: which try */
#define HAS_FROM	(1u << 13)	/* state: `from` (absent: not known) */
#define HAS_CGROUP	(1u << 14)	/* cgroup points to what its path tells */
#define HAS_IFINDEX	(1u << 15)
#define HAS_ERRNO	(1u << 16)	/* err */
#define HAS_STATE	(1u << 17)	/* `to`/state of the socket */

#define HAS_QUEUES	(1u << 18)	/* drop: depths and limits then; accept: accept_queue */
#define HAS_TRY		(1u << 19)	/* drop: tries */
#define HAS_PEERS	(1u << 20)	/* drop, with HAS_WINDOW: connections, peers */

#define HAS_NOT_SEEN	(1u << 21)	/* drop: by no kprobe, from the counters */
#define HAS_AT_MOST	(1u << 22)	/* drop: a bound, polled */
#define HAS_ACCEPT_WAIT	(1u << 23)	/* connection */
#define HAS_RTT		(1u << 24)	/* connection */
#define HAS_ACCEPTS	(1u << 25)	/* drop: accepts, accepts_ns */
#define HAS_SYNS	(1u << 26)	/* and syns */

#define RECORD_MISSED_MAX 6

/* What a cgroup's path tells. Strings are owned by the cgroup cache (cgroup.h)
 * and live until its next look-up; NULL where the path does not tell. */
struct cgroup_info {
	const char *unit;		/* systemd unit: "nginx.service" */
	const char *container_id;	/* 64 hex digits */
	const char *pod_uid;		/* Kubernetes: 8-4-4-4-12 */
	const char *path;		/* below the mount: "/system.slice/nginx.service" */
};

/* Totals of the stream, in start (zero), heartbeat, lost and stop. Counts are
 * since the start, but in `lost`, where they are since the last `lost`. */
struct stream_totals {
	uint64_t printed;		/* records given to the sinks */
	uint64_t made;			/* records the kernel side made or tried to */
	uint64_t lost;			/* sum of the places below */
	uint64_t lost_ring;		/* ring buffer had no room */
	uint64_t lost_missed;		/* no copy of the program ran, no gap told */
	uint64_t lost_output;		/* reader did not take it */
	uint64_t lost_malformed;	/* a record we could not read */
	uint64_t held_back;		/* by a bucket; told in sums, not lost */
	uint64_t recovered;		/* by the understudy */
	uint64_t gaps;			/* found by the gap check */
	uint64_t late;			/* sockets first seen in mid-life */
	uint64_t poorer;		/* went out with less: no storage, full map, an
					 * accept() not seen */
	uint64_t unknown_cause;
	uint64_t filtered;
	uint64_t lost_recording;	/* missing in the recording that was read */
	/* 0, 0: none was seen */
	uint64_t requests_queued;	/* into SYN queues */
	uint64_t requests_left;
	uint64_t minis_made;		/* mini-sockets: TIME-WAIT, FIN-WAIT-2 */
	uint64_t minis_ended;
};

enum record_outcome {
	OUTCOME_SUCCESS,
	OUTCOME_FAILURE,
	OUTCOME_UNKNOWN,
	RECORD_OUTCOMES,
};

/* Of `count` connections that it is known of (sketch.h has the error). */
struct record_times {
	uint64_t count;		/* 0: the rest is void */
	uint64_t p50_ns, p90_ns, p99_ns, max_ns;
};

/* start: what this stream is. Strings live as long as the loader. */
struct stream_info {
	const char *version;
	const char *kernel;		/* uname -r */
	const char *boot_id;
	const char *tier;		/* "fentry", "kprobe", "tracepoint" */
	const char *filter;		/* NULL: none */
	const char *events;		/* kinds selected: "state,reset" */
	const char *made;		/* and those needed for them; NULL: not known */
	const char *recorded_id;	/* ephemeral id of the run that a recording is of; NULL:
					 * it is live */
	uint32_t recorded_version;	/* of its format */
	struct {
		const char *fact;	/* "transitions" */
		const char *method;	/* names of enum ev_method, or "none" */
	} hooks[48];
	size_t hooks_len;
};

struct record {
	enum record_kind kind;
	uint32_t has;			/* HAS_* */
	uint64_t wall_ns;		/* CLOCK_REALTIME at the hook */
	enum ev_method method;
	uint64_t count;			/* 1, or events this record stands for */
	uint64_t window_ns;
	uint32_t sample_n;		/* one of so many was told (sample.h); 0: all */

	/* the socket */
	uint64_t cookie;
	uint32_t netns;			/* inode number */
	uint32_t uid;
	uint32_t pid;
	uint8_t comm[EV_COMM_LEN];	/* hostile bytes, maybe without NUL */
	enum ev_owner_source owner_source;
	bool followed;			/* the owner, by the kernel side */
	enum ev_role role;
	bool mptcp;
	bool shared_port;		/* owner left out: several listen there */
	bool poor;			/* no storage: owner and times missing */
	bool late;			/* first seen in mid-life: its birth was missed, or it
					 * was open before the start and in no task's files */
	uint8_t family;			/* 4 or 6; 0: no socket, no addresses */
	uint8_t laddr[16];		/* network order; IPv4 in the first four */
	uint8_t raddr[16];
	uint16_t lport;			/* host order */
	uint16_t rport;
	uint32_t ifindex;
	const struct cgroup_info *cgroup;
	enum ev_tcp_state to;		/* state: entered; else: state it is in */

	/* state */
	enum ev_tcp_state from;
	uint64_t duration_ns;
	bool duration_lower;		/* began before the start: at least */
	enum cause cause;
	uint8_t missed[RECORD_MISSED_MAX]; /* states passed, not seen (oldest first) */
	uint8_t missed_len;

	/* error; state: the socket's errno when it failed */
	uint32_t err;

	/* retransmit */
	enum ev_retransmit_type rexmit;
	uint32_t attempt;
	uint64_t rto_ns;
	uint32_t backoff;

	/* reset */
	bool sent;
	bool no_socket;
	const char *reason;		/* "NO_SOCKET": from the kernel's BTF; static */

	/* drop, syncookie: a segment met a limit of a listener */
	struct record_drop {
		enum ev_drop_stage stage;
		enum ev_drop_reason reason;
		struct ev_queues queues;	/* with HAS_QUEUES */
		uint64_t at_most;	/* with HAS_AT_MOST: count is at least */
		uint32_t tries;		/* which of its connection: a segment sent again is the
					 * second */
		bool tries_lower;	/* at least */
		uint32_t connections;	/* that `count` segments are of */
		uint32_t peers;
		bool peers_lower;	/* both: at least */
		uint64_t accepts;	/* that accept() took at its address, in accepts_ns */
		uint64_t accepts_ns;
		uint64_t syns;		/* that came to it in that time, with HAS_SYNS */
	} drop;

	uint32_t backlog_before;	/* listen */

	/* accept, with HAS_QUEUES: of its listener, behind it; listen: now */
	struct {
		uint32_t length;
		uint32_t limit;
	} accept_queue;

	/* connection: its whole life, beside from, to and cause of its end */
	struct record_life {
		uint64_t in_ns[EV_LIFE_STATES];	/* by ev_life_place(); 0: not entered */
		uint64_t accept_wait_ns;	/* with HAS_ACCEPT_WAIT */
		uint64_t bytes_sent;		/* payload, each byte once */
		uint64_t bytes_received;
		uint64_t bytes_resent;
		uint64_t busy_ns;
		uint64_t rwnd_ns;
		uint64_t sndbuf_ns;
		uint32_t segments_sent;
		uint32_t segments_received;
		uint32_t resent;		/* segments with data or FIN */
		uint32_t syns_resent;		/* SYNs, or SYN-ACKs */
		uint32_t rtt_us;		/* with HAS_RTT; as rtt_min_us */
		uint32_t rtt_min_us;
		uint8_t first_close;		/* EVS_FIN_WAIT1: we; EVS_CLOSE_WAIT: they */
	} life;

	/* summary, of `count` connections that ended in window_ns (summary.h). The owner
	 * has no pid. */
	const struct record_summary {
		enum record_outcome outcome;
		bool rest;			/* of all that found no place of their own */
		struct record_times handshake, accept_wait, age;
		uint64_t bytes_sent, bytes_received;
		uint64_t resent, syns_resent;	/* segments */
		uint64_t bytes_resent;
	} *summary;
	/* limit: a call failed at one (err), or was cut to one; accept_queue with HAS_QUEUES */
	struct record_limit {
		enum ev_limit_call call;
		enum ev_limit_name name;
		uint64_t value;		/* with has_value; UINT64_MAX: unlimited */
		uint64_t use;		/* with has_use */
		uint64_t hard;		/* with has_hard; UINT64_MAX: unlimited */
		int32_t asked;		/* listen(), cut: its argument */
		uint16_t low;		/* local ports: the range; 0: not known */
		uint16_t high;
		uint32_t used;		/* connections to the service; with has_used */
		uint32_t time_wait;	/* of those */
		bool has_used;
		bool has_value;
		bool has_use;
		bool has_hard;
		bool own_range;		/* the socket's own, by IP_LOCAL_PORT_RANGE */
		const char *set_by;	/* static; NULL: not known */
	} limit;

	const char *because;		/* drop: what led to it; static; NULL: not known */

	/* stall: `count` connections; state, times and ends are of the one that waits longest */
	const struct stall_row *stall;
	enum stall_phase stall_phase;

	/* start, heartbeat, lost, stop */
	const struct stream_totals *totals;
	const struct stream_info *info;
	uint64_t uptime_ns;		/* since the start record */
};

#endif /* TCPTRAIL_RECORD_H */
