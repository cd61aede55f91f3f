// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "accept_rates.h"

#include <stdlib.h>
#include <string.h>

#include "recording.h"

#define SECOND_NS	1000000000ULL
/* Counted for so long after a question. */
#define COUNTED_NS	(10 * SECOND_NS)
/* A flood tells 500 drops a second. */
#define ASK_NS		(SECOND_NS / 10)
/* That refuse at the same time; more forget the one that was asked for the longest ago. */
#define LISTENERS_MAX	64

struct known {
	struct listener_key at;
	uint64_t asked_ns;	/* 0: free */
	uint64_t base_ns;	/* of the next figure */
	struct accept_counts base;
	struct accept_counts last; /* the last figure; last_ns 0: none yet */
	uint64_t last_ns;
};

struct accept_rates {
	accept_rates_fn fn;
	void *ctx;
	struct known known[LISTENERS_MAX];
	bool recorded;		/* the two below are of the next drop */
	struct accept_counts counts;
	uint64_t ns;
};

struct accept_rates *accept_rates_open(accept_rates_fn fn, void *ctx)
{
	struct accept_rates *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->fn = fn;
	a->ctx = ctx;
	return a;
}

void accept_rates_close(struct accept_rates *a)
{
	free(a);
}

void accept_rates_recorded(struct accept_rates *a, const struct rec_accepts *item)
{
	a->recorded = true;
	a->counts = (struct accept_counts){ .accepts = item->accepts, .syns = item->syns,
					    .has_syns = item->has_syns };
	a->ns = item->window_ns;
}

static struct known *place_of(struct accept_rates *a, const struct listener_key *at)
{
	struct known *oldest = &a->known[0];

	for (size_t i = 0; i < LISTENERS_MAX; i++) {
		struct known *k = &a->known[i];

		if (k->asked_ns && !memcmp(&k->at, at, sizeof(*at)))
			return k;
		if (k->asked_ns < oldest->asked_ns)
			oldest = k;
	}
	*oldest = (struct known){ .at = *at };
	return oldest;
}

/* A figure is of a time in which it was counted without a break. */
static void ask(struct accept_rates *a, struct known *k, uint64_t now)
{
	struct accept_counts counts;
	uint64_t asked = k->asked_ns;

	if (asked && now - asked < ASK_NS)
		return;
	k->asked_ns = now;
	if (!a->fn(a->ctx, &k->at, now + COUNTED_NS, &counts)) {
		k->base_ns = k->last_ns = 0;
		return;
	}
	if (!k->base_ns || now - asked >= COUNTED_NS || counts.accepts < k->base.accepts ||
	    counts.syns < k->base.syns) {
		k->last_ns = 0;
	} else if (now - k->base_ns >= SECOND_NS) {
		k->last = counts;
		k->last.accepts -= k->base.accepts;
		k->last.syns -= k->base.syns;
		k->last_ns = now - k->base_ns;
	} else {
		return;
	}
	k->base = counts;
	k->base_ns = now;
}

static void take(struct record *r, const struct accept_counts *counts, uint64_t ns)
{
	if (!ns)
		return;
	r->has |= HAS_ACCEPTS | (counts->has_syns ? HAS_SYNS : 0);
	r->drop.accepts = counts->accepts;
	r->drop.syns = counts->syns;
	r->drop.accepts_ns = ns;
}

void accept_rates_complete(struct accept_rates *a, struct record *r, uint64_t now_ns)
{
	struct listener_key at = { .netns = r->netns, .port = r->lport, .family = r->family };
	struct known *k;

	/* A sum that a recording has is whole. */
	if (a->recorded && !(r->has & HAS_WINDOW)) {
		take(r, &a->counts, a->ns);
		a->recorded = false;
	}
	if (!a->fn || r->kind != REC_DROP || !(r->has & HAS_LPORT))
		return;
	memcpy(at.addr, r->laddr, sizeof(at.addr));
	k = place_of(a, &at);
	ask(a, k, now_ns);
	take(r, &k->last, k->last_ns);
}
