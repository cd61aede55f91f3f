/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * limit_rows.h - limits against their use, nearest to trouble first, and the parsers of
 * the kernel's texts that they come from. Pure.
 */
#ifndef TCPTRAIL_LIMIT_ROWS_H
#define TCPTRAIL_LIMIT_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "limit_ports.h"

enum limit_kind {
	LIMIT_OPEN_FILES,	/* of a process: EMFILE */
	LIMIT_FILE_MAX,		/* of the host: ENFILE */
	LIMIT_LOCAL_PORTS,	/* from an address to a service: EADDRNOTAVAIL */
	LIMIT_TIME_WAIT,	/* buckets of a network namespace */
	LIMIT_ORPHANS,
	LIMIT_TCP_MEM,		/* pages */
	LIMIT_CONNTRACK,
	LIMIT_NR_OPEN,		/* what RLIMIT_NOFILE may be at most */
	LIMIT_NEIGHBOURS,	/* of a family, of the host */
	LIMIT_ACCEPT_QUEUE,	/* of a listener */
	LIMIT_SYN_QUEUE,
	LIMIT_CGROUP_MEMORY,	/* bytes of sockets */
	LIMIT_RECV_BUFFER,	/* of a socket; use UINT64_MAX: of each of a namespace */
	LIMIT_SEND_BUFFER,
	LIMITS,
};

/* From this share on one is shown without being asked for. */
#define LIMIT_SHOWN_PERCENT	50

/* tcp_rmem or tcp_wmem, and rmem_max or wmem_max: bytes, the kernel's overhead among them. */
struct limit_sizes {
	uint64_t first;		/* of a new socket */
	uint64_t most;		/* that autotuning grows it to */
	uint64_t option;	/* that SO_RCVBUF or SO_SNDBUF may ask for; 0: not known */
};

struct limit_row {
	enum limit_kind kind;
	uint64_t use;
	uint64_t max;		/* 0: nothing at all may be used */
	uint64_t failed;	/* in the sample; with has_failed */
	bool has_failed;
	uint32_t pid;		/* LIMIT_OPEN_FILES */
	uint32_t netns;		/* 0: of the whole host */
	uint32_t time_wait;	/* LIMIT_LOCAL_PORTS: of `use` */
	uint64_t hard;		/* LIMIT_OPEN_FILES, LIMIT_NR_OPEN: the process's RLIMIT_NOFILE,
				 * with has_hard; UINT64_MAX: unlimited */
	bool has_hard;
	bool recorded;		/* its process may be gone: no command on it */
	uint64_t ceiling;	/* LIMIT_OPEN_FILES: fs.nr_open; LIMIT_TCP_MEM: half of the host's
				 * pages; 0: not known */
	uint64_t below[2];	/* with has_below: tcp_mem's other two; gc_thresh2 is the second */
	bool has_below;
	enum ev_limit_call call; /* that failed most; 0: none was seen to */
	uint32_t err;		/* of it */
	uint64_t failed_most;	/* by one caller */
	struct limit_service service; /* LIMIT_LOCAL_PORTS */
	uint64_t cookie;	/* LIMIT_ACCEPT_QUEUE: the listener's; 0: not known */
	uint16_t lport;		/* LIMIT_SYN_QUEUE, as the next */
	uint8_t syncookies;	/* 0, 1 */
	struct limit_sizes sizes; /* LIMIT_RECV_BUFFER, LIMIT_SEND_BUFFER */
	bool locked;		/* by the socket option: it is not grown */
	const char *set_by;	/* static; NULL: limit_set_by() of its kind */
	char user[96];		/* printable: who uses most; "" not known */
	char scope[160];	/* printable: whose it is */
};

struct limit_rows {
	struct limit_row *all;
	size_t len;
	size_t room;
};

/* false: no memory. */
bool limit_rows_add(struct limit_rows *rows, const struct limit_row *row);

/* Failing ones first, then by share. */
void limit_rows_sort(struct limit_rows *rows);
void limit_rows_free(struct limit_rows *rows);

/* 0 to 100, and above where more is in use than may be. */
unsigned int limit_percent(const struct limit_row *row);

/* Near its end, or something failed. */
bool limit_in_trouble(const struct limit_row *row);

/* "open-files", "local-ports"...; what sets it: "RLIMIT_NOFILE soft". Static. */
const char *limit_name(enum limit_kind kind);
const char *limit_set_by(const struct limit_row *row);

/* Of a buffer: max, what set it, sizes. `now` is sk_rcvbuf or sk_sndbuf. A receive window
 * gets half of its buffer (tcp_adv_win_scale 1; since Linux 6.6 that is where it begins). */
void limit_buffer(struct limit_row *row, uint64_t now, bool locked, const struct limit_sizes *sizes);

/* What limits the queues of a listener beside its own argument. Static. */
const char *limit_backlog_set_by(uint64_t backlog, uint64_t somaxconn);

/* A SYN queue: its kind, limit, what set it. false: it has none, with tcp_syncookies 2 nothing
 * waits in it. */
bool limit_syn_queue(struct limit_row *row, const struct ev_queues *queues, uint64_t use);

/* "0.0.0.0:80 netns 4026531840" */
void limit_listener_scope(struct limit_row *row, const struct ev_sock *s);

/* What to try, one line of 256 bytes; "" where nothing is wrong. Returns buf. */
const char *limit_advice(const struct limit_row *row, char *buf, size_t len);

/* "Max open files" of /proc/PID/limits; UINT64_MAX: unlimited. */
bool limit_parse_nofile(const char *text, uint64_t *soft, uint64_t *hard);

/* The number behind `name` in the line that begins with `line`: /proc/net/sockstat. */
bool limit_parse_sockstat(const char *text, const char *line, const char *name, uint64_t *out);

/* The number behind `line`, with which its line begins: memory.stat of a cgroup. */
bool limit_parse_stat(const char *text, const char *line, uint64_t *out);

/* A counter of /proc/net/netstat, whose lines come in pairs, names and values. */
bool limit_parse_netstat(const char *text, const char *line, const char *name, uint64_t *out);

/* The text of a file of /proc/net/stat: entries of the table, and a counter of all CPUs
 * together. */
bool limit_parse_cpus(const char *text, const char *name, uint64_t *entries, uint64_t *sum);

/* Keeps at most `max` rows, the nearest to their limit: the farthest makes room. */
void limit_keep_nearest(struct limit_row *kept, size_t *len, size_t max,
			const struct limit_row *row);

/* How many ports of [low, high] are in the list "8080,9148-9200" of
 * ip_local_reserved_ports. What is no list reserves nothing. */
uint32_t limit_reserved(const char *list, uint32_t low, uint32_t high);

#endif /* TCPTRAIL_LIMIT_ROWS_H */
