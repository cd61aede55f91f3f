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

enum record_kind {
	REC_STATE,
	REC_RETRANSMIT,
	REC_RESET,
	REC_ERROR,
	REC_DROP,
	REC_SYNCOOKIE,
	REC_ACCEPT,
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
#define HAS_DURATION	(1u << 8)	/* state: time in `from`; accept: in the accept queue */
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

#define HAS_AT_MOST	(1u << 22)	/* drop: a bound, polled */

#define RECORD_MISSED_MAX 6

/* What a cgroup's path tells. Strings are owned by the cgroup cache (cgroup.h)
 * and live until its next look-up; NULL where the path does not tell. */
struct cgroup_info {
	const char *unit;		/* systemd unit: "nginx.service" */
	const char *container_id;	/* 64 hex digits */
	const char *pod_uid;		/* Kubernetes: 8-4-4-4-12 */
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
	uint64_t poorer;		/* went out with less: no storage, full map */
	uint64_t unknown_cause;
	uint64_t filtered;
};

/* start: what this stream is. Strings live as long as the loader. */
struct stream_info {
	const char *version;
	const char *kernel;		/* uname -r */
	const char *boot_id;
	const char *tier;		/* "fentry", "kprobe", "tracepoint" */
	const char *filter;		/* NULL: none */
	const char *events;		/* kinds selected: "state,reset" */
	struct {
		const char *fact;	/* "transitions" */
		const char *method;	/* names of enum ev_method, or "none" */
	} hooks[32];
	size_t hooks_len;
};

struct record {
	enum record_kind kind;
	uint32_t has;			/* HAS_* */
	uint64_t wall_ns;		/* CLOCK_REALTIME at the hook */
	enum ev_method method;
	uint64_t count;			/* 1, or events this record stands for */
	uint64_t window_ns;

	/* the socket */
	uint64_t cookie;
	uint32_t netns;			/* inode number */
	uint32_t uid;
	uint32_t pid;
	uint8_t comm[EV_COMM_LEN];	/* hostile bytes, maybe without NUL */
	enum ev_owner_source owner_source;
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
	} drop;

	/* accept, with HAS_QUEUES: of its listener, behind it */
	struct {
		uint32_t length;
		uint32_t limit;
	} accept_queue;

	/* start, heartbeat, lost, stop */
	const struct stream_totals *totals;
	const struct stream_info *info;
	uint64_t uptime_ns;		/* since the start record */
};

#endif /* TCPTRAIL_RECORD_H */
