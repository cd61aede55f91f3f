// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "twpoll.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "diag.h"
#include "monotonic.h"
#include "netns.h"

#define INTERVAL_NS	1000000000ULL
#define COST_SHARE	50		/* an interval is that many times its dump */
#define TIMEWAIT_NS	60000000000ULL	/* TCP_TIMEWAIT_LEN, include/net/tcp.h */
#define INDEX_SIZE	(2 * TWPOLL_MAX)
#define MINI_STATES	(1U << EVS_TIME_WAIT | 1U << EVS_FIN_WAIT2)
/* And requests: a new SYN's may hold the addresses of one that is gone. */
#define DUMP_STATES	(MINI_STATES | 1U << EVS_SYN_RECV)
#define BATCH		64		/* namespaces open at a time */
#define DELETED		UINT32_MAX

struct entry {
	struct ev_sock sock;	/* role, owner and addresses as they were */
	uint64_t since_ns;
	uint64_t missed_ns;	/* when a dump began that did not show it; 0: none */
	uint32_t round;		/* of the dump that saw it last */
	uint8_t state;
	bool used;
	bool moved;		/* a dump showed TIME-WAIT for FIN-WAIT-2 already */
};

/* The hash beside it: another entry's cache line is not looked at for nothing. */
struct slot {
	uint32_t at;		/* entry + 1; 0 free; DELETED */
	uint32_t hash;
};

struct twpoll {
	twpoll_fn fn;
	void (*breathe)(void *ctx);
	void *ctx;
	struct entry *entries;
	size_t room;		/* of entries */
	size_t top;		/* entries ever used */
	size_t len;
	struct slot *index;	/* by hash of addresses */
	size_t index_used;	/* slots that are not free, deleted ones included */
	uint32_t *holes;	/* free entries below top */
	size_t holes_len;
	uint32_t round;
	uint64_t next_ns;
	size_t missing;		/* entries with missed_ns */
	uint64_t dumped_ns;	/* CLOCK_MONOTONIC: when the last dump was over */
	uint64_t breathed_ns;	/* in this dump */
	bool last;		/* no hook's record is still to come */
	uint64_t unseen;
};

struct twpoll *twpoll_open(twpoll_fn fn, void (*breathe)(void *ctx), void *ctx)
{
	struct twpoll *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->fn = fn;
	t->breathe = breathe;
	t->ctx = ctx;
	t->index = calloc(INDEX_SIZE, sizeof(*t->index));
	if (t->index)
		return t;
	free(t);
	return NULL;
}

void twpoll_close(struct twpoll *t)
{
	if (!t)
		return;
	free(t->entries);
	free(t->holes);
	free(t->index);
	free(t);
}

size_t twpoll_len(const struct twpoll *t)
{
	return t->len;
}

uint64_t twpoll_unseen(const struct twpoll *t)
{
	return t->unseen;
}

static uint32_t hash_of(const struct ev_sock *s)
{
	uint64_t h = s->netns, word;

	for (size_t i = 0; i < 16; i += 8) {
		memcpy(&word, s->laddr + i, 8);
		h = (h ^ word) * 0x9e3779b97f4a7c15ULL;
		memcpy(&word, s->raddr + i, 8);
		h = (h ^ word) * 0x9e3779b97f4a7c15ULL;
	}
	h = (h ^ ((uint64_t)s->lport << 16 | s->rport)) * 0x9e3779b97f4a7c15ULL;
	return h >> 32;
}

static bool same(const struct ev_sock *a, const struct ev_sock *b)
{
	return a->netns == b->netns && a->lport == b->lport && a->rport == b->rport &&
	       a->family == b->family && !memcmp(a->laddr, b->laddr, 16) &&
	       !memcmp(a->raddr, b->raddr, 16);
}

/* The slot that holds these addresses, or INDEX_SIZE. */
static size_t find(const struct twpoll *t, const struct ev_sock *s)
{
	uint32_t hash = hash_of(s);

	for (size_t n = 0, i = hash; n < INDEX_SIZE; n++, i++) {
		const struct slot *slot = &t->index[i % INDEX_SIZE];

		if (!slot->at)
			break;
		if (slot->at != DELETED && slot->hash == hash && same(&t->entries[slot->at - 1].sock, s))
			return i % INDEX_SIZE;
	}
	return INDEX_SIZE;
}

static void put(struct twpoll *t, uint32_t at)
{
	uint32_t hash = hash_of(&t->entries[at].sock);
	size_t i = hash;

	while (t->index[i % INDEX_SIZE].at && t->index[i % INDEX_SIZE].at != DELETED)
		i++;
	t->index_used += !t->index[i % INDEX_SIZE].at;
	t->index[i % INDEX_SIZE] = (struct slot){ .at = at + 1, .hash = hash };
}

/* Deleted slots pile up: made anew when too few are free. */
static void rehash(struct twpoll *t)
{
	if (t->index_used < INDEX_SIZE / 4 * 3)
		return;
	memset(t->index, 0, INDEX_SIZE * sizeof(*t->index));
	t->index_used = 0;
	for (size_t i = 0; i < t->top; i++)
		if (t->entries[i].used)
			put(t, i);
}

static bool grow(struct twpoll *t)
{
	size_t room = t->room ? 2 * t->room : 1024;
	struct entry *entries;
	uint32_t *holes;

	if (t->holes_len || t->top < t->room)
		return true;
	if (t->room >= TWPOLL_MAX)
		return false;
	entries = realloc(t->entries, room * sizeof(*entries));
	if (!entries)
		return false;
	t->entries = entries;
	holes = realloc(t->holes, room * sizeof(*holes));
	if (!holes)
		return false;
	t->holes = holes;
	t->room = room;
	return true;
}

static void found_again(struct twpoll *t, struct entry *entry)
{
	t->missing -= !!entry->missed_ns;
	entry->missed_ns = 0;
}

static void end(struct twpoll *t, size_t slot, unsigned int to, unsigned int why)
{
	uint32_t at = t->index[slot].at - 1;
	struct entry *entry = &t->entries[at];
	struct ev_timewait ev = { .sock = entry->sock, .since_ns = entry->since_ns };
	struct timespec now, tai;

	clock_gettime(CLOCK_MONOTONIC, &now);
	clock_gettime(CLOCK_TAI, &tai);
	ev.head.ts_ns = now.tv_sec * 1000000000ULL + now.tv_nsec;
	ev.head.tai_ns = tai.tv_sec * 1000000000ULL + tai.tv_nsec;
	ev.head.kind = EV_TIMEWAIT;
	ev.head.method = why == EVW_REUSED ? EVM_INFERRED : EVM_POLL;
	ev.head.size = sizeof(ev);
	ev.from = entry->state;
	ev.to = ev.sock.state = to;
	ev.why = why;
	if (to == EVS_TIME_WAIT) {
		entry->state = to;
		entry->since_ns = ev.head.ts_ns;
	} else {
		found_again(t, entry);
		entry->used = false;
		t->index[slot].at = DELETED;
		t->holes[t->holes_len++] = at;
		t->len--;
	}
	t->fn(t->ctx, &ev);
}

void twpoll_begin(struct twpoll *t, const struct ev_state *e, unsigned int state)
{
	size_t old = find(t, &e->sock);
	struct entry *entry;
	uint32_t at;

	if (old != INDEX_SIZE)
		end(t, old, EVS_CLOSE, EVW_REUSED);
	if (!grow(t)) {
		t->unseen++;
		return;
	}
	rehash(t);
	at = t->holes_len ? t->holes[--t->holes_len] : t->top++;
	entry = &t->entries[at];
	*entry = (struct entry){ .sock = e->sock, .state = state, .used = true };
	entry->since_ns = state == EVS_FIN_WAIT2 ? e->since_ns : e->head.ts_ns;
	entry->round = t->round;
	put(t, at);
	t->len++;
}

void twpoll_moved(struct twpoll *t, const struct ev_timewait *e)
{
	size_t slot = find(t, &e->sock);

	if (slot == INDEX_SIZE)
		return;
	t->entries[t->index[slot].at - 1].state = EVS_TIME_WAIT;
	t->entries[t->index[slot].at - 1].since_ns = e->head.ts_ns;
}

void twpoll_reused(struct twpoll *t, const struct ev_state *e)
{
	size_t slot;

	if (!t->len || !e->sock.lport)
		return;
	slot = find(t, &e->sock);
	if (slot != INDEX_SIZE)
		end(t, slot, EVS_CLOSE, EVW_REUSED);
}

static void seen(void *ctx, const struct inet_diag_msg *m, uint32_t netns)
{
	struct twpoll *t = ctx;
	uint64_t cookie = (uint64_t)m->id.idiag_cookie[1] << 32 | m->id.idiag_cookie[0];
	struct ev_sock s;
	struct entry *entry;
	size_t slot;

	diag_addresses(m, netns, &s);
	slot = find(t, &s);
	if (slot == INDEX_SIZE)
		return;
	entry = &t->entries[t->index[slot].at - 1];
	if (m->idiag_state == EVS_SYN_RECV) {
		end(t, slot, EVS_CLOSE, EVW_REUSED);
		return;
	}
	if (entry->sock.cookie != cookie)
		return;
	entry->round = t->round;
	found_again(t, entry);
	if (entry->state != EVS_FIN_WAIT2 || m->idiag_state != EVS_TIME_WAIT)
		return;
	/* The hook's record may still be in the ring: its turn comes first. */
	if (entry->moved || t->last)
		end(t, slot, EVS_TIME_WAIT, EVW_FIN);
	else
		entry->moved = true;
}

/* Between the parts of a dump. What it takes is not the dump's cost. */
static void breathe(void *ctx)
{
	struct twpoll *t = ctx;
	uint64_t began = monotonic_ns();

	if (t->breathe)
		t->breathe(t->ctx);
	t->breathed_ns += monotonic_ns() - began;
}

/* Why a mini-socket is gone that nobody reused, as far as was told. */
static unsigned int why_gone(const struct twpoll *t, const struct entry *entry)
{
	if (entry->state == EVS_FIN_WAIT2)
		return EVW_UNKNOWN;	/* its FIN, a RST, or tcp_fin_timeout */
	if (entry->missed_ns - entry->since_ns >= TIMEWAIT_NS - INTERVAL_NS)
		return EVW_EXPIRED;
	/* Since the hooks are gone a connection may have taken its addresses. */
	return t->last ? EVW_UNKNOWN : EVW_KILLED;
}

/* Ends those that a dump did not show, once all is told that was made up to then: who took
 * the addresses of one has ended it, by twpoll_reused(). */
static void settle(struct twpoll *t)
{
	for (size_t i = 0; t->missing && i < t->top; i++)
		if (t->entries[i].used && t->entries[i].missed_ns)
			end(t, find(t, &t->entries[i].sock), EVS_CLOSE, why_gone(t, &t->entries[i]));
}

/* Marks those of the namespace that the dump did not show. One that nothing holds
 * any more took its mini-sockets with it, which nobody can have watched: they
 * are forgotten. */
static void sweep(struct twpoll *t, uint32_t netns, uint64_t started, bool dumped)
{
	for (size_t i = 0; i < t->top; i++) {
		struct entry *entry = &t->entries[i];

		if (!entry->used || entry->sock.netns != netns || entry->round == t->round ||
		    entry->since_ns >= started)
			continue;
		if (dumped) {
			entry->round = t->round;
			t->missing += !entry->missed_ns;
			if (!entry->missed_ns)
				entry->missed_ns = started;
			continue;
		}
		found_again(t, entry);
		t->index[find(t, &entry->sock)].at = DELETED;
		entry->used = false;
		t->holes[t->holes_len++] = i;
		t->len--;
	}
}

static void skip_round(struct twpoll *t, uint32_t netns)
{
	for (size_t i = 0; i < t->top; i++)
		if (t->entries[i].used && t->entries[i].sock.netns == netns)
			t->entries[i].round = t->round;
}

static void poll_netns(struct twpoll *t, const struct netns *ns, uint64_t now)
{
	int sock = -1, err = -ENOENT;

	if (ns->fd >= 0) {
		sock = netns_diag_socket(ns->fd);
		close(ns->fd);
		err = sock < 0 ? sock : 0;
	}
	if (!err)
		err = diag_dump(sock, DUMP_STATES, ns->inum, seen, breathe, t);
	if (sock >= 0)
		close(sock);
	/* A dump that broke off says nothing: the next one will. */
	if (!err || err == -ENOENT || err == -EPERM)
		sweep(t, ns->inum, now, !err);
	else
		skip_round(t, ns->inum);
}

/* Namespaces with entries that this round has not seen. */
static size_t due(const struct twpoll *t, uint64_t now, struct netns *batch)
{
	size_t n = 0, k;

	for (size_t i = 0; i < t->top && n < BATCH; i++) {
		const struct entry *entry = &t->entries[i];

		if (!entry->used || entry->round == t->round || entry->since_ns >= now)
			continue;
		for (k = 0; k < n && batch[k].inum != entry->sock.netns; k++)
			;
		if (k == n)
			batch[n++].inum = entry->sock.netns;
	}
	return n;
}

static void look(struct twpoll *t, uint64_t now_ns)
{
	struct netns batch[BATCH];
	size_t n;

	t->round++;
	/* Those polled have no entry left of an older round but what began since. */
	while ((n = due(t, now_ns, batch))) {
		netns_open(batch, n);
		for (size_t i = 0; i < n; i++)
			poll_netns(t, &batch[i], now_ns);
	}
	t->dumped_ns = monotonic_ns();
}

void twpoll_tick(struct twpoll *t, uint64_t now_ns, uint64_t told_ns)
{
	uint64_t began = monotonic_ns(), cost;

	if (told_ns > t->dumped_ns)
		settle(t);
	if (!t->len || now_ns < t->next_ns)
		return;
	t->breathed_ns = 0;
	look(t, now_ns);
	cost = monotonic_ns() - began - t->breathed_ns;
	t->next_ns = now_ns + (COST_SHARE * cost > INTERVAL_NS ? COST_SHARE * cost : INTERVAL_NS);
}

void twpoll_last(struct twpoll *t)
{
	settle(t);
	t->last = true;
	if (t->len)
		look(t, monotonic_ns());
	settle(t);
}
