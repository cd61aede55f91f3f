/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * fold.h - connect() that found no local port sends nothing, yet the kernel has it go to
 * SYN-SENT and back: thousands of lines a second that say what the limit's line says.
 * People are spared them; JSON has every transition. Pure.
 */
#ifndef TCPTRAIL_FOLD_H
#define TCPTRAIL_FOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queue.h"

/* Was connect() of that process told or counted lately as one without a port? */
typedef bool (*fold_told_fn)(void *ctx, uint32_t pid);

/* What there is of each connection. */
struct fold_made {
	bool states;
	bool lives;
};

/* Among the oldest `n` records: all of such a connect(), or none of it, get the kind 0: its
 * two transitions, the record of its life. */
void fold_no_ports(struct queue *q, size_t n, struct fold_made made, fold_told_fn told, void *ctx);

#endif /* TCPTRAIL_FOLD_H */
