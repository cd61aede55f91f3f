// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdio.h>
#include <string.h>

#include "findings.h"
#include "format.h"

static bool is_listener(const struct finding *x)
{
	return !strcmp(x->kind, "listener");
}

static const uint8_t any[16];

/* Could they have come to that listener? One of any address takes those of all, but an
 * IPv4 one nothing of IPv6. */
static bool came_to(const struct finding *stall, const struct finding *listener)
{
	const struct ev_sock *s = &stall->sock, *l = &listener->sock;

	if (s->netns != l->netns || s->lport != l->lport || (s->family == 6 && l->family == 4) ||
	    (stall->pid && listener->pid && stall->pid != listener->pid))
		return false;
	if (!memcmp(l->laddr, any, sizeof(any)))
		return true;
	return !stall->many_local && s->family == l->family &&
	       !memcmp(s->laddr, l->laddr, sizeof(any));
}

/* What waits is in the queue whose length its line tells already. */
static void fold(struct finding *listener, const struct finding *stall)
{
	size_t len = strlen(listener->text);
	char number[32], time[24];

	snprintf(listener->text + len, sizeof(listener->text) - len,
		 "; %s wait for accept(), the oldest %s",
		 format_count(stall->weight, number, sizeof(number)),
		 format_duration(stall->age_ms * 1000000ULL, time, sizeof(time)));
}

static void drop(struct findings *f, size_t i)
{
	memmove(&f->all[i], &f->all[i + 1], (f->len - i - 1) * sizeof(f->all[0]));
	f->len--;
}

/* Of two the one of their very address. */
static bool folded(struct findings *f, const struct finding *stall)
{
	struct finding *listener = NULL;

	for (size_t i = 0; i < f->len; i++)
		if (is_listener(&f->all[i]) && came_to(stall, &f->all[i]) &&
		    (!listener || memcmp(f->all[i].sock.laddr, any, sizeof(any))))
			listener = &f->all[i];
	if (listener)
		fold(listener, stall);
	return listener;
}

/* accept() of that very process fails: its queue fills whatever its length. */
static void find_root(struct findings *f, struct finding *x)
{
	for (size_t i = 0; x->pid && i < f->len; i++) {
		if (!*f->all[i].stops || f->all[i].pid != x->pid)
			continue;
		x->root = i;
		f->all[i].leads = true;
		memcpy(x->because, f->all[i].stops, sizeof(f->all[i].stops));
		return;
	}
}

/* Clients of that namespace whose SYNs find its accept queue full. */
static bool went_to(const struct finding *stall, const struct finding *listener)
{
	const struct ev_sock *s = &stall->sock, *l = &listener->sock;

	return is_listener(listener) && s->netns == l->netns && s->rport == l->lport &&
	       (!memcmp(l->laddr, any, sizeof(any)) ||
		(s->family == l->family && !memcmp(s->raddr, l->laddr, sizeof(any))));
}

/* Behind what that listener follows from itself: an incident has one root. */
static void find_listener(struct findings *f, struct finding *x)
{
	for (size_t i = 0; *x->because && i < f->len; i++) {
		if (!went_to(x, &f->all[i]))
			continue;
		x->root = f->all[i].root;
		f->all[x->root].leads = true;
		return;
	}
}

void findings_join(struct findings *f)
{
	for (size_t i = 0; i < f->len;) {
		if (f->all[i].waits_for_accept && folded(f, &f->all[i]))
			drop(f, i);
		else
			i++;
	}
	for (size_t i = 0; i < f->len; i++) {
		f->all[i].root = i;
		if (is_listener(&f->all[i]) || f->all[i].waits_for_accept)
			find_root(f, &f->all[i]);
	}
	for (size_t i = 0; i < f->len; i++)
		if (f->all[i].root == i)
			find_listener(f, &f->all[i]);
}
