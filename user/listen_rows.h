/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * listen_rows.h - listening sockets over a sample of several looks: what their
 * queues did, who refuses, which limit it is. Knows no kernel and no output.
 */
#ifndef TCPTRAIL_LISTEN_ROWS_H
#define TCPTRAIL_LISTEN_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/listening.h"

enum listen_status {
	LISTEN_DROP,		/* refused something in this sample */
	LISTEN_FULL,		/* the accept queue is full */
	LISTEN_NEAR,		/* it was at three quarters or more */
	LISTEN_OK,
};

struct listen_waits {
	struct accept_stats before;	/* at the first look of this sample */
	struct accept_stats now;
};

struct listen_row {
	struct listening now;
	uint64_t drops_before;	/* at the first look of this sample */
	uint64_t netns_refused;	/* ListenDrops of its namespace in this sample, the
				 * caller's to set; UINT64_MAX: not known */
	uint32_t peak;		/* of the accept queue, since we look */
	uint32_t syn_peak;	/* of the SYN queue */
	uint32_t looks;		/* in this sample */
	uint32_t full;		/* of those, with a full accept queue */
	uint32_t near;		/* at three quarters or more */
	uint32_t low;		/* with less than half of its places taken */
	uint32_t processes;	/* that hold it (fork); 0: not known */
	uint32_t holder;	/* the last of them */
	uint32_t group;		/* sockets on its address and port (SO_REUSEPORT), itself too */
	uint32_t order;		/* in the last look */
	bool seen;		/* in the look in progress, or the last */
	bool syns_seen;		/* a hook counts them; the caller's to set, as the two next */
	bool accepts_seen;
	uint64_t sample_ns;
	struct listen_waits *waits;	/* NULL: accept() took nothing yet */
};

struct listen_rows {
	struct listen_row *rows;
	size_t len;
	size_t room;
	size_t next;		/* where the look in progress is */
	bool looked;		/* once: who is new then was opened since */
	bool keep_gone;		/* those that are not seen any more, until the next sample */
};

/* A new sample; peaks stay. */
void listen_rows_begin(struct listen_rows *rows);

/* Around the rows of one look. After it those that were not seen are gone, but with
 * keep_gone. */
void listen_rows_look(struct listen_rows *rows);
bool listen_rows_take(struct listen_rows *rows, const struct listening *l);	/* false: no memory */
void listen_rows_looked(struct listen_rows *rows);

/* What accept() took; of a listener that is not there it is ignored. false: no
 * memory. */
bool listen_rows_accepts(struct listen_rows *rows, const struct accept_stats *stats);

/* Begins a walk over who holds them, and counts groups; then each process with each
 * socket that it holds, one process after the other. The rows are in another order. */
void listen_rows_hold(struct listen_rows *rows);
void listen_rows_holder(struct listen_rows *rows, uint64_t cookie, uint32_t pid);

/* In this sample: how many accept() took, and of those whose wait is known. */
uint64_t listen_row_accepts(const struct listen_row *row);
uint64_t listen_row_waits(const struct listen_row *row);
uint64_t listen_row_syns(const struct listen_row *row);	/* those sent again, too */

/* The wait, in ns, that `percent` of them did not exceed: the end of its bucket,
 * at most a quarter more. 0: none is known. */
uint64_t listen_row_wait(const struct listen_row *row, unsigned int percent);

/* Worst first: status, refused, share of the accept queue. */
void listen_rows_sort(struct listen_rows *rows);

/* At most what it refused in this sample. sk_drops also counts bad segments of a
 * scan, TCP_DEFER_ACCEPT and retries of a final ACK; ListenDrops counts what other
 * listeners refused. Neither can be below the truth: the smaller one. */
uint64_t listen_row_refused(const struct listen_row *row);

enum listen_status listen_row_status(const struct listen_row *row);

/* "DROP", "full", "near", "ok" */
const char *listen_status_name(enum listen_status status);

/*
 * What binds and what to try, one line; "" where nothing is wrong. A longer queue
 * helps bursts; it does not help an application that accepts too slowly. Its queue is
 * full at most looks and never below half: there is room only until the next one comes.
 * One that a burst filled is drained before the next, or while none comes.
 */
const char *listen_row_advice(const struct listen_row *row, char *buf, size_t len);

/* The same as one word: "accept-too-slow", "backlog", "somaxconn",
 * "tcp_max_syn_backlog", "syn-queue"; NULL: not known, or nothing is wrong. */
const char *listen_row_bound(const struct listen_row *row);

void listen_rows_free(struct listen_rows *rows);

#endif /* TCPTRAIL_LISTEN_ROWS_H */
