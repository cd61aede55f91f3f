/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * stall_rows.h - what one walk found, as rows: sockets once each, however many
 * descriptors they have; grouped by verdict, owner and service. Pure.
 */
#ifndef TCPTRAIL_STALL_ROWS_H
#define TCPTRAIL_STALL_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stall_drops.h"
#include "stall_path.h"
#include "stall_rules.h"

#define STALL_BECAUSE_LEN 64

struct stall_row {
	struct stalled oldest;	/* of the group; its times are the evidence */
	struct stall_verdict verdict;
	uint32_t count;
	uint32_t waiting;	/* others that wait for these, and are not listed */
	char because[STALL_BECAUSE_LEN]; /* what these wait for, of this namespace, and is not listed
				 * as stuck: "full accept queue of nginx[1187]"; "": nothing known */
	int32_t growth_per_min;	/* with has_growth (stall_track.h) */
	bool has_growth;
	uint64_t files;		/* descriptors that the owner uses; 0: not looked up */
	uint64_t files_max;	/* RLIMIT_NOFILE, soft */
	struct stall_path path;	/* of segments that nobody answers */
	struct stall_drop drop;	/* what this host threw away of it */
	bool server;		/* we listen on its port: `<` */
	bool many_local;	/* local ports, or peers, differ */
	bool many_peers;
	bool over;		/* of a recording: it was, and is no more */
};

struct stall_rows {
	struct stalled *sockets;	/* of the walk; listeners among them */
	size_t len;
	size_t room;
	struct stall_row *rows;
	size_t rows_len;
	struct stall_drops drops;	/* what this host threw away; none: not looked at */
	bool (*wanted)(void *ctx, const struct stall_row *row);	/* NULL: all are */
	void *ctx;
};

void stall_rows_begin(struct stall_rows *r);

/* false: no memory. */
bool stall_rows_take(struct stall_rows *r, const struct stalled *s);

/* Some were locked, and idle for long: a call may have them for a moment, so they are to
 * be looked at once more. */
bool stall_rows_locked(const struct stall_rows *r, const struct stall_limits *limits);
/* One that is locked then, too; and the end of it: the rest is not. */
void stall_rows_still_locked(struct stall_rows *r, const struct stalled *s);
void stall_rows_locks_end(struct stall_rows *r);

/* Judges them. `each`: no groups. Longest first within a verdict, most first among
 * verdicts. false: no memory. */
bool stall_rows_group(struct stall_rows *r, const struct stall_limits *limits, bool each);

/* As stall_rows_group() leaves them. */
void stall_rows_sort(struct stall_rows *r);

void stall_rows_free(struct stall_rows *r);

/* By verdict, namespace, owner and service: 0, the same group. */
int stall_rows_compare(const struct stall_row *a, const struct stall_row *b);

/* Until descriptors run out at that growth, in ns. false: not known, or never. */
bool stall_rows_emfile(const struct stall_row *row, uint64_t *ns);

/* All that speaks for it, in words: 320 bytes. Returns buf. */
const char *stall_rows_evidence(const struct stall_row *row, char *buf, size_t len);

/* What to try: 512 bytes. Returns buf. */
const char *stall_rows_advice(const struct stall_row *row, char *buf, size_t len);

#endif /* TCPTRAIL_STALL_ROWS_H */
