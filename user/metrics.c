// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "metrics.h"

#include <stdlib.h>
#include <string.h>

#define US 1000ULL
#define MS 1000000ULL
#define S 1000000000ULL

const uint64_t metrics_wait_ns[METRICS_WAIT_BOUNDS] = {
	100 * US, 250 * US, 500 * US, 1 * MS, 2500 * US, 5 * MS, 10 * MS, 25 * MS, 50 * MS,
	100 * MS, 250 * MS, 500 * MS, 1 * S, 2500 * MS, 5 * S, 10 * S, 30 * S,
};

const uint64_t metrics_age_ns[METRICS_AGE_BOUNDS] = {
	1 * MS, 10 * MS, 100 * MS, 500 * MS, 1 * S, 5 * S, 10 * S, 30 * S, 60 * S, 120 * S,
	300 * S, 900 * S, 3600 * S, 86400 * S,
};

struct metrics *metrics_open(uint32_t made)
{
	struct metrics *m = calloc(1, sizeof(*m));

	if (m)
		m->made = made;
	return m;
}

void metrics_close(struct metrics *m)
{
	free(m);
}

static void observe(struct metrics_histogram *h, const uint64_t *bounds, size_t n, uint64_t ns)
{
	size_t i = 0;

	while (i < n && ns > bounds[i])
		i++;
	h->buckets[i]++;
	h->sum_ns += ns;
}

/* A time that began before the start is not known: it is in no histogram. */
static void connection(struct metrics *m, const struct record *r)
{
	unsigned int role = (unsigned int)r->role < EVR_MAX ? r->role : EVR_UNKNOWN;
	const uint64_t *in = r->life.in_ns;

	if ((unsigned int)r->cause < CAUSE_MAX)
		m->ended[role][r->cause] += r->count;
	if (r->duration_lower)
		return;
	if (r->has & HAS_DURATION)
		observe(&m->age[role], metrics_age_ns, METRICS_AGE_BOUNDS, r->duration_ns);
	for (unsigned int i = 0; i < EV_LIFE_STATES; i++)
		if (in[i])
			observe(&m->in_state[i], metrics_age_ns, METRICS_AGE_BOUNDS, in[i]);
	if (role == EVR_CLIENT && r->from != EVS_SYN_SENT && in[ev_life_place(EVS_SYN_SENT)])
		observe(&m->handshake, metrics_wait_ns, METRICS_WAIT_BOUNDS,
			in[ev_life_place(EVS_SYN_SENT)]);
}

static bool same_listener(const struct metrics_listener *l, const struct record *r)
{
	return l->last_ns && l->netns == r->netns && l->port == r->lport && l->family == r->family &&
	       !memcmp(l->addr, r->laddr, sizeof(l->addr)) && !memcmp(l->comm, r->comm, sizeof(l->comm));
}

static void name_listener(struct metrics_listener *l, const struct record *r)
{
	const struct cgroup_info *cg = r->has & HAS_CGROUP ? r->cgroup : NULL;

	*l = (struct metrics_listener){ .netns = r->netns, .port = r->lport, .family = r->family };
	memcpy(l->addr, r->laddr, sizeof(l->addr));
	memcpy(l->comm, r->comm, sizeof(l->comm));
	if (cg && cg->unit)
		strncpy(l->unit, cg->unit, sizeof(l->unit) - 1);
	if (cg && cg->container_id)
		strncpy(l->container, cg->container_id, sizeof(l->container) - 1);
}

/* Its own, a free one, or one whose listener was quiet for long; NULL: none. */
static struct metrics_listener *place(struct metrics *m, const struct record *r)
{
	struct metrics_listener *oldest = &m->listeners[0];

	for (size_t i = 0; i < METRICS_LISTENERS; i++) {
		struct metrics_listener *l = &m->listeners[i];

		if (same_listener(l, r))
			return l;
		if (l->last_ns < oldest->last_ns)
			oldest = l;
	}
	if (oldest->last_ns && oldest->last_ns + METRICS_LISTENER_NS > r->wall_ns)
		return NULL;
	name_listener(oldest, r);
	return oldest;
}

static void drop(struct metrics *m, const struct record *r)
{
	unsigned int stage = (unsigned int)r->drop.stage < EVG_MAX ? r->drop.stage : 0;
	unsigned int reason = (unsigned int)r->drop.reason < EVD_MAX ? r->drop.reason : EVD_UNKNOWN;
	struct metrics_listener *l = NULL;

	m->drops[stage][reason] += r->count;
	if (!r->count)		/* polled: it may have refused some */
		return;
	if (r->has & HAS_LPORT)
		l = place(m, r);
	if (!l) {
		m->other_drops[reason] += r->count;
		return;
	}
	l->drops[reason] += r->count;
	l->last_ns = r->wall_ns;
}

static void reset(struct metrics *m, const struct record *r)
{
	const char *name = r->has & HAS_REASON && r->reason[0] ? r->reason : NULL;

	for (size_t i = 0; name && i < METRICS_REASONS; i++) {
		struct metrics_reason *known = &m->reasons[i];

		if (!known->name[0])
			strncpy(known->name, name, sizeof(known->name) - 1);
		if (!strncmp(known->name, name, sizeof(known->name) - 1)) {
			known->resets[r->sent] += r->count;
			return;
		}
	}
	m->other_resets[r->sent] += r->count;
}

static void error(struct metrics *m, const struct record *r)
{
	if (r->has & HAS_ERRNO && r->err < METRICS_ERRNOS)
		m->errors[r->err] += r->count;
	else
		m->other_errors += r->count;
}

static void limit(struct metrics *m, const struct record *r)
{
	if ((unsigned int)r->limit.name < EVL_LIMITS && (unsigned int)r->limit.call < EVL_CALLS)
		m->limits[r->limit.name][r->limit.call][!!(r->has & HAS_ERRNO)] += r->count;
}

void metrics_take(struct metrics *m, const struct record *r)
{
	if (r->kind >= REC_START || r->kind == REC_SUMMARY)
		return;
	/* A stall's count is of connections, and told again while it goes on. */
	m->events[r->kind] += r->kind == REC_STALL ? 1 : r->count;
	switch (r->kind) {
	case REC_STATE:
		if (r->has & HAS_FROM && (unsigned int)r->from < EVS_MAX && (unsigned int)r->to < EVS_MAX)
			m->transitions[r->from][r->to] += r->count;
		break;
	case REC_CONNECTION:
		connection(m, r);
		break;
	case REC_ACCEPT:
		if (r->has & HAS_DURATION && !r->duration_lower)
			observe(&m->accept_wait, metrics_wait_ns, METRICS_WAIT_BOUNDS, r->duration_ns);
		break;
	case REC_DROP:
		drop(m, r);
		break;
	case REC_SYNCOOKIE:
		m->syncookies += r->count;
		break;
	case REC_RESET:
		reset(m, r);
		break;
	case REC_RETRANSMIT:
		if ((unsigned int)r->rexmit < EVX_MAX)
			m->retransmits[r->rexmit] += r->count;
		break;
	case REC_ERROR:
		error(m, r);
		break;
	case REC_LIMIT:
		limit(m, r);
		break;
	default:
		break;
	}
}
