// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "limit_calls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decode.h"
#include "failed_calls.h"
#include "format.h"
#include "loader.h"
#include "names.h"
#include "rec_codec.h"
#include "rec_walk.h"
#include "limit_lookup.h"
#include "rollup.h"

/* Callers and services at once. Beyond, one for each call, limit and errno of all others. */
#define CALLS_MAX 1024
#define OTHERS_MAX 64

struct limit_calls {
	struct record calls[CALLS_MAX + OTHERS_MAX];	/* count: how many */
	size_t len;
	struct failed_calls *known;
	struct rollup *rollup;
	bool live;
};

struct limit_calls *limit_calls_open(bool live)
{
	struct limit_calls *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->live = live;
	c->known = failed_calls_open(live);
	c->rollup = rollup_open();
	if (c->known && c->rollup)
		return c;
	limit_calls_close(c);
	return NULL;
}

void limit_calls_close(struct limit_calls *c)
{
	if (!c)
		return;
	failed_calls_close(c->known);
	rollup_close(c->rollup);
	free(c);
}

/* The clock does not matter here, but that it goes on. */
static uint64_t as_it_is(void *ctx, uint64_t mono_ns, uint64_t tai_ns)
{
	(void)ctx;
	(void)tai_ns;
	return mono_ns;
}

static const char *no_reason(void *ctx, uint32_t reason)
{
	(void)ctx;
	(void)reason;
	return NULL;
}

static bool same_service(const struct record *a, const struct record *b)
{
	return a->netns == b->netns && a->rport == b->rport && a->family == b->family &&
	       !memcmp(a->laddr, b->laddr, 16) && !memcmp(a->raddr, b->raddr, 16);
}

static bool same(const struct record *a, const struct record *b)
{
	if (a->pid != b->pid || a->limit.call != b->limit.call || a->limit.name != b->limit.name ||
	    a->err != b->err)
		return false;
	return a->limit.name != EVL_LOCAL_PORTS || same_service(a, b);
}

/* Its place, a new one with a count of 0 where there is room below `max`, or NULL. */
static struct record *place_of(struct limit_calls *c, const struct record *r, size_t max)
{
	for (size_t i = c->len; i-- > 0;)	/* who fails now did so a moment ago */
		if (same(&c->calls[i], r))
			return &c->calls[i];
	if (c->len >= max)
		return NULL;
	c->calls[c->len] = *r;
	c->calls[c->len].count = 0;
	return &c->calls[c->len++];
}

void limit_calls_add(struct limit_calls *c, const struct record *r)
{
	struct record others = { .kind = r->kind, .err = r->err, .has = r->has & HAS_ERRNO,
				 .limit = { .call = r->limit.call, .name = r->limit.name } };
	struct record *place = place_of(c, r, CALLS_MAX);

	if (!place)
		place = place_of(c, &others, CALLS_MAX + OTHERS_MAX);
	if (!place)	/* more errnos than these calls have at limits */
		place = &c->calls[CALLS_MAX + OTHERS_MAX - 1];
	else if (r->limit.has_value && place->pid == r->pid)
		place->limit = r->limit;
	place->count += r->count;
}

bool limit_calls_take(void *calls, const void *data, size_t size)
{
	static const struct decode_env env = { as_it_is, no_reason, NULL };
	const struct ev_limit *e = data;
	struct limit_calls *c = calls;
	struct record r;

	/* A listen() that was cut failed for nobody. */
	if (size < sizeof(*e) || e->head.kind != EV_LIMIT || !e->err || !decode(&e->head, &env, &r))
		return true;
	failed_calls_complete(c->known, &r);
	limit_calls_add(c, &r);
	return true;
}

static uint64_t recorded_ns(void *ctx, uint64_t mono_ns, uint64_t tai_ns)
{
	const struct rec_walk *walk = ctx;

	return wallclock_ns(&walk->clock, mono_ns, tai_ns);
}

/* Today's size, whatever the writer's. Also what is of another time: a sum takes what it
 * says of the limit. */
static void take_recorded(struct limit_calls *c, const struct rec_walk *walk,
			  const struct ev_head *head)
{
	const struct decode_env env = { recorded_ns, no_reason, (void *)walk };
	struct ev_limit e = { 0 };
	struct record r;

	memcpy(&e, head, head->size < sizeof(e) ? head->size : sizeof(e));
	e.head.size = sizeof(e);
	if (!e.err || !decode(&e.head, &env, &r))
		return;
	failed_calls_complete(c->known, &r);
	if (rec_walk_in_time(walk, r.wall_ns))
		limit_calls_add(c, &r);
}

static void take_recorded_sum(struct limit_calls *c, const struct rec_walk *walk,
			      const struct ev_head *head)
{
	struct rec_sum sum = { 0 };
	struct record r;

	memcpy(&sum, head, head->size < sizeof(sum) ? head->size : sizeof(sum));
	if (sum.kind != EV_LIMIT)
		return;
	rec_sum_record(&sum, &r);
	if (!r.err || !rec_walk_in_time(walk, r.wall_ns))
		return;
	failed_calls_complete(c->known, &r);
	limit_calls_add(c, &r);
}

void limit_calls_item(struct limit_calls *c, const struct rec_walk *walk, const struct ev_head *head)
{
	struct rec_limit limit = { 0 };

	if (head->kind == EV_LIMIT) {
		take_recorded(c, walk, head);
	} else if (head->kind == REC_ITEM_SUM) {
		take_recorded_sum(c, walk, head);
	} else if (head->kind == REC_ITEM_LIMIT) {
		memcpy(&limit, head, head->size < sizeof(limit) ? head->size : sizeof(limit));
		failed_calls_recorded(c->known, &limit);
	}
}

struct held {
	struct limit_calls *c;
	uint64_t now_ns;
	bool count;
};

static void take_bucket(void *ctx, const struct ev_bucket_key *key, const struct ev_bucket *bucket)
{
	struct held *held = ctx;
	struct record r;

	if (key->kind != EV_LIMIT || !rollup_bucket(held->c->rollup, key, bucket, &r) ||
	    !held->count || !r.err)
		return;
	r.wall_ns = held->now_ns;
	failed_calls_complete(held->c->known, &r);
	limit_calls_add(held->c, &r);
}

static void take_held(struct limit_calls *c, struct loader *loader, uint64_t now_ns, bool count)
{
	struct held held = { c, now_ns, count };

	/* Twice: a program of the round before may have counted after it was read. */
	for (int i = 0; i < 2; i++) {
		rollup_begin(c->rollup, loader_round(loader, now_ns), now_ns);
		loader_buckets(loader, take_bucket, &held);
	}
}

void limit_calls_begin(struct limit_calls *c, struct loader *loader, uint64_t now_ns)
{
	loader_consume(loader);
	take_held(c, loader, now_ns, false);
	c->len = 0;
}

void limit_calls_end(struct limit_calls *c, struct loader *loader, uint64_t now_ns)
{
	loader_consume(loader);
	take_held(c, loader, now_ns, true);
}

static enum limit_kind kind_of(const struct record *r)
{
	if (r->limit.name == EVL_OPEN_FILES)
		return LIMIT_OPEN_FILES;
	return r->limit.name == EVL_FILE_MAX ? LIMIT_FILE_MAX : LIMIT_LOCAL_PORTS;
}

static bool is_of(const struct limit_row *row, const struct record *r)
{
	if (row->kind != kind_of(r))
		return false;
	if (row->kind == LIMIT_OPEN_FILES)
		return row->pid == r->pid;
	if (row->kind == LIMIT_FILE_MAX)
		return true;
	return row->netns == r->netns && r->limit.call == EVL_CONNECT && row->service.family == r->family &&
	       row->service.rport == r->rport && !memcmp(row->service.laddr, r->laddr, 16) &&
	       !memcmp(row->service.raddr, r->raddr, 16);
}

static void scope_of(const struct record *r, struct limit_row *row)
{
	char local[64], peer[64];

	/* Of the kinds that are somebody's. */
	if (!(r->has & HAS_OWNER) && !r->family && row->kind != LIMIT_FILE_MAX) {
		snprintf(row->scope, sizeof(row->scope), "others");
		return;
	}
	if (row->kind == LIMIT_OPEN_FILES) {
		snprintf(row->scope, sizeof(row->scope), "%s", row->user);
		return;
	}
	if (row->kind == LIMIT_FILE_MAX) {
		snprintf(row->scope, sizeof(row->scope), "host");
		return;
	}
	format_endpoint(r->family, r->laddr, r->has & HAS_LADDR, 0, false, local, sizeof(local));
	format_endpoint(r->family, r->raddr, r->has & HAS_RADDR, r->rport, r->has & HAS_RPORT, peer,
			sizeof(peer));
	if (r->limit.call == EVL_CONNECT)
		snprintf(row->scope, sizeof(row->scope), "%s > %s", local, peer);
	else
		snprintf(row->scope, sizeof(row->scope), "%s, %s() to port 0", local,
			 name_limit_call(r->limit.call));
}

static void user_of(const struct record *r, struct limit_row *row)
{
	char plain[4 * EV_COMM_LEN + 1];

	/* What it has open says more than its name, which the scope has. */
	if (!(r->has & HAS_OWNER) || (row->kind == LIMIT_OPEN_FILES && *row->user))
		return;
	snprintf(row->user, sizeof(row->user), "%s[%u]",
		 format_plain(r->comm, sizeof(r->comm), plain, sizeof(plain)), r->pid);
}

/* The caller that failed most stands for all of a row. */
static void count_in(struct limit_row *row, const struct record *r)
{
	if (r->count > row->failed_most) {
		row->failed_most = r->count;
		row->call = r->limit.call;
		row->err = r->err;
		user_of(r, row);
	}
	row->failed += r->count;
}

/* fs.nr_open; 0: not known */
static uint64_t ceiling(const struct limit_calls *c)
{
	uint64_t nr_open = c->live ? limit_lookup_nr_open() : UINT64_MAX;

	return nr_open == UINT64_MAX ? 0 : nr_open;
}

static bool add_row(const struct limit_calls *c, struct limit_rows *rows, const struct record *r)
{
	struct limit_row row = { .kind = kind_of(r), .has_failed = true, .netns = r->netns,
				 .use = r->limit.use, .max = r->limit.value, .hard = r->limit.hard,
				 .has_hard = r->limit.has_hard };

	/* What it is of nothing is known of is not shown as 0 of 0. */
	if (!r->limit.has_value)
		row.use = row.max = UINT64_MAX;
	row.set_by = r->limit.set_by;
	if (row.kind == LIMIT_OPEN_FILES) {
		row.pid = r->pid;
		row.netns = 0;
		row.recorded = !c->live;
		row.ceiling = ceiling(c);
	} else if (r->limit.call == EVL_CONNECT && r->family) {
		row.service = (struct limit_service){ .family = r->family, .rport = r->rport };
		memcpy(row.service.laddr, r->laddr, sizeof(r->laddr));
		memcpy(row.service.raddr, r->raddr, sizeof(r->raddr));
		row.time_wait = r->limit.has_used ? r->limit.time_wait : 0;
	}
	count_in(&row, r);
	scope_of(r, &row);
	return limit_rows_add(rows, &row);
}

bool limit_calls_join(const struct limit_calls *c, struct limit_rows *rows)
{
	for (size_t i = 0; i < rows->len; i++)
		if (rows->all[i].kind <= LIMIT_LOCAL_PORTS)
			rows->all[i].has_failed = true;
	for (size_t i = 0; i < c->len; i++) {
		struct limit_row *row = NULL;

		for (size_t n = 0; n < rows->len && !row; n++)
			if (is_of(&rows->all[n], &c->calls[i]))
				row = &rows->all[n];
		if (row)
			count_in(row, &c->calls[i]);
		else if (!add_row(c, rows, &c->calls[i]))
			return false;
	}
	return true;
}
