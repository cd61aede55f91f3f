// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "gauges.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/netlink.h>

#include "diag.h"
#include "limit_sources.h"
#include "monotonic.h"

#define COST_SHARE	50	/* an interval is that many times what its dump took */

struct count {
	uint64_t of[EVS_MAX];
	void (*breathe)(void *ctx);
	void *ctx;
	uint64_t breathed_ns;
};

static void one(void *ctx, const struct inet_diag_msg *m, uint32_t netns)
{
	struct count *c = ctx;

	(void)netns;
	if (m->idiag_state < EVS_MAX)
		c->of[m->idiag_state]++;
}

static void rest(void *ctx)
{
	struct count *c = ctx;
	uint64_t began = monotonic_ns();

	if (c->breathe)
		c->breathe(c->ctx);
	c->breathed_ns += monotonic_ns() - began;
}

static void count_sockets(struct gauges *g, struct count *c)
{
	int sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

	g->has_sockets = sock >= 0 && !diag_dump(sock, ~0U, 0, one, rest, c);
	if (g->has_sockets)
		memcpy(g->sockets, c->of, sizeof(g->sockets));
	if (sock >= 0)
		close(sock);
}

void gauges_look(struct gauges *g, void (*breathe)(void *ctx), void *ctx)
{
	struct count c = { .breathe = breathe, .ctx = ctx };
	uint64_t began = monotonic_ns();

	limit_rows_free(&g->limits);
	limit_take_host(&g->limits);
	if (began < g->next_ns)
		return;
	count_sockets(g, &c);
	g->next_ns = began + COST_SHARE * (monotonic_ns() - began - c.breathed_ns);
}

void gauges_free(struct gauges *g)
{
	limit_rows_free(&g->limits);
}
