// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "stall_record.h"

#include <stdio.h>
#include <string.h>

static void take_ends(const struct stall_row *row, struct record *r)
{
	const struct ev_sock *s = &row->oldest.sock;

	r->family = s->family;
	memcpy(r->laddr, s->laddr, sizeof(r->laddr));
	memcpy(r->raddr, s->raddr, sizeof(r->raddr));
	r->lport = s->lport;
	r->rport = s->rport;
	r->has |= HAS_LADDR | (row->many_local || !s->lport ? 0 : HAS_LPORT);
	if (!row->many_peers)
		r->has |= HAS_RADDR | (s->rport ? HAS_RPORT : 0);
}

static void take_owner(const struct ev_sock *s, struct record *r)
{
	r->netns = s->netns;
	if (s->netns)
		r->has |= HAS_NETNS;
	if (s->uid != (uint32_t)-1) {
		r->uid = s->uid;
		r->has |= HAS_UID;
	}
	if (!s->owner.source)
		return;
	r->pid = s->owner.pid;
	memcpy(r->comm, s->owner.comm, sizeof(r->comm));
	r->owner_source = s->owner.source;
	r->followed = s->owner.followed;
	r->has |= HAS_OWNER;
}

void stall_record(const struct stall_row *row, enum stall_phase phase, struct record *out)
{
	const struct ev_sock *s = &row->oldest.sock;

	*out = (struct record){
		.kind = REC_STALL, .count = row->count, .method = EVM_ITER,
		.role = row->server ? EVR_SERVER : EVR_CLIENT, .to = s->state,
		.duration_ns = row->verdict.age_ms * 1000000ULL,
		.duration_lower = row->verdict.lower, .has = HAS_STATE | HAS_DURATION,
		.stall = row, .stall_phase = phase,
	};
	take_ends(row, out);
	take_owner(s, out);
	if (row->count == 1 && s->cookie) {
		out->cookie = s->cookie;
		out->has |= HAS_COOKIE;
	}
}

static void path_to(const struct stall_path *p, struct rec_stall *out)
{
	if (!p->known)
		return;
	out->flags |= RECT_PATH | (p->no_route ? RECT_NO_ROUTE : 0) | (p->gateway ? RECT_GATEWAY : 0);
	memcpy(out->path.interface, p->interface, sizeof(out->path.interface));
	memcpy(out->path.next_hop, p->next_hop, sizeof(out->path.next_hop));
	out->path.neighbour = p->neighbour;
	out->path.family = p->family;
}

static void path_from(const struct rec_stall *s, struct stall_path *p)
{
	if (!(s->flags & RECT_PATH))
		return;
	p->known = true;
	p->no_route = s->flags & RECT_NO_ROUTE;
	p->gateway = s->flags & RECT_GATEWAY;
	memcpy(p->interface, s->path.interface, sizeof(p->interface) - 1);
	memcpy(p->next_hop, s->path.next_hop, sizeof(p->next_hop));
	p->neighbour = s->path.neighbour;
	p->family = s->path.family == 6 ? 6 : 4;
}

static void drop_from(const struct rec_drop *recorded, struct stall_drop *d)
{
	_Static_assert(sizeof(recorded->reason) == sizeof(d->reason), "cut");
	if (recorded->where >= DROPPED_WHERES)
		return;
	d->where = recorded->where;
	d->ago_ms = recorded->ago_ms;
	memcpy(d->reason, recorded->reason, sizeof(d->reason) - 1);
}

static void oldest_to(const struct stalled *s, struct rec_stall *out)
{
	memcpy(out->oldest, s, STALLED_BEFORE);
	memcpy(out->oldest_more, (const char *)s + STALLED_BEFORE, sizeof(*s) - STALLED_BEFORE);
}

static void oldest_from(const struct rec_stall *recorded, struct stalled *s)
{
	memcpy(s, recorded->oldest, STALLED_BEFORE);
	memcpy((char *)s + STALLED_BEFORE, recorded->oldest_more, sizeof(*s) - STALLED_BEFORE);
}

void stall_record_to(const struct record *r, struct rec_stall *out)
{
	const struct stall_row *row = r->stall;

	*out = (struct rec_stall){
		.head = { .kind = REC_ITEM_STALL, .size = sizeof(*out) },
		.wall_ns = r->wall_ns,
		.files = row->files,
		.files_max = row->files_max,
		.age_ms = row->verdict.age_ms,
		.count = row->count,
		.waiting = row->waiting,
		.growth_per_min = row->growth_per_min,
		.phase = r->stall_phase,
		.flags = (row->verdict.lower ? RECT_LOWER : 0) | (row->has_growth ? RECT_GROWTH : 0) |
			 (row->server ? RECT_SERVER : 0) | (row->many_local ? RECT_MANY_LOCAL : 0) |
			 (row->many_peers ? RECT_MANY_PEERS : 0),
		.drop = { .where = row->drop.where, .ago_ms = row->drop.ago_ms },
	};
	oldest_to(&row->oldest, out);
	memcpy(out->drop.reason, row->drop.reason, sizeof(out->drop.reason));
	_Static_assert(sizeof(out->because) == sizeof(row->because), "cut");
	memcpy(out->because, row->because, sizeof(out->because));
	snprintf(out->verdict, sizeof(out->verdict), "%s", stall_name(row->verdict.stall));
	path_to(&row->path, out);
}

static enum stall by_name(const char *name, size_t len)
{
	for (unsigned int i = 0; i < STALLS; i++)
		if (!strncmp(stall_name(i), name, len))
			return i;
	return STALL_NONE;
}

void stall_record_from(const struct rec_stall *s, struct stall_row *row, struct record *out)
{
	*row = (struct stall_row){
		.verdict = { by_name(s->verdict, sizeof(s->verdict)), s->age_ms, s->flags & RECT_LOWER },
		.count = s->count,
		.waiting = s->waiting,
		.growth_per_min = s->growth_per_min,
		.has_growth = s->flags & RECT_GROWTH,
		.files = s->files,
		.files_max = s->files_max,
		.server = s->flags & RECT_SERVER,
		.many_local = s->flags & RECT_MANY_LOCAL,
		.many_peers = s->flags & RECT_MANY_PEERS,
	};
	oldest_from(s, &row->oldest);
	path_from(s, &row->path);
	drop_from(&s->drop, &row->drop);
	memcpy(row->because, s->because, sizeof(row->because) - 1);
	if (row->oldest.sock.state >= EVS_MAX)
		row->oldest.sock.state = EVS_CLOSE;
	if (row->oldest.sock.owner.source >= EVO_MAX)
		row->oldest.sock.owner.source = EVO_NONE;
	stall_record(row, s->phase < STALL_PHASES ? s->phase : STALL_ONGOING, out);
	out->wall_ns = s->wall_ns;
}
