/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * twpoll.h - the end of TIME-WAIT where no hook tells it: the mini-sockets we
 * know of are looked for in dumps of sock_diag, once a second and never for
 * more than 2 % of the time; a new connection with the same addresses and ports
 * says at once that they were reused.
 *
 * Makes records as the kernel side would (struct ev_timewait, EVM_POLL).
 */
#ifndef TCPTRAIL_TWPOLL_H
#define TCPTRAIL_TWPOLL_H

#include <stddef.h>
#include <stdint.h>

#include "bpf/event.h"

/* The largest default of tcp_max_tw_buckets is twice that; about 18 MiB. */
#define TWPOLL_MAX 131072

struct twpoll;

typedef void (*twpoll_fn)(void *ctx, const struct ev_timewait *ev);

/* `breathe` (NULL: nothing to do) is called between the parts of a dump: it may
 * take long, and a ring fills meanwhile. NULL: no memory. */
struct twpoll *twpoll_open(twpoll_fn fn, void (*breathe)(void *ctx), void *ctx);
void twpoll_close(struct twpoll *t);

/* A mini-socket began: `state` is EVS_TIME_WAIT or EVS_FIN_WAIT2 (an orphan's). */
void twpoll_begin(struct twpoll *t, const struct ev_state *e, unsigned int state);

/* The kernel side saw it go from FIN-WAIT-2 to TIME-WAIT. */
void twpoll_moved(struct twpoll *t, const struct ev_timewait *e);

/* A connection with these addresses begins: whatever held them has ended. */
void twpoll_reused(struct twpoll *t, const struct ev_state *e);

/* Dumps when it is time, and ends what the dump before did not show, once all is told that
 * happened up to then: up to `told_ns` (as `now_ns`, CLOCK_MONOTONIC). */
void twpoll_tick(struct twpoll *t, uint64_t now_ns, uint64_t told_ns);

/* What ended or moved since the last dump, when the hooks are gone and all that they told
 * is known. */
void twpoll_last(struct twpoll *t);

/* Those not followed for lack of room. */
uint64_t twpoll_unseen(const struct twpoll *t);

size_t twpoll_len(const struct twpoll *t);

#endif /* TCPTRAIL_TWPOLL_H */
