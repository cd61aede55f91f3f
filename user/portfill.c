// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "portfill.h"

#include <stdbool.h>
#include <string.h>

/* One record without a port, until it is known what becomes of it. */
struct pending {
	struct ev_state *record;
	uint64_t cookie;	/* the record's, which is far away */
	size_t index;
	bool settled;
	bool gone;
};

/* Open addressing, by cookie, twice as large as what is asked at once. */
#define TABLE_SIZE (2 * PORTFILL_MAX)

struct table {
	struct pending items[PORTFILL_MAX];
	size_t len;
	uint16_t slots[TABLE_SIZE];	/* index into items + 1; 0: free */
};

static bool lacks_port(const struct ev_head *head)
{
	const struct ev_state *e = (const void *)head;

	return head->kind == EV_STATE && !e->sock.lport && e->sock.cookie &&
	       (e->to == EVS_SYN_SENT || e->to == EVS_LISTEN);
}

bool portfill_listens(const struct ev_head *head)
{
	return lacks_port(head) && ((const struct ev_state *)head)->to == EVS_LISTEN;
}

static size_t slot_of(const struct table *t, uint64_t cookie)
{
	size_t i = cookie * 0x9e3779b97f4a7c15ULL >> 32;

	for (;; i++) {
		uint16_t at = t->slots[i % TABLE_SIZE];

		if (!at || t->items[at - 1].cookie == cookie)
			return i % TABLE_SIZE;
	}
}

static struct pending *find(struct table *t, uint64_t cookie)
{
	uint16_t at = t->slots[slot_of(t, cookie)];

	return at ? &t->items[at - 1] : NULL;
}

/* A later record of the same socket says its port, or that it never had one. */
static void learn(struct table *t, const struct ev_state *later)
{
	struct pending *p = find(t, later->sock.cookie);

	if (!p || p->settled)
		return;
	p->record->sock.lport = later->sock.lport;
	p->settled = true;
}

/* Collects up to PORTFILL_MAX records from `from` on; returns where it ended. */
static size_t collect(struct queue *q, size_t from, struct table *t)
{
	size_t i;

	memset(t, 0, sizeof(*t));
	for (i = from; i < queue_len(q); i++) {
		struct ev_head *head = queue_at(q, i);
		struct ev_state *e = (void *)head;
		size_t slot;

		if (head->kind != EV_STATE)
			continue;
		if (!lacks_port(head)) {
			if (t->len)
				learn(t, e);
			continue;
		}
		if (t->len == PORTFILL_MAX)
			break;
		slot = slot_of(t, e->sock.cookie);
		t->items[t->len] = (struct pending){ .record = e, .cookie = e->sock.cookie, .index = i };
		t->slots[slot] = ++t->len;
	}
	return i;
}

/* Records behind the collected part may still know: looked at for these only. */
static void look_behind(struct queue *q, size_t from, struct table *t)
{
	for (size_t i = from; i < queue_len(q); i++)
		if (queue_at(q, i)->kind == EV_STATE && !lacks_port(queue_at(q, i)))
			learn(t, (const void *)queue_at(q, i));
}

/* A listener's port became known only now: connections to it that are queued
 * behind its record had no owner to be found. */
static void adopt(struct queue *q, const struct pending *listener)
{
	const struct ev_sock *l = &listener->record->sock;

	for (size_t i = listener->index + 1; i < queue_len(q); i++) {
		struct ev_state *e = (void *)queue_at(q, i);

		if (e->sock.role != EVR_SERVER || e->sock.owner.source != EVO_NONE ||
		    e->sock.netns != l->netns || e->sock.lport != l->lport)
			continue;
		e->sock.owner = l->owner;
		e->sock.owner.source = EVO_LISTENER;
	}
}

static void ask_kernel(struct table *t, portfill_ask_fn ask, void *ctx)
{
	struct portfill_slot slots[PORTFILL_MAX];
	struct pending *asked[PORTFILL_MAX];
	size_t n = 0;

	for (size_t i = 0; i < t->len; i++) {
		struct pending *p = &t->items[i];

		if (p->settled)
			continue;
		memset(&slots[n], 0, sizeof(slots[n]));
		slots[n].sk = p->record->sk;
		slots[n].cookie = p->record->sock.cookie;
		slots[n].owner = p->record->sock.owner;
		asked[n++] = p;
	}
	if (!n)
		return;
	if (ask(ctx, slots, n)) {
		/* No such program: they go out as they are. */
		for (size_t i = 0; i < n; i++)
			asked[i]->settled = true;
		return;
	}
	for (size_t i = 0; i < n; i++) {
		asked[i]->gone = slots[i].answer == PORTFILL_GONE;
		if (slots[i].answer != PORTFILL_PORT)
			continue;
		asked[i]->record->sock.lport = slots[i].port;
		asked[i]->settled = true;
	}
}

size_t portfill_run(struct queue *q, portfill_ask_fn ask, void *ctx, uint64_t now_ns,
		    bool refused)
{
	struct table t;

	for (size_t from = 0; from < queue_len(q);) {
		size_t end = collect(q, from, &t);

		look_behind(q, end, &t);
		ask_kernel(&t, ask, ctx);
		for (size_t i = 0; i < t.len; i++) {
			const struct pending *p = &t.items[i];

			if (p->settled && p->record->to == EVS_LISTEN && p->record->sock.lport)
				adopt(q, p);
			/* A socket that is gone, or whose port is not chosen yet: its
			 * next record is on its way. */
			if (!p->settled &&
			    now_ns < p->record->head.ts_ns + PORTFILL_PATIENCE_NS)
				return p->index;
			if (refused && !p->settled && p->gone && p->record->to == EVS_SYN_SENT)
				p->record->head.kind = 0;
		}
		from = end;
	}
	return queue_len(q);
}
