// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "rec_reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define BUFFER (2 * (sizeof(struct rec_block) + REC_BLOCK_MAX))

struct rec_reader {
	rec_read_fn fn;
	void *ctx;
	bool begun;		/* the prologue was looked at */
	bool found;		/* a prologue or a block */
	bool lost;		/* between two blocks, in something that is none */
	bool eof;
	int err;
	uint32_t version;
	struct rec_damage damage;
	size_t start, end;	/* of what is in buf and not read yet */
	uint64_t items[REC_BLOCK_MAX / 8];
	uint8_t buf[BUFFER];
};

struct rec_reader *rec_reader_open(rec_read_fn fn, void *ctx)
{
	struct rec_reader *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->fn = fn;
	r->ctx = ctx;
	r->version = REC_VERSION;
	return r;
}

void rec_reader_close(struct rec_reader *r)
{
	free(r);
}

uint32_t rec_reader_version(const struct rec_reader *r)
{
	return r->version;
}

const struct rec_damage *rec_reader_damage(const struct rec_reader *r)
{
	return &r->damage;
}

/* Are there `len` bytes (<= BUFFER / 2) from the start on? */
static bool fill(struct rec_reader *r, size_t len)
{
	if (r->end - r->start >= len)
		return true;
	if (r->start > sizeof(r->buf) / 2) {
		memmove(r->buf, r->buf + r->start, r->end - r->start);
		r->end -= r->start;
		r->start = 0;
	}
	while (!r->eof && r->end - r->start < len) {
		ssize_t n = r->fn(r->ctx, r->buf + r->end, sizeof(r->buf) - r->end);

		if (n > 0) {
			r->end += n;
			continue;
		}
		if (n < 0)
			r->err = n;
		r->eof = true;
	}
	return r->end - r->start >= len;
}

static bool is_prologue(const uint8_t *at)
{
	return !memcmp(at, REC_MAGIC, REC_MAGIC_LEN);
}

/* 0, or why it is not to be read. */
static int check_prologue(struct rec_reader *r, const struct rec_prologue *p)
{
	uint32_t crc = crc32(0, (const uint8_t *)p, offsetof(struct rec_prologue, crc));

	if (p->byte_order == __builtin_bswap32(REC_BYTE_ORDER) && p->crc == __builtin_bswap32(crc))
		return -EXDEV;
	if (p->crc != crc || p->byte_order != REC_BYTE_ORDER) {
		/* The blocks behind it stand by themselves. */
		r->damage.spots++;
		r->damage.bytes += sizeof(*p);
		return 0;
	}
	r->version = p->version;
	r->found = true;
	return p->version > REC_VERSION ? -EPROTONOSUPPORT : 0;
}

/* Each part begins with one, and parts may have been put together. A longer one would
 * have another version. */
static int take_prologue(struct rec_reader *r)
{
	struct rec_prologue p;

	while (fill(r, sizeof(p)) && is_prologue(r->buf + r->start)) {
		int err;

		memcpy(&p, r->buf + r->start, sizeof(p));
		err = check_prologue(r, &p);
		if (err)
			return err;
		r->start += sizeof(p);
	}
	return 0;
}

static bool head_whole(const struct rec_block *b)
{
	size_t from = offsetof(struct rec_block, crc);

	return b->mark == REC_MARK && b->length <= REC_BLOCK_MAX &&
	       crc32(0, (const uint8_t *)b + from, sizeof(*b) - from) == b->head_crc;
}

static void skip(struct rec_reader *r, size_t len)
{
	if (!r->lost)
		r->damage.spots++;
	r->lost = true;
	r->damage.bytes += len;
	r->start += len;
}

/* To the next place that may be a block. */
static void resync(struct rec_reader *r)
{
	static const uint32_t mark = REC_MARK;
	const uint8_t *from = r->buf + r->start, *at;
	size_t len = r->end - r->start;

	at = len > 1 ? memmem(from + 1, len - 1, &mark, sizeof(mark)) : NULL;
	if (at)
		skip(r, at - from);
	else
		skip(r, len > sizeof(mark) ? len - sizeof(mark) + 1 : 1);
}

/* What is left is no block. */
static int finish(struct rec_reader *r)
{
	size_t rest = r->end - r->start;

	if (r->lost)
		r->damage.bytes += rest;
	else
		r->damage.cut += rest;
	r->start = r->end;
	if (r->err)
		return r->err;
	return r->found ? 0 : -ENOMSG;
}

/* 1: the block at the start is whole; 0: it is not, go on behind; -1: the end. */
static int look(struct rec_reader *r, struct rec_block *b)
{
	if (!fill(r, sizeof(*b)))
		return -1;
	memcpy(b, r->buf + r->start, sizeof(*b));
	if (!head_whole(b)) {
		resync(r);
		return 0;
	}
	/* A block that would end behind the file: but others may have been put there. */
	if (!fill(r, sizeof(*b) + b->length) ||
	    crc32(0, r->buf + r->start + sizeof(*b), b->length) != b->crc) {
		bool cut = r->eof && r->end - r->start < sizeof(*b) + b->length;

		if (cut && !memmem(r->buf + r->start + 4, r->end - r->start - 4, &b->mark, 4))
			return -1;
		resync(r);
		return 0;
	}
	return 1;
}

int rec_reader_next(struct rec_reader *r, struct rec_block *b, const uint8_t **items)
{
	int found = 0;

	while (!found) {
		int err = r->lost ? 0 : take_prologue(r);

		if (err)
			return err;
		found = look(r, b);
	}
	if (found < 0)
		return finish(r);
	memcpy(r->items, r->buf + r->start + sizeof(*b), b->length);
	*items = (const uint8_t *)r->items;
	r->start += sizeof(*b) + b->length;
	r->lost = false;
	r->found = true;
	return 1;
}

const struct ev_head *rec_item(const uint8_t **at, const uint8_t *end)
{
	const struct ev_head *head = (const void *)*at;
	size_t left = end - *at, size;

	if (left < sizeof(*head) || head->size < sizeof(*head) || head->size > left)
		return NULL;
	size = (head->size + 7) & ~7u;
	*at += size < left ? size : left;
	return head;
}

int64_t rec_position_take(struct rec_position *p, const struct rec_block *b)
{
	uint64_t missing = 0;

	if (!p->begun || p->stream != b->stream) {
		*p = (struct rec_position){ .stream = b->stream, .begun = true, .next = b->first };
	} else if (b->first < p->next && b->records) {
		return -1;
	} else if (b->first > p->next) {
		missing = b->first - p->next;
		p->next = b->first;
	}
	p->next += b->records;
	return missing <= INT64_MAX ? (int64_t)missing : INT64_MAX;
}
