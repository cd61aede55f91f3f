/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * accept_rates.h - how many connections accept() takes where a listener refuses others, and
 * how many SYNs come: an application that accepts none, or too slowly, is not helped by a
 * longer queue. Pure.
 */
#ifndef TCPTRAIL_ACCEPT_RATES_H
#define TCPTRAIL_ACCEPT_RATES_H

#include <stdbool.h>

#include "bpf/listener.h"
#include "record.h"

struct accept_rates;
struct rec_accepts;

/* At an address and port, ever. */
struct accept_counts {
	uint64_t accepts;
	uint64_t syns;		/* with has_syns */
	bool has_syns;
};

/* They are counted from the question until then, so not all between two that are further from
 * each other. false: not known. */
typedef bool (*accept_rates_fn)(void *ctx, const struct listener_key *at, uint64_t until_ns,
				struct accept_counts *counts);

/* `fn` NULL: of a recording. NULL: no memory. */
struct accept_rates *accept_rates_open(accept_rates_fn fn, void *ctx);
void accept_rates_close(struct accept_rates *a);

/* A drop: r->drop.accepts and accepts_ns with HAS_ACCEPTS, syns with HAS_SYNS, of the last second or more that
 * is known of its listener's address; not yet at the first one. CLOCK_MONOTONIC. */
void accept_rates_complete(struct accept_rates *a, struct record *r, uint64_t now_ns);

/* In place of a question: what is known of the next drop, by a recording. */
void accept_rates_recorded(struct accept_rates *a, const struct rec_accepts *item);

#endif /* TCPTRAIL_ACCEPT_RATES_H */
