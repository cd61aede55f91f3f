// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * limit_buffers.c - socket buffers against what they may grow to, listeners, and which
 * processes hold the local ports to a service: what the walk over the sockets of tasks tells.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format.h"
#include "limit_listeners.h"
#include "limit_sources.h"
#include "loader.h"
#include "proc_text.h"

struct walk {
	const struct limit_namespaces *namespaces;
	struct limit_row recv[LIMIT_BUFFERS], send[LIMIT_BUFFERS];
	size_t recv_len, send_len;
	struct limit_listeners listeners;
	bool no_memory;
	struct limit_row **ports;	/* by the number of the service */
	uint32_t *most;			/* descriptors of its user */
	size_t ports_len;
};

static const struct limit_netns *netns_of(const struct limit_namespaces *n, uint32_t inum)
{
	for (size_t i = 0; i < n->len; i++)
		if (n->all[i].inum == inum)
			return &n->all[i];
	return NULL;
}

static void scope_of(const struct ev_sock *s, char *buf, size_t len)
{
	char local[64], peer[64];

	format_endpoint(s->family, s->laddr, true, s->lport, true, local, sizeof(local));
	format_endpoint(s->family, s->raddr, true, s->rport, true, peer, sizeof(peer));
	snprintf(buf, len, "%s - %s", local, peer);
}

/* A socket that several descriptors hold comes as often. */
static void keep(struct limit_row *kept, size_t *len, const struct limit_row *row)
{
	for (size_t i = 0; i < *len; i++)
		if (kept[i].netns == row->netns && !strcmp(kept[i].scope, row->scope))
			return;
	limit_keep_nearest(kept, len, LIMIT_BUFFERS, row);
}

static void take_buffers(struct walk *w, const struct buffered *b)
{
	const struct limit_netns *ns = netns_of(w->namespaces, b->sock.netns);
	struct limit_row row = { .netns = b->sock.netns };
	char comm[4 * EV_COMM_LEN + 1];

	if (!ns || !ns->has_buffers)
		return;
	scope_of(&b->sock, row.scope, sizeof(row.scope));
	if (b->sock.owner.source)
		snprintf(row.user, sizeof(row.user), "%s[%u]",
			 format_plain(b->sock.owner.comm, EV_COMM_LEN, comm, sizeof(comm)),
			 b->sock.owner.pid);
	row.kind = LIMIT_RECV_BUFFER;
	row.use = b->rmem;
	limit_buffer(&row, b->rcvbuf, b->locks & BUFFERED_RCVBUF_LOCKED, &ns->rmem);
	keep(w->recv, &w->recv_len, &row);
	row.kind = LIMIT_SEND_BUFFER;
	row.use = b->wmem;
	limit_buffer(&row, b->sndbuf, b->locks & BUFFERED_SNDBUF_LOCKED, &ns->wmem);
	keep(w->send, &w->send_len, &row);
}

static void take(void *ctx, const struct buffered *b)
{
	struct walk *w = ctx;

	if (b->sock.state != EVS_LISTEN)
		take_buffers(w, b);
	else if (!limit_listeners_add(&w->listeners, b))
		w->no_memory = true;
}

static void take_user(void *ctx, size_t service, uint32_t pid, uint32_t n)
{
	char path[64], comm[64] = "", plain[4 * sizeof(comm) + 1];
	struct walk *w = ctx;

	if (service >= w->ports_len || n <= w->most[service])
		return;
	w->most[service] = n;
	snprintf(path, sizeof(path), "/proc/%u/comm", pid);
	proc_text(path, comm, sizeof(comm));
	comm[strcspn(comm, "\n")] = '\0';
	snprintf(w->ports[service]->user, sizeof(w->ports[service]->user), "%.60s[%u]",
		 format_plain((const uint8_t *)comm, strlen(comm), plain, sizeof(plain)), pid);
}

/* The rows of services, and what the walk finds them by. */
static bool services_of(struct walk *w, struct limit_rows *rows, struct port_service **out)
{
	w->ports = calloc(rows->len + 1, sizeof(*w->ports));
	w->most = calloc(rows->len + 1, sizeof(*w->most));
	*out = calloc(rows->len + 1, sizeof(**out));
	for (size_t i = 0; w->ports && w->most && *out && i < rows->len; i++) {
		struct limit_row *row = &rows->all[i];
		struct port_service *s = &(*out)[w->ports_len];

		if (row->kind != LIMIT_LOCAL_PORTS || !row->service.rport)
			continue;
		s->netns = row->netns;
		s->rport = row->service.rport;
		s->family = row->service.family;
		memcpy(s->laddr, row->service.laddr, sizeof(s->laddr));
		memcpy(s->raddr, row->service.raddr, sizeof(s->raddr));
		w->ports[w->ports_len++] = row;
	}
	return w->ports && w->most && *out;
}

/* What a namespace gives, with nothing in use that is half of it. */
static bool add_namespaces(struct limit_rows *rows, const struct limit_namespaces *n)
{
	for (size_t i = 0; i < n->len; i++) {
		const struct limit_netns *ns = &n->all[i];
		struct limit_row row = { .netns = ns->inum, .use = UINT64_MAX };

		if (!ns->has_buffers)
			continue;
		snprintf(row.scope, sizeof(row.scope), "each socket of netns %u", ns->inum);
		row.kind = LIMIT_RECV_BUFFER;
		limit_buffer(&row, ns->rmem.most, false, &ns->rmem);
		if (!limit_rows_add(rows, &row))
			return false;
		row.kind = LIMIT_SEND_BUFFER;
		limit_buffer(&row, ns->wmem.most, false, &ns->wmem);
		if (!limit_rows_add(rows, &row))
			return false;
	}
	return true;
}

bool limit_take_buffers(struct limit_rows *rows, const struct limit_namespaces *n,
			struct loader *loader)
{
	struct walk *w = calloc(1, sizeof(*w));
	struct port_service *services = NULL;
	bool ok = w;

	if (w) {
		w->namespaces = n;
		ok = services_of(w, rows, &services);
		if (ok)
			loader_buffers(loader, services, w->ports_len, take, take_user, w);
		ok = ok && !w->no_memory && limit_listeners_join(&w->listeners, rows, LIMIT_QUEUES);
		for (size_t i = 0; ok && i < w->recv_len; i++)
			ok = limit_rows_add(rows, &w->recv[i]);
		for (size_t i = 0; ok && i < w->send_len; i++)
			ok = limit_rows_add(rows, &w->send[i]);
		limit_listeners_free(&w->listeners);
		free(w->ports);
		free(w->most);
	}
	free(services);
	free(w);
	return ok && add_namespaces(rows, n);
}
