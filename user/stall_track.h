/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * stall_track.h - what becomes of the groups of stall_rows.h from look to look: when one
 * began, goes on, grows and is over. Knows no kernel and no output.
 */
#ifndef TCPTRAIL_STALL_TRACK_H
#define TCPTRAIL_STALL_TRACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stall_rows.h"

enum stall_phase {
	STALL_START,
	STALL_ONGOING,		/* once a minute, and when it has doubled */
	STALL_END,
	STALL_PHASES,
};

/* "start"; static. */
const char *stall_phase_name(enum stall_phase phase);

/* In one look at most so many begin; the rest, those of fewest connections, wait for
 * the next: as many groups as there are peers may begin at once. */
#define STALL_STARTS_MAX 64

struct stall_track;

struct stall_track *stall_track_open(void);	/* NULL: no memory */
void stall_track_close(struct stall_track *t);

/* The row is of this look; of one that is over, of the last that saw it. */
typedef void (*stall_track_fn)(void *ctx, const struct stall_row *row, enum stall_phase phase);

/* All groups of one look, most connections first, which get their growth: over one to
 * two minutes, and at least ten seconds. `now_ns` is CLOCK_MONOTONIC; `fn` NULL: nothing
 * is told. false: no memory, and nothing was told. */
bool stall_track_look(struct stall_track *t, struct stall_row *rows, size_t n, uint64_t now_ns,
		      stall_track_fn fn, void *ctx);

#endif /* TCPTRAIL_STALL_TRACK_H */
