// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "recorder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zlib.h>

#include "cgroup.h"
#include "rec_codec.h"

#define FLUSH_NS	200000000ULL
#define RESET_REASONS	256	/* more than any kernel has */
#define SEEN		4096	/* direct-mapped: a collision names it again */
#define PADDED(n)	(((n) + 7) & ~(size_t)7)
/* What an item may need before it: the clock, a cgroup's name. */
#define BESIDE		(sizeof(struct rec_clock) + PADDED(sizeof(struct rec_name) + REC_NAME_MAX))

struct recorder {
	struct rec_file *file;
	struct recorder_run run;
	uint64_t records;
	uint64_t lost;
	uint32_t part;
	int err;
	struct wallclock clock;		/* as told in this block */
	uint64_t begun_ns;		/* CLOCK_MONOTONIC: the block; 0: at the next tick */
	uint32_t listeners;		/* in the look that goes on */
	uint64_t seen[SEEN];		/* cgroups named in this part */
	size_t len;			/* of items */
	struct rec_block block;
	uint8_t items[REC_BLOCK_MAX];	/* behind it: one write */
};

_Static_assert(offsetof(struct recorder, items) == offsetof(struct recorder, block) +
	       sizeof(struct rec_block), "one write");

struct recorder *recorder_open(const struct rec_file_options *o, char *why, size_t why_len)
{
	struct rec_file *file = rec_file_open(o, why, why_len);
	struct recorder *r;

	if (!file)
		return NULL;
	r = calloc(1, sizeof(*r));
	if (r)
		r->file = file;
	else
		rec_file_close(file);
	return r;
}

void recorder_close(struct recorder *r)
{
	if (!r)
		return;
	rec_file_close(r->file);
	free(r);
}

static void begin_block(struct recorder *r)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	r->clock = *r->run.clock;
	r->begun_ns = 0;
	r->len = 0;
	r->block = (struct rec_block){
		.mark = REC_MARK,
		.stream = r->run.stream,
		.part = r->part,
		.first = r->records,
		.wall_ns = now.tv_sec * 1000000000ULL + now.tv_nsec,
		.realtime_offset_ns = r->clock.realtime_offset_ns,
		.tai_offset_ns = r->clock.tai_offset_ns,
	};
}

void recorder_flush(struct recorder *r)
{
	struct rec_block *b = &r->block;
	size_t from = offsetof(struct rec_block, crc);

	if (r->err || !r->len)
		return;
	b->length = r->len;
	b->crc = crc32(0, r->items, r->len);
	b->head_crc = crc32(0, (const uint8_t *)b + from, sizeof(*b) - from);
	r->err = rec_file_write(r->file, b, sizeof(*b) + r->len);
	if (r->err)
		r->lost += b->records;
	r->len = 0;
}

static void put(struct recorder *r, const void *data, size_t len)
{
	memcpy(r->items + r->len, data, len);
	r->len += len;
}

static void pad(struct recorder *r)
{
	static const uint8_t zeros[8];

	put(r, zeros, PADDED(r->len) - r->len);
}

static void put_name(struct recorder *r, enum rec_table table, uint64_t key, const char *text,
		     size_t len)
{
	struct rec_name n = {
		.head = { .kind = REC_ITEM_NAME, .size = sizeof(n) + len },
		.key = key, .table = table, .len = len,
	};

	put(r, &n, sizeof(n));
	put(r, text, len);
	pad(r);
}

/* Of a part's beginning: with these lengths all of it fits into one block. */
static void name(struct recorder *r, enum rec_table table, uint64_t key, const char *text)
{
	if (text)
		put_name(r, table, key, text, strnlen(text, table == REC_TABLE_INFO ? 1024 : 120));
}

static void put_names(struct recorder *r)
{
	const struct stream_info *info = r->run.info;
	struct rec_begin begin = {
		.head = { .kind = REC_ITEM_BEGIN, .size = sizeof(begin) },
		.wall_ns = r->run.wall_ns,
	};

	name(r, REC_TABLE_INFO, REC_INFO_HOST, r->run.host);
	name(r, REC_TABLE_INFO, REC_INFO_VERSION, info->version);
	name(r, REC_TABLE_INFO, REC_INFO_KERNEL, info->kernel);
	name(r, REC_TABLE_INFO, REC_INFO_BOOT_ID, info->boot_id);
	name(r, REC_TABLE_INFO, REC_INFO_TIER, info->tier);
	name(r, REC_TABLE_INFO, REC_INFO_FILTER, info->filter);
	name(r, REC_TABLE_INFO, REC_INFO_EVENTS, info->events);
	name(r, REC_TABLE_INFO, REC_INFO_MADE, info->made);
	for (size_t i = 0; i < info->hooks_len; i++) {
		char hook[128];

		snprintf(hook, sizeof(hook), "%s=%s", info->hooks[i].fact, info->hooks[i].method);
		name(r, REC_TABLE_HOOK, i, hook);
	}
	for (uint32_t i = 0; i < RESET_REASONS; i++)
		name(r, REC_TABLE_RESET, i, r->run.reset_reason(r->run.ctx, i));
	put(r, &begin, sizeof(begin));
}

static void begin_part(struct recorder *r)
{
	struct rec_prologue p = { .byte_order = REC_BYTE_ORDER, .version = REC_VERSION,
				  .size = sizeof(p) };

	memcpy(p.magic, REC_MAGIC, sizeof(p.magic));
	p.crc = crc32(0, (const uint8_t *)&p, offsetof(struct rec_prologue, crc));
	r->part++;
	memset(r->seen, 0, sizeof(r->seen));
	r->err = rec_file_write(r->file, &p, sizeof(p));
	begin_block(r);
	put_names(r);
	recorder_flush(r);
}

void recorder_begin(struct recorder *r, const struct recorder_run *run)
{
	r->run = *run;
	begin_part(r);
}

/* For an item and what it needs beside: in one block, and so in one part. */
static bool make_room(struct recorder *r, size_t size)
{
	if (!r->err && r->len && r->len + size + BESIDE > sizeof(r->items))
		recorder_flush(r);
	if (!r->err && !r->len && rec_file_full(r->file, sizeof(r->block) + sizeof(r->items))) {
		r->err = rec_file_rotate(r->file);
		if (!r->err)
			begin_part(r);
	}
	if (!r->len)
		begin_block(r);
	return !r->err;
}

/* Without TAI the other offset is what times are made with, and it drifts. */
static void note_clock(struct recorder *r, uint64_t tai_ns)
{
	const struct wallclock *now = r->run.clock;
	struct rec_clock c = { .head = { .kind = REC_ITEM_CLOCK, .size = sizeof(c) } };

	if (now->tai_offset_ns == r->clock.tai_offset_ns &&
	    (tai_ns || now->realtime_offset_ns == r->clock.realtime_offset_ns))
		return;
	r->clock = *now;
	c.realtime_offset_ns = now->realtime_offset_ns;
	c.tai_offset_ns = now->tai_offset_ns;
	put(r, &c, sizeof(c));
}

static void note_cgroup(struct recorder *r, uint64_t id)
{
	uint64_t *seen = &r->seen[(id ^ id >> 32) % SEEN];
	const struct cgroup_info *info;
	size_t len;

	if (!id || *seen == id)
		return;
	info = cgroup_find(r->run.cgroups, id);
	len = info ? strlen(info->path) : 0;
	if (!info || len > REC_NAME_MAX)
		return;
	*seen = id;
	put_name(r, REC_TABLE_CGROUP, id, info->path, len);
}

static void put_record(struct recorder *r, const void *item, size_t size, uint64_t tai_ns,
		       uint64_t cgroup)
{
	if (make_room(r, PADDED(size))) {
		note_clock(r, tai_ns);
		note_cgroup(r, cgroup);
		put(r, item, size);
		pad(r);
		r->block.records++;
	} else {
		r->lost++;
	}
	r->records++;
}

void recorder_event(struct recorder *r, const struct ev_head *head)
{
	/* Every kind has the socket in the same place. */
	const struct ev_state *e = (const void *)head;

	put_record(r, head, head->size, head->tai_ns, e->sock.cgroup);
}

void recorder_limit(struct recorder *r, const struct record_limit *limit)
{
	struct rec_limit l;

	rec_limit_of(limit, &l);
	/* With the event itself in one block. */
	if (make_room(r, sizeof(l) + PADDED(sizeof(struct ev_limit))))
		put(r, &l, sizeof(l));
}

void recorder_accepts(struct recorder *r, const struct record_drop *drop, bool has_syns)
{
	struct rec_accepts a = {
		.head = { .kind = REC_ITEM_ACCEPTS, .size = sizeof(a) },
		.accepts = drop->accepts, .window_ns = drop->accepts_ns,
		.syns = drop->syns, .has_syns = has_syns,
	};

	if (make_room(r, sizeof(a) + PADDED(sizeof(struct ev_drop))))
		put(r, &a, sizeof(a));
}

void recorder_sum(struct recorder *r, const struct rec_sum *sum)
{
	put_record(r, sum, sizeof(*sum), sum->wall_ns, sum->sock.cgroup);
}

void recorder_stall(struct recorder *r, const struct rec_stall *stall)
{
	struct ev_sock sock;

	memcpy(&sock, stall->oldest, sizeof(sock));	/* the begin of struct stalled */
	put_record(r, stall, sizeof(*stall), stall->wall_ns, sock.cgroup);
}

void recorder_listening(struct recorder *r, const struct listening *l)
{
	struct rec_listening item = {
		.head = { .kind = REC_ITEM_LISTENING, .size = sizeof(item) }, .listening = *l,
	};

	if (!make_room(r, sizeof(item)))
		return;
	note_cgroup(r, l->sock.cgroup);
	put(r, &item, sizeof(item));
	r->listeners++;
}

void recorder_netns(struct recorder *r, uint32_t netns, const struct netns_count *count)
{
	struct rec_netns item = {
		.head = { .kind = REC_ITEM_NETNS, .size = sizeof(item) }, .count = *count,
		.netns = netns,
	};

	if (make_room(r, sizeof(item)))
		put(r, &item, sizeof(item));
}

void recorder_looked(struct recorder *r, uint64_t wall_ns)
{
	struct rec_looked item = {
		.head = { .kind = REC_ITEM_LOOKED, .size = sizeof(item) }, .wall_ns = wall_ns,
		.listeners = r->listeners,
	};

	r->listeners = 0;
	if (make_room(r, sizeof(item)))
		put(r, &item, sizeof(item));
}

void recorder_stream(struct recorder *r, const struct record *record)
{
	struct rec_totals t = {
		.head = { .kind = REC_ITEM_TOTALS },
		.wall_ns = record->wall_ns, .uptime_ns = record->uptime_ns,
		.len = REC_TOTALS_MEMBERS,
	};
	uint64_t numbers[REC_TOTALS_MEMBERS];

	if (record->kind == REC_HEARTBEAT)
		t.kind = REC_TOTALS_HEARTBEAT;
	else if (record->kind == REC_LOST)
		t.kind = REC_TOTALS_LOST;
	else if (record->kind == REC_STOP)
		t.kind = REC_TOTALS_STOP;
	if (!t.kind || !make_room(r, sizeof(t) + sizeof(numbers)))
		return;
	t.head.size = sizeof(t) + sizeof(numbers);
	rec_totals_numbers(record->totals, numbers);
	put(r, &t, sizeof(t));
	put(r, numbers, sizeof(numbers));
}

void recorder_tick(struct recorder *r, uint64_t now_ns)
{
	if (!r->len)
		return;
	if (!r->begun_ns)
		r->begun_ns = now_ns;
	if (now_ns - r->begun_ns >= FLUSH_NS)
		recorder_flush(r);
}

int recorder_error(const struct recorder *r)
{
	return r->err;
}

uint64_t recorder_records(const struct recorder *r)
{
	return r->records;
}

uint64_t recorder_lost(const struct recorder *r)
{
	return r->lost;
}

int recorder_pipe(const struct recorder *r)
{
	return rec_file_pipe(r->file);
}
