// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* limit_queues.c - accept queues of the listeners of a namespace; limit_listeners.c tells
 * whose they are, the listeners command more. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "diag.h"
#include "limit_sources.h"
#include "proc_text.h"

struct queues {
	struct limit_row kept[LIMIT_QUEUES];	/* those nearest to their end */
	size_t len;
	uint32_t netns;
	uint64_t somaxconn;
};

static void take(void *ctx, const struct inet_diag_msg *m, uint32_t netns)
{
	struct limit_row row = { .kind = LIMIT_ACCEPT_QUEUE, .use = m->idiag_rqueue,
				 .max = m->idiag_wqueue, .netns = netns };
	struct queues *q = ctx;
	struct ev_sock s;

	diag_addresses(m, netns, &s);
	limit_listener_scope(&row, &s);
	/* The same as bpf_get_socket_cookie() has: both are sock_gen_cookie(). */
	row.cookie = (uint64_t)m->id.idiag_cookie[1] << 32 | m->id.idiag_cookie[0];
	row.set_by = limit_backlog_set_by(row.max, q->somaxconn);
	limit_keep_nearest(q->kept, &q->len, LIMIT_QUEUES, &row);
}

bool limit_take_queues(struct limit_rows *rows, const struct limit_netns *ns, int sock)
{
	struct queues q = { .netns = ns->inum };
	unsigned long long somaxconn = 0;
	char text[64];

	if (proc_text("/proc/sys/net/core/somaxconn", text, sizeof(text)))
		sscanf(text, "%llu", &somaxconn);
	q.somaxconn = somaxconn;
	if (diag_dump(sock, 1U << EVS_LISTEN, ns->inum, take, NULL, &q))
		return true;
	for (size_t i = 0; i < q.len; i++)
		if (!limit_rows_add(rows, &q.kept[i]))
			return false;
	return true;
}
