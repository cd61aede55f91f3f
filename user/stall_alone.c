// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "stall_alone.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "diag.h"
#include "limit_rows.h"
#include "limit_sources.h"
#include "proc_text.h"

#define REQUESTS	(1U << EVS_SYN_RECV)
#define ORPHANS		(1U << EVS_FIN_WAIT1 | 1U << EVS_CLOSING | 1U << EVS_LAST_ACK)
/* Of one namespace; a flood of SYNs fills a SYN queue of 4,096. */
#define ALONE_MAX	65536

struct alone {
	struct loader *loader;
	struct stalled *found;
	size_t len;
	size_t room;
	uint32_t states;
	bool no_memory;
	loader_stalled_fn fn;
	void (*breathe)(void *ctx);
	void *ctx;
};

/* The kernel counts them for the whole host. Not known: maybe. */
static bool has_orphans(void)
{
	uint64_t orphans = 1;
	char text[2048];

	return !proc_text("/proc/net/sockstat", text, sizeof(text)) ||
	       !limit_parse_sockstat(text, "TCP:", "orphan", &orphans) || orphans;
}

/* One with a file is found by the other walk. */
static void take(void *ctx, const struct inet_diag_msg *m, uint32_t netns)
{
	struct alone *a = ctx;

	if (m->idiag_inode || a->len == ALONE_MAX)
		return;
	if (a->len == a->room) {
		size_t room = a->room ? 2 * a->room : 64;
		struct stalled *found = realloc(a->found, room * sizeof(*found));

		if (!found) {
			a->no_memory = true;
			return;
		}
		a->found = found;
		a->room = room;
	}
	a->found[a->len] = (struct stalled){ 0 };
	diag_addresses(m, netns, &a->found[a->len++].sock);
}

static int look_up(struct alone *a)
{
	for (size_t i = 0; i < a->len; i += STALLED_LOOK_UPS) {
		size_t n = a->len - i < STALLED_LOOK_UPS ? a->len - i : STALLED_LOOK_UPS;
		int err = loader_stalls_look_up(a->loader, a->found + i, n);

		if (err)
			return err;
		for (size_t k = i; k < i + n; k++)
			if (a->found[k].sock.state && a->found[k].place != STALLED_FILE)
				a->fn(a->ctx, &a->found[k]);
	}
	return 0;
}

/* In the namespace. One that is ended by now, or that sock_diag is not loaded for, is
 * left out. */
static int look_inside(struct alone *a, uint32_t netns)
{
	int sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	bool ok;

	if (sock < 0)
		return 0;
	a->len = 0;
	ok = !diag_dump(sock, a->states, netns, take, NULL, a);
	close(sock);
	if (a->no_memory)
		return -ENOMEM;
	return ok ? look_up(a) : 0;
}

static void leave(int home)
{
	if (setns(home, CLONE_NEWNET)) {
		fprintf(stderr, "tcptrail: cannot return to the own network namespace\n");
		exit(1);
	}
}

static int look_everywhere(struct alone *a, const struct limit_namespaces *all, uint32_t netns)
{
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int err = home < 0 ? -errno : 0;

	for (size_t i = 0; !err && i < all->len; i++) {
		if ((netns && netns != all->all[i].inum) || setns(all->all[i].fd, CLONE_NEWNET))
			continue;
		err = look_inside(a, all->all[i].inum);
		leave(home);
		if (a->breathe)
			a->breathe(a->ctx);
	}
	if (home >= 0)
		close(home);
	return err;
}

int stall_alone_look(struct loader *loader, bool requests, uint32_t netns, loader_stalled_fn fn,
		     void (*breathe)(void *ctx), void *ctx)
{
	struct alone a = { .loader = loader, .fn = fn, .breathe = breathe, .ctx = ctx,
			   .states = requests ? REQUESTS : 0 };
	struct limit_namespaces all = { 0 };
	int err;

	if (!loader_outcomes(loader)[FACT_STALLS_ALONE].way)
		return 0;
	if (has_orphans())
		a.states |= ORPHANS;
	if (!a.states)
		return 0;
	err = limit_namespaces_open(&all);
	if (!err)
		err = look_everywhere(&a, &all, netns);
	limit_namespaces_close(&all);
	free(a.found);
	return err;
}
