// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "fold.h"

/* The call lasts microseconds: what is further apart was of another. */
#define NEAR 64

static const struct ev_state *state_at(struct queue *q, size_t i)
{
	return (const struct ev_state *)(const void *)queue_at(q, i);
}

/* The same facts as bpf/state.bpf.c's. */
static bool found_no_port(const struct ev_state *e)
{
	return e->from == EVS_SYN_SENT && e->to == EVS_CLOSE && e->facts & EVF_NOTHING_SENT &&
	       !e->sock.lport && e->sock.cookie;
}

static struct ev_head *begin_of(struct queue *q, size_t i, uint64_t cookie)
{
	for (size_t n = 0; n < NEAR && n < i; n++) {
		const struct ev_state *e = state_at(q, i - 1 - n);

		if (e->head.kind == EV_STATE && e->sock.cookie == cookie && e->to == EVS_SYN_SENT)
			return queue_at(q, i - 1 - n);
	}
	return NULL;
}

static struct ev_head *life_of(struct queue *q, size_t i, uint64_t cookie)
{
	for (size_t n = i; n < i + NEAR && n < queue_len(q); n++)
		if (queue_at(q, n)->kind == EV_CONNECTION && state_at(q, n)->sock.cookie == cookie)
			return queue_at(q, n);
	return NULL;
}

/* Processes whose limit is among the records: it is told with them, not before. */
struct callers {
	uint32_t pids[16];
	size_t len;
};

static bool among(const struct callers *c, uint32_t pid)
{
	for (size_t i = 0; i < c->len; i++)
		if (c->pids[i] == pid)
			return true;
	return false;
}

static void callers_of(struct queue *q, struct callers *c)
{
	for (size_t i = 0; i < queue_len(q); i++) {
		const struct ev_limit *e = (const void *)queue_at(q, i);

		if (e->head.kind == EV_LIMIT && e->limit == EVL_LOCAL_PORTS && e->call == EVL_CONNECT &&
		    c->len < sizeof(c->pids) / sizeof(c->pids[0]) && !among(c, e->sock.owner.pid))
			c->pids[c->len++] = e->sock.owner.pid;
	}
}

/* The i-th is its end, and the first of what is left of it but for its begin. */
static void fold(struct queue *q, size_t i, struct fold_made made)
{
	uint64_t cookie = state_at(q, i)->sock.cookie;
	struct ev_head *begin = made.states ? begin_of(q, i, cookie) : NULL;
	struct ev_head *life = made.states && made.lives ? life_of(q, i, cookie) : NULL;

	if ((made.states && !begin) || (made.states && made.lives && !life))
		return;
	queue_at(q, i)->kind = 0;
	if (begin)
		begin->kind = 0;
	if (life)
		life->kind = 0;
}

void fold_no_ports(struct queue *q, size_t n, struct fold_made made, fold_told_fn told, void *ctx)
{
	unsigned int end = made.states ? EV_STATE : EV_CONNECTION;
	struct callers callers = { .len = 0 };

	callers_of(q, &callers);
	for (size_t i = 0; i < n; i++) {
		/* A life begins with its last transition. */
		const struct ev_state *e = state_at(q, i);

		if (e->head.kind == end && found_no_port(e) &&
		    (among(&callers, e->sock.owner.pid) || told(ctx, e->sock.owner.pid)))
			fold(q, i, made);
	}
}
