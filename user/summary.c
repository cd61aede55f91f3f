// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "summary.h"

#include <stdlib.h>
#include <string.h>

#include "sketch.h"

#define PLACES (2 * SUMMARY_KEYS)	/* open addressing: at most half full */

/* Compared as bytes: no padding. */
struct key {
	uint64_t cgroup;
	uint32_t netns;
	uint16_t port;
	uint8_t family;
	uint8_t role;
	uint8_t outcome;
	uint8_t has_owner;
	uint8_t pad[6];
	uint8_t addr[16];
	uint8_t comm[EV_COMM_LEN];
};
_Static_assert(sizeof(struct key) == 56, "padding would be compared");

struct sum {
	struct key key;
	uint64_t count;		/* 0: not in use */
	uint64_t bytes_sent, bytes_received;
	uint64_t resent, syns_resent, bytes_resent;
	struct sketch handshake, accept_wait, age;
};

struct summary {
	struct sum sums[SUMMARY_KEYS];
	struct sum rest[RECORD_OUTCOMES];
	uint16_t places[PLACES];	/* of sums, + 1; 0: free */
	size_t len;
	size_t clients;
};

struct summary *summary_open(void)
{
	return calloc(1, sizeof(struct summary));
}

void summary_close(struct summary *s)
{
	free(s);
}

static enum record_outcome outcome_of(const struct record *r)
{
	if (r->cause == CAUSE_UNKNOWN)
		return OUTCOME_UNKNOWN;
	return cause_failed(r->cause) ? OUTCOME_FAILURE : OUTCOME_SUCCESS;
}

static struct key key_of(const struct record *r, uint64_t cgroup)
{
	bool client = r->role == EVR_CLIENT, known = client || r->role == EVR_SERVER;
	struct key k = { .cgroup = cgroup, .role = r->role, .outcome = outcome_of(r) };

	if (r->has & HAS_NETNS)
		k.netns = r->netns;
	if (r->has & HAS_OWNER) {
		k.has_owner = 1;
		memcpy(k.comm, r->comm, strnlen((const char *)r->comm, sizeof(k.comm)));
	}
	if (known && r->has & (client ? HAS_RPORT : HAS_LPORT))
		k.port = client ? r->rport : r->lport;
	if (known && r->has & (client ? HAS_RADDR : HAS_LADDR)) {
		k.family = r->family;
		memcpy(k.addr, client ? r->raddr : r->laddr, r->family == 4 ? 4 : 16);
	}
	return k;
}

/* FNV-1a: the order of what finds a place is nobody's to choose but by volume. */
static size_t hash(const struct key *k)
{
	const uint8_t *p = (const uint8_t *)k;
	uint64_t h = 0xcbf29ce484222325ULL;

	for (size_t i = 0; i < sizeof(*k); i++)
		h = (h ^ p[i]) * 0x100000001b3ULL;
	return h ^ h >> 32;
}

static struct sum *find(struct summary *s, const struct key *k)
{
	size_t at = hash(k) % PLACES;
	struct sum *sum;

	for (; s->places[at]; at = (at + 1) % PLACES) {
		sum = &s->sums[s->places[at] - 1];
		if (!memcmp(&sum->key, k, sizeof(*k)))
			return sum;
	}
	if (s->len == SUMMARY_KEYS || (k->role == EVR_CLIENT && s->clients == SUMMARY_CLIENTS))
		return &s->rest[k->outcome];
	s->clients += k->role == EVR_CLIENT;
	sum = &s->sums[s->len++];
	s->places[at] = s->len;
	sum->key = *k;
	return sum;
}

void summary_take(struct summary *s, const struct record *r, uint64_t cgroup)
{
	const uint64_t handshake = r->life.in_ns[ev_life_place(EVS_SYN_SENT)];
	struct key k;
	struct sum *sum;

	if (r->kind != REC_CONNECTION)
		return;
	k = key_of(r, cgroup);
	sum = find(s, &k);
	sum->count += r->count;
	sum->bytes_sent += r->life.bytes_sent;
	sum->bytes_received += r->life.bytes_received;
	sum->resent += r->life.resent;
	sum->syns_resent += r->life.syns_resent;
	sum->bytes_resent += r->life.bytes_resent;
	if (r->has & HAS_ACCEPT_WAIT)
		sketch_add(&sum->accept_wait, r->life.accept_wait_ns);
	if (r->duration_lower)	/* its true times are not known */
		return;
	if (r->has & HAS_DURATION)
		sketch_add(&sum->age, r->duration_ns);
	if (r->role == EVR_CLIENT && r->from != EVS_SYN_SENT && handshake)
		sketch_add(&sum->handshake, handshake);
}

static struct record_times times(const struct sketch *s)
{
	return (struct record_times){
		.count = s->count, .p50_ns = sketch_quantile(s, 50), .p90_ns = sketch_quantile(s, 90),
		.p99_ns = sketch_quantile(s, 99), .max_ns = s->max_ns,
	};
}

static void place(struct record *r, const struct key *k)
{
	bool client = k->role == EVR_CLIENT;

	r->role = k->role;
	if (k->netns)
		r->has |= HAS_NETNS;
	r->netns = k->netns;
	if (k->has_owner)
		r->has |= HAS_OWNER;
	memcpy(r->comm, k->comm, sizeof(r->comm));
	r->family = k->family;
	memcpy(client ? r->raddr : r->laddr, k->addr, sizeof(k->addr));
	if (k->family)
		r->has |= client ? HAS_RADDR : HAS_LADDR;
	if (k->port)
		r->has |= client ? HAS_RPORT : HAS_LPORT;
	*(client ? &r->rport : &r->lport) = k->port;
}

static void tell(const struct sum *sum, bool rest, enum record_outcome outcome, uint64_t window_ns,
		 summary_fn fn, void *ctx)
{
	struct record_summary told = {
		.outcome = outcome, .rest = rest,
		.handshake = times(&sum->handshake), .accept_wait = times(&sum->accept_wait),
		.age = times(&sum->age), .bytes_sent = sum->bytes_sent,
		.bytes_received = sum->bytes_received, .resent = sum->resent,
		.syns_resent = sum->syns_resent, .bytes_resent = sum->bytes_resent,
	};
	struct record r = { .kind = REC_SUMMARY, .has = HAS_WINDOW, .count = sum->count,
			    .window_ns = window_ns, .summary = &told };

	if (!rest)
		place(&r, &sum->key);
	fn(ctx, &r, rest ? 0 : sum->key.cgroup);
}

static int by_count(const void *a, const void *b)
{
	const struct sum *x = *(struct sum *const *)a, *y = *(struct sum *const *)b;

	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return memcmp(&x->key, &y->key, sizeof(x->key));
}

void summary_tell(struct summary *s, uint64_t window_ns, summary_fn fn, void *ctx)
{
	struct sum *order[SUMMARY_KEYS];

	for (size_t i = 0; i < s->len; i++)
		order[i] = &s->sums[i];
	qsort(order, s->len, sizeof(order[0]), by_count);
	for (size_t i = 0; i < s->len; i++)
		tell(order[i], false, order[i]->key.outcome, window_ns, fn, ctx);
	for (int o = 0; o < RECORD_OUTCOMES; o++)
		if (s->rest[o].count)
			tell(&s->rest[o], true, o, window_ns, fn, ctx);
	memset(s->sums, 0, s->len * sizeof(s->sums[0]));
	memset(s->rest, 0, sizeof(s->rest));
	memset(s->places, 0, sizeof(s->places));
	s->len = s->clients = 0;
}
