// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "failed_calls.h"

#include <stdlib.h>
#include <string.h>

#include "limit_lookup.h"
#include "monotonic.h"
#include "rec_codec.h"

#define SECOND_NS	1000000000ULL
/* Owners that fail at the same time, and namespaces they do it in: more forget the oldest. */
#define CALLS_MAX	256
#define RANGES_MAX	16
/* Services that ports are missing for, and how often their connections are counted. */
#define SERVICES_MAX	16
#define RECOUNT_NS	(10 * SECOND_NS)
/* A full queue is told up to a second later where counters are polled. */
#define EXPLAINS_NS	(3 * SECOND_NS)

struct call {
	uint64_t at_ns;			/* 0: free */
	struct record r;		/* the last one that came by itself */
};

struct range {
	uint64_t at_ns;
	bool known;
	struct limit_range is;
};

struct service {
	uint64_t at_ns;			/* CLOCK_MONOTONIC; 0: not counted yet */
	bool known;
	uint32_t netns;
	struct limit_service is;
};

struct failed_calls {
	struct call calls[CALLS_MAX];
	struct range ranges[RANGES_MAX];
	struct service services[SERVICES_MAX];
	uint64_t count_due_ns;		/* CLOCK_MONOTONIC: not earlier */
	bool live;
	bool recorded;			/* `limit` is of the next one */
	struct rec_limit limit;
	uint64_t files_at_ns;
	uint64_t files_use;
	uint64_t files_max;		/* 0: cannot be read */
};

struct failed_calls *failed_calls_open(bool live)
{
	struct failed_calls *f = calloc(1, sizeof(*f));

	if (f)
		f->live = live;
	return f;
}

void failed_calls_close(struct failed_calls *f)
{
	free(f);
}

static bool same_call(const struct record *a, const struct record *b)
{
	return a->pid == b->pid && (a->has & HAS_OWNER) == (b->has & HAS_OWNER) &&
	       a->limit.call == b->limit.call && a->limit.name == b->limit.name && a->err == b->err;
}

/* Its place, or the free or oldest one. */
static struct call *place_of(struct failed_calls *f, const struct record *r)
{
	struct call *oldest = &f->calls[0];

	for (size_t i = 0; i < CALLS_MAX; i++) {
		struct call *c = &f->calls[i];

		if (c->at_ns && same_call(&c->r, r))
			return c;
		if (c->at_ns < oldest->at_ns)
			oldest = c;
	}
	return oldest;
}

static const struct limit_range *range_of(struct failed_calls *f, const struct record *r,
					  uint64_t now_ns)
{
	struct range *oldest = &f->ranges[0];

	for (size_t i = 0; i < RANGES_MAX; i++) {
		struct range *range = &f->ranges[i];

		if (range->at_ns && range->is.netns == r->netns && now_ns - range->at_ns < SECOND_NS)
			return range->known ? &range->is : NULL;
		if (range->at_ns < oldest->at_ns)
			oldest = range;
	}
	oldest->at_ns = now_ns;
	oldest->known = limit_lookup_range(r->netns, r->has & HAS_OWNER ? r->pid : 0, &oldest->is);
	return oldest->known ? &oldest->is : NULL;
}

/* Its place, or the free or oldest one. */
static struct service *service_of(struct failed_calls *f, const struct record *r)
{
	struct service *oldest = &f->services[0];

	for (size_t i = 0; i < SERVICES_MAX; i++) {
		struct service *s = &f->services[i];

		if (s->at_ns && s->netns == r->netns && s->is.rport == r->rport &&
		    s->is.family == r->family && !memcmp(s->is.laddr, r->laddr, 16) &&
		    !memcmp(s->is.raddr, r->raddr, 16))
			return s;
		if (s->at_ns < oldest->at_ns)
			oldest = s;
	}
	*oldest = (struct service){ .netns = r->netns, .is = { .family = r->family, .rport = r->rport } };
	memcpy(oldest->is.laddr, r->laddr, sizeof(r->laddr));
	memcpy(oldest->is.raddr, r->raddr, sizeof(r->raddr));
	return oldest;
}

/* Who holds them. Counting is a walk over the namespace: at most a hundredth of the time. */
static void complete_service(struct failed_calls *f, struct record *r)
{
	struct service *s = service_of(f, r);
	uint64_t now = monotonic_ns();

	if ((!s->at_ns || now - s->at_ns >= RECOUNT_NS) && now >= f->count_due_ns) {
		s->known = limit_lookup_service(r->netns, r->has & HAS_OWNER ? r->pid : 0, &s->is);
		s->at_ns = now;
		f->count_due_ns = now + 100 * (monotonic_ns() - now);
	}
	if (!s->at_ns || !s->known)
		return;
	r->limit.has_used = true;
	r->limit.used = s->is.used;
	r->limit.time_wait = s->is.time_wait;
}

/* All that there are: the kernel went through the whole range before it failed. */
static void complete_ports(struct failed_calls *f, struct record *r, uint64_t now_ns)
{
	const struct limit_range *range;

	if (r->limit.own_range || !(r->has & HAS_NETNS))
		return;
	range = range_of(f, r, now_ns);
	if (!range)
		return;
	r->limit.has_value = r->limit.has_use = true;
	r->limit.value = r->limit.use = range->ports;
	r->limit.low = range->low;
	r->limit.high = range->high;
	if (r->limit.call == EVL_CONNECT && r->has & HAS_RPORT)
		complete_service(f, r);
}

static void complete_files(struct failed_calls *f, struct record *r, uint64_t now_ns)
{
	if (!f->files_at_ns || now_ns - f->files_at_ns >= SECOND_NS) {
		f->files_at_ns = now_ns;
		if (!limit_lookup_files(&f->files_use, &f->files_max))
			f->files_max = 0;
	}
	r->limit.has_value = r->limit.has_use = f->files_max;
	r->limit.use = f->files_use;
	r->limit.value = f->files_max;
}

/* fs.nr_open binds where it was lowered below a limit that somebody has. */
static void complete_descriptors(struct record *r)
{
	uint64_t nr_open = limit_lookup_nr_open();

	if (!r->limit.has_value || nr_open >= r->limit.value)
		return;
	r->limit.value = r->limit.use = nr_open;
	r->limit.has_hard = false;
	r->limit.set_by = LIMIT_SET_BY_NR_OPEN;
}

/* Of a sum: what the last one of them said that came by itself. */
static void take_last(struct failed_calls *f, struct record *r, uint64_t now_ns)
{
	const struct call *c = place_of(f, r);

	if (!c->at_ns || !same_call(&c->r, r) || now_ns - c->at_ns > r->window_ns + SECOND_NS)
		return;
	r->method = c->r.method;
	r->limit = c->r.limit;
	if (r->has & HAS_LPORT && c->r.has & HAS_QUEUES && c->r.lport == r->lport) {
		r->has |= HAS_QUEUES;
		r->accept_queue = c->r.accept_queue;
	}
}

static void look_up(struct failed_calls *f, struct record *r)
{
	if (r->limit.name == EVL_LOCAL_PORTS)
		complete_ports(f, r, r->wall_ns);
	else if (r->limit.name == EVL_FILE_MAX)
		complete_files(f, r, r->wall_ns);
	else if (r->limit.name == EVL_OPEN_FILES)
		complete_descriptors(r);
}

void failed_calls_recorded(struct failed_calls *f, const struct rec_limit *limit)
{
	f->limit = *limit;
	f->recorded = true;
}

void failed_calls_complete(struct failed_calls *f, struct record *r)
{
	struct call *c;

	if (r->has & HAS_WINDOW) {
		take_last(f, r, r->wall_ns);
		return;
	}
	if (f->recorded)
		rec_limit_record(&f->limit, &r->limit);
	else if (f->live)
		look_up(f, r);
	f->recorded = false;
	c = place_of(f, r);
	c->at_ns = r->wall_ns;
	c->r = *r;
}

/* By cookie where both have one; MPTCP's file holds another socket. */
static bool same_listener(const struct record *a, const struct record *b)
{
	if (a->has & b->has & HAS_COOKIE && a->cookie == b->cookie)
		return true;
	return a->netns == b->netns && a->has & b->has & HAS_LPORT && a->lport == b->lport &&
	       a->family == b->family && !memcmp(a->laddr, b->laddr, sizeof(a->laddr)) &&
	       (!(a->has & b->has & HAS_OWNER) || a->pid == b->pid);
}

static const char *words_of(const struct record *r)
{
	bool four = r->limit.call == EVL_ACCEPT4;

	if (r->limit.name == EVL_OPEN_FILES)
		return four ? "accept4 fails with EMFILE" : "accept fails with EMFILE";
	return four ? "accept4 fails with ENFILE" : "accept fails with ENFILE";
}

static uint64_t apart(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

void failed_calls_explain(const struct failed_calls *f, struct record *r)
{
	if (r->kind != REC_DROP || r->drop.reason != EVD_ACCEPT_QUEUE)
		return;
	for (size_t i = 0; i < CALLS_MAX; i++) {
		const struct call *c = &f->calls[i];

		if (!c->at_ns || apart(r->wall_ns, c->at_ns) > EXPLAINS_NS ||
		    (c->r.limit.call != EVL_ACCEPT && c->r.limit.call != EVL_ACCEPT4) ||
		    !same_listener(&c->r, r))
			continue;
		r->because = words_of(&c->r);
		return;
	}
}

bool failed_calls_no_port(const struct failed_calls *f, uint32_t pid, uint64_t wall_ns)
{
	for (size_t i = 0; i < CALLS_MAX; i++) {
		const struct call *c = &f->calls[i];

		if (c->at_ns && c->r.pid == pid && c->r.limit.call == EVL_CONNECT &&
		    c->r.limit.name == EVL_LOCAL_PORTS && apart(wall_ns, c->at_ns) < EXPLAINS_NS)
			return true;
	}
	return false;
}
