// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "droppoll.h"

#include <stdlib.h>
#include <string.h>

#include "decode.h"

struct listener {
	struct listening now;
	uint64_t drops_before;	/* sk_drops at the look before */
	uint64_t others_before;	/* and what of it is known to be no refusal */
	uint64_t told;		/* by a hook, since then */
	uint64_t fresh_moved;	/* sk_drops less that, in this look */
	uint64_t spare;		/* of the look before, which nothing was told for: the
				 * namespace is read before its listeners */
	uint64_t moved;		/* both */
	uint64_t named;		/* of which told now */
	bool seen;		/* in this look */
	bool fresh;		/* not in the one before */
};

struct namespace {
	uint32_t netns;
	struct netns_count now, before, base;
	uint64_t told;		/* since the base, as the next */
	uint64_t told_overflows, told_syn_queue;
	bool seen;
	bool uncounted;		/* hooks told of it, no look has seen it yet */
	uint8_t looks_left;	/* nobody listens there any more, and it is told of so often */
};

/* Grows, never shrinks; `next` is where the walk, which hardly changes, is. */
struct droppoll {
	struct listener *listeners;
	size_t len, room, next;
	struct namespace *spaces;
	size_t spaces_len, spaces_room;
	bool begun;
	bool patient;
};

struct droppoll *droppoll_open(bool patient)
{
	struct droppoll *d = calloc(1, sizeof(*d));

	if (d)
		d->patient = patient;
	return d;
}

void droppoll_close(struct droppoll *d)
{
	if (!d)
		return;
	free(d->listeners);
	free(d->spaces);
	free(d);
}

static struct listener *find(struct droppoll *d, uint64_t cookie)
{
	for (size_t n = 0; n < d->len; n++) {
		size_t i = (d->next + n) % d->len;

		if (d->listeners[i].now.sock.cookie != cookie)
			continue;
		d->next = i + 1;
		return &d->listeners[i];
	}
	return NULL;
}

static struct namespace *find_space(struct droppoll *d, uint32_t netns)
{
	for (size_t i = 0; i < d->spaces_len; i++)
		if (d->spaces[i].netns == netns)
			return &d->spaces[i];
	return NULL;
}

void droppoll_look(struct droppoll *d)
{
	for (size_t i = 0; i < d->len; i++)
		d->listeners[i].seen = false;
	for (size_t i = 0; i < d->spaces_len; i++)
		d->spaces[i].seen = false;
	d->next = 0;
}

/* Room for one more of `size` bytes. */
static void *grown(void *list, size_t len, size_t *room, size_t size)
{
	size_t more = *room ? 2 * *room : 64;
	void *bigger;

	if (len < *room)
		return list;
	bigger = realloc(list, more * size);
	if (bigger)
		*room = more;
	return bigger;
}

static struct namespace *new_space(struct droppoll *d, uint32_t netns)
{
	void *list = grown(d->spaces, d->spaces_len, &d->spaces_room, sizeof(*d->spaces));
	struct namespace *ns;

	if (!list)
		return NULL;
	d->spaces = list;
	ns = &d->spaces[d->spaces_len++];
	*ns = (struct namespace){ .netns = netns, .uncounted = true };
	return ns;
}

static void count_told(struct namespace *ns, enum ev_drop_reason reason, uint64_t n)
{
	ns->told += n;
	if (reason == EVD_ACCEPT_QUEUE)
		ns->told_overflows += n;
	else if (reason == EVD_SYN_QUEUE)
		ns->told_syn_queue += n;
}

void droppoll_told(struct droppoll *d, uint64_t cookie, uint32_t netns, enum ev_drop_reason reason,
		   uint64_t n)
{
	struct listener *l = find(d, cookie);
	struct namespace *ns = find_space(d, netns);

	if (l)
		l->told += n;
	if (!ns)
		ns = new_space(d, netns);
	if (ns)
		count_told(ns, reason, n);
}

uint32_t droppoll_backlog(struct droppoll *d, uint64_t cookie, uint32_t now)
{
	size_t next = d->next;
	const struct listener *l = find(d, cookie);

	d->next = next;
	return l ? l->now.queues.backlog : now;
}

bool droppoll_listener(struct droppoll *d, const struct listening *l)
{
	struct listener *at = find(d, l->sock.cookie);
	void *list;

	if (!at) {
		list = grown(d->listeners, d->len, &d->room, sizeof(*d->listeners));
		if (!list)
			return false;
		d->listeners = list;
		at = &d->listeners[d->len++];
		/* Of one that was there before us, what it refused is not ours. */
		*at = (struct listener){ .drops_before = d->begun ? 0 : l->drops,
					 .others_before = d->begun ? 0 : l->others, .fresh = true };
	}
	at->now = *l;
	at->seen = true;
	return true;
}

/* What hooks told before the base is not of a later count. */
static void begin(struct droppoll *d, struct namespace *ns, const struct netns_count *now,
		  const struct netns_count *born)
{
	ns->uncounted = false;
	if (d->begun && born) {
		ns->base = *born;
		return;
	}
	ns->base = *now;
	ns->told = ns->told_overflows = ns->told_syn_queue = 0;
}

static struct namespace *count_space(struct droppoll *d, uint32_t netns,
				     const struct netns_count *count,
				     const struct netns_count *born)
{
	struct namespace *ns = find_space(d, netns);

	if (!ns)
		ns = new_space(d, netns);
	if (!ns)
		return NULL;
	/* Fewer than at the last look: another namespace has its number now. */
	if (ns->uncounted || count->listen_drops < ns->now.listen_drops)
		begin(d, ns, count, born);
	ns->before = ns->now;
	ns->now = *count;
	ns->seen = true;
	return ns;
}

bool droppoll_netns(struct droppoll *d, uint32_t netns, const struct netns_count *count,
		    const struct netns_count *born)
{
	struct namespace *ns = count_space(d, netns, count, born);

	if (ns)
		ns->looks_left = 0;
	return ns;
}

bool droppoll_ended(struct droppoll *d, uint32_t netns, const struct netns_count *count,
		    const struct netns_count *born)
{
	struct namespace *ns = find_space(d, netns);

	/* Others listen there: what this look read is later. */
	if (ns && ns->seen)
		return true;
	ns = count_space(d, netns, count, born);
	if (ns)
		ns->looks_left = d->patient ? 2 : 1;
	return ns;
}

/* What this namespace refused and nobody told yet, and of that by cause. */
struct owed {
	uint64_t all, overflows, syn_queue;
};

static uint64_t less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

static uint64_t at_most(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static struct owed owed_by(const struct droppoll *d, const struct namespace *ns)
{
	const struct netns_count *at = d->patient ? &ns->before : &ns->now;
	struct owed o;

	o.all = less(at->listen_drops, ns->base.listen_drops + ns->told);
	o.overflows = at_most(o.all, less(at->listen_overflows,
					  ns->base.listen_overflows + ns->told_overflows));
	o.syn_queue = at_most(o.all - o.overflows,
			      less(at->reqq_full_drop,
				   ns->base.reqq_full_drop + ns->told_syn_queue));
	return o;
}

struct telling {
	struct droppoll *d;
	struct namespace *ns;
	uint64_t window_ns;
	droppoll_fn fn;
	void *ctx;
};

static void tell(struct telling *t, struct listener *l, uint64_t count,
		 enum ev_drop_reason reason, uint64_t bound)
{
	struct record r = { .kind = REC_DROP, .method = EVM_POLL, .count = count,
			    .window_ns = t->window_ns, .role = EVR_LISTENER, .netns = t->ns->netns,
			    .has = HAS_NETNS | (t->d->patient ? HAS_NOT_SEEN : 0),
			    .drop = { .reason = reason } };

	if (l) {
		decode_sock(&l->now.sock, &r);
		r.has |= HAS_QUEUES;
		r.drop.queues = l->now.queues;
	}
	r.has |= HAS_WINDOW;
	if (bound) {
		r.has |= HAS_AT_MOST;
		r.drop.at_most = bound;
	}
	count_told(t->ns, reason, count);
	if (l)
		l->named += count;
	t->fn(t->ctx, &r, l ? l->now.sock.cgroup : 0);
}

/* All of it was refused by this one (NULL: by one that is not known). */
static void tell_by_cause(struct telling *t, struct listener *l, const struct owed *o)
{
	uint64_t rest = o->all - o->overflows - o->syn_queue;

	if (o->overflows)
		tell(t, l, o->overflows, EVD_ACCEPT_QUEUE, 0);
	if (o->syn_queue)
		tell(t, l, o->syn_queue, EVD_SYN_QUEUE, 0);
	if (rest)
		tell(t, l, rest, EVD_UNKNOWN, 0);
}

/* Each at least what the others together cannot have refused for that cause. */
static void tell_bounds(struct telling *t, uint64_t count, enum ev_drop_reason reason, uint64_t moved,
			bool gone)
{
	uint64_t rest = count;

	for (size_t i = 0; i < t->d->len && count; i++) {
		struct listener *l = &t->d->listeners[i];
		uint64_t least, most = at_most(l->moved, count);

		if (l->now.sock.netns != t->ns->netns || !most)
			continue;
		least = gone ? 0 : at_most(most, less(count, moved - l->moved));
		tell(t, l, least, reason, least == most ? 0 : most);
		rest -= least;
	}
	if (rest)
		tell(t, NULL, rest, reason, 0);
}

/* By cause, as its counters are, and with bounds for each: sk_drops has all of them. */
static void tell_all_bounds(struct telling *t, const struct owed *o, uint64_t moved, bool gone)
{
	tell_bounds(t, o->overflows, EVD_ACCEPT_QUEUE, moved, gone);
	tell_bounds(t, o->syn_queue, EVD_SYN_QUEUE, moved, gone);
	tell_bounds(t, o->all - o->overflows - o->syn_queue, EVD_UNKNOWN, moved, gone);
	if (moved != o->all || gone)
		return;
	/* Whatever the causes, all that moved was refused now: no later look has any of it,
	 * unless it is one of the others that came first. */
	for (size_t i = 0; i < t->d->len; i++) {
		struct listener *l = &t->d->listeners[i];

		if (l->now.sock.netns == t->ns->netns && l->now.others == l->others_before)
			l->named = l->moved;
	}
}

static void settle(struct telling *t)
{
	struct listener *only = NULL;
	unsigned int movers = 0;
	uint64_t moved = 0;
	bool gone = false;
	struct owed o;

	for (size_t i = 0; i < t->d->len; i++) {
		struct listener *l = &t->d->listeners[i];

		if (l->now.sock.netns != t->ns->netns)
			continue;
		gone |= !l->seen;
		moved += l->moved;
		if (l->moved) {
			movers++;
			only = l;
		}
	}
	o = owed_by(t->d, t->ns);
	if (!o.all)
		return;
	/* More than all of them together: by one that came and went between looks. */
	gone |= moved < o.all;
	if (movers == 1 && !gone)
		tell_by_cause(t, only, &o);
	else
		tell_all_bounds(t, &o, moved, gone);
}

/* Those that are gone cannot be looked at again. */
static void forget(struct droppoll *d)
{
	size_t kept = 0;

	for (size_t i = 0; i < d->len; i++) {
		struct listener *l = &d->listeners[i];

		if (!l->seen)
			continue;
		l->drops_before = l->now.drops;
		l->others_before = l->now.others;
		l->spare = at_most(l->fresh_moved, less(l->moved, l->named));
		l->told = l->named = 0;
		l->fresh = false;
		d->listeners[kept++] = *l;
	}
	d->len = kept;
	kept = 0;
	for (size_t i = 0; i < d->spaces_len; i++) {
		struct namespace *ns = &d->spaces[i];

		if (ns->looks_left ? --ns->looks_left : ns->seen)
			d->spaces[kept++] = *ns;
	}
	d->spaces_len = kept;
}

/* sk_drops has 32 bits: it may have gone round. One of the others may be counted there by
 * one look and here by the next: what nothing was told for is spared for that one. */
static uint64_t moved_now(const struct listener *l)
{
	return less((uint32_t)(l->now.drops - l->drops_before),
		    l->told + less(l->now.others, l->others_before));
}

void droppoll_looked(struct droppoll *d, uint64_t window_ns, droppoll_fn fn, void *ctx)
{
	struct telling t = { .d = d, .window_ns = window_ns, .fn = fn, .ctx = ctx };

	for (size_t i = 0; i < d->len; i++) {
		struct listener *l = &d->listeners[i];

		l->fresh_moved = l->seen ? moved_now(l) : 0;
		l->moved = l->fresh_moved + l->spare;
	}
	for (size_t i = 0; i < d->spaces_len; i++) {
		t.ns = &d->spaces[i];
		if (!t.ns->seen && t.ns->looks_left)
			t.ns->before = t.ns->now;
		if (t.ns->seen || t.ns->looks_left)
			settle(&t);
	}
	forget(d);
	d->begun = true;
}
