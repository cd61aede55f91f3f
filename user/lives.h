/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * lives.h - connections whose full socket is gone while a mini-socket still waits
 * for the peer's FIN (FIN-WAIT-2 of an orphan): their record is kept until that
 * ends. By cookie, bounded: 16,384 of them, about 6 MiB.
 */
#ifndef TCPTRAIL_LIVES_H
#define TCPTRAIL_LIVES_H

#include <stddef.h>
#include <stdint.h>

#include "bpf/event.h"

#define LIVES_MAX 16384

struct lives;

/* NULL: no memory. */
struct lives *lives_open(void);
void lives_close(struct lives *l);

/* Copies it. Returns what had to make room for it, void at the next call: the
 * oldest, or the record itself when it has no cookie or no memory is left. NULL:
 * nothing. */
const struct ev_connection *lives_keep(struct lives *l, const struct ev_connection *c);

/* The one that this mini-socket ends, now told by it: the time of FIN-WAIT-2 is
 * added, `end` is the move that it made. NULL: none is kept, or it has not ended.
 * Void at the next call. */
const struct ev_connection *lives_end(struct lives *l, const struct ev_timewait *e);

size_t lives_len(const struct lives *l);

#endif /* TCPTRAIL_LIVES_H */
