// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A recording written by recorder.c and read back by rec_reader.c, whole and broken. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "cgroup.h"
#include "rec_codec.h"
#include "rec_reader.h"
#include "recorder.h"

#define BLOCKS_MAX 64

static struct wallclock clock_now = { 1000, -37000000000LL };
static const struct stream_info info = {
	.version = "0.1.0", .kernel = "6.1.0", .tier = "tracepoint", .events = "state",
	.hooks = { { "transitions", "tp_btf" } }, .hooks_len = 1,
};

static const char *reason(void *ctx, uint32_t n)
{
	(void)ctx;
	return n == 11 ? "TCP_ABORT_ON_CLOSE" : NULL;
}

struct fixture {
	char dir[32];
	char path[64];
	struct cgroups *cgroups;
	struct recorder *recorder;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->dir, "/tmp/tcptrail-rec.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/trail.rec", f->dir);
	f->cgroups = cgroup_open_recorded();
	assert_true(cgroup_learn(f->cgroups, 77, "/system.slice/nginx.service", 27));
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	char path[96];

	recorder_close(f->recorder);
	cgroup_close(f->cgroups);
	unlink(f->path);
	for (int i = 1; i < 10; i++) {
		snprintf(path, sizeof(path), "%s.%d", f->path, i);
		unlink(path);
	}
	rmdir(f->dir);
	free(f);
	return 0;
}

static void record(struct fixture *f, uint64_t size, uint32_t count)
{
	struct rec_file_options o = { .path = f->path, .size = size, .count = count };
	struct recorder_run run = { .stream = 0x5f2c91aa, .wall_ns = 42, .host = "web-0417",
				    .info = &info, .clock = &clock_now, .cgroups = f->cgroups,
				    .reset_reason = reason };
	char why[256] = "";

	f->recorder = recorder_open(&o, why, sizeof(why));
	assert_string_equal(why, "");
	assert_non_null(f->recorder);
	recorder_begin(f->recorder, &run);
}

static void event(struct fixture *f, uint64_t n, uint64_t cgroup)
{
	struct ev_state e = { .head = { .ts_ns = n, .tai_ns = n, .kind = EV_STATE, .size = sizeof(e) },
			      .sock = { .cookie = n, .cgroup = cgroup } };

	recorder_event(f->recorder, &e.head);
}

/* A file in memory. */
struct bytes {
	uint8_t *data;
	size_t len, at;
};

static ssize_t read_bytes(void *ctx, void *buf, size_t len)
{
	struct bytes *b = ctx;
	size_t n = b->len - b->at < len ? b->len - b->at : len;

	/* In pieces: a pipe gives what it has. */
	if (n > 1000)
		n = 1000;
	memcpy(buf, b->data + b->at, n);
	b->at += n;
	return n;
}

static struct bytes load(const char *path)
{
	struct bytes b = { 0 };
	struct stat st;
	int fd = open(path, O_RDONLY);

	assert_true(fd >= 0);
	fstat(fd, &st);
	b.data = malloc(st.st_size + 1);
	b.len = read(fd, b.data, st.st_size);
	assert_int_equal(b.len, st.st_size);
	close(fd);
	return b;
}

struct seen {
	size_t len;
	struct rec_block blocks[BLOCKS_MAX];
	uint32_t sums[BLOCKS_MAX];	/* CRC-32 of their items */
	uint64_t missing, records;
	struct rec_damage damage;
	int end;			/* of rec_reader_next() */
};

static void read_all(struct bytes *b, struct seen *s)
{
	struct rec_reader *r = rec_reader_open(read_bytes, b);
	struct rec_position p = { 0 };
	const uint8_t *items;
	struct rec_block block;

	memset(s, 0, sizeof(*s));
	b->at = 0;
	while ((s->end = rec_reader_next(r, &block, &items)) > 0) {
		int64_t missing = rec_position_take(&p, &block);

		assert_true(s->len < BLOCKS_MAX);
		assert_true(missing >= 0);
		s->missing += missing;
		s->records += block.records;
		s->blocks[s->len] = block;
		s->sums[s->len++] = crc32(0, items, block.length);
	}
	s->damage = *rec_reader_damage(r);
	rec_reader_close(r);
}

static bool same_block(const struct seen *a, size_t i, const struct seen *b, size_t k)
{
	return !memcmp(&a->blocks[i], &b->blocks[k], sizeof(a->blocks[i])) && a->sums[i] == b->sums[k];
}

/* Seven blocks: the names, five of two events each, the totals. */
static struct bytes small_file(struct fixture *f)
{
	struct stream_totals totals = { .made = 10 };
	struct record stop = { .kind = REC_STOP, .totals = &totals };

	record(f, 0, 0);
	for (int i = 0; i < 10; i++) {
		event(f, 100 + i, i == 3 ? 77 : 0);
		if (i % 2)
			recorder_flush(f->recorder);
	}
	recorder_stream(f->recorder, &stop);
	recorder_flush(f->recorder);
	assert_int_equal(recorder_error(f->recorder), 0);
	return load(f->path);
}

static void what_is_written_is_read(void **state)
{
	struct bytes b = small_file(*state);
	struct seen s;

	read_all(&b, &s);
	assert_int_equal(s.end, 0);
	assert_int_equal(s.len, 7);
	assert_int_equal(s.records, 10);
	assert_int_equal(s.missing, 0);
	assert_int_equal(s.damage.spots + s.damage.cut, 0);
	for (size_t i = 0; i < s.len; i++) {
		assert_int_equal(s.blocks[i].stream, 0x5f2c91aa);
		assert_int_equal(s.blocks[i].part, 1);
		assert_int_equal(s.blocks[i].first, i < 2 ? 0 : i < 7 ? 2 * (i - 1) : 10);
		assert_int_equal(s.blocks[i].tai_offset_ns, -37000000000LL);
	}
	free(b.data);
}

static void items_come_in_order(void **state)
{
	struct bytes b = small_file(*state);
	struct rec_reader *r = rec_reader_open(read_bytes, &b);
	const uint8_t *items;
	const struct ev_head *head;
	struct rec_block block;
	uint64_t next = 100, names = 0;

	while (rec_reader_next(r, &block, &items) > 0) {
		const uint8_t *end = items + block.length;

		while ((head = rec_item(&items, end))) {
			const struct rec_name *n = (const void *)head;

			if (head->kind == EV_STATE) {
				assert_int_equal(((const struct ev_state *)head)->sock.cookie, next++);
			} else if (head->kind == REC_ITEM_NAME && n->table == REC_TABLE_CGROUP) {
				/* Right before the event that needs it. */
				assert_int_equal(next, 103);
				assert_int_equal(n->len, 27);
				assert_memory_equal(n + 1, "/system.slice/nginx.service", 27);
				names++;
			}
		}
		assert_ptr_equal(items, end);
	}
	assert_int_equal(next, 110);
	assert_int_equal(names, 1);
	rec_reader_close(r);
	free(b.data);
}

static void cut_anywhere_the_whole_blocks_are_read(void **state)
{
	struct bytes b = small_file(*state);
	struct seen whole, s;
	size_t len = b.len;

	read_all(&b, &whole);
	for (b.len = 0; b.len < len; b.len++) {
		size_t at = sizeof(struct rec_prologue), fit = 0;

		read_all(&b, &s);
		while (fit < whole.len &&
		       at + sizeof(struct rec_block) + whole.blocks[fit].length <= b.len)
			at += sizeof(struct rec_block) + whole.blocks[fit++].length;
		assert_int_equal(s.len, fit);
		for (size_t i = 0; i < fit; i++)
			assert_true(same_block(&s, i, &whole, i));
		assert_int_equal(s.end, b.len < sizeof(struct rec_prologue) ? -ENOMSG : 0);
		if (s.end == 0)
			assert_int_equal(s.damage.cut, b.len - at);
		assert_int_equal(s.missing, 0);
	}
	free(b.data);
}

/* One byte changed: at most one block is gone, the others are as they were, and what is
 * missing before the last one is counted. */
static void one_byte_damaged_costs_one_block(void **state)
{
	struct bytes b = small_file(*state);
	struct seen whole, s;

	read_all(&b, &whole);
	for (size_t at = 0; at < b.len; at++) {
		for (int bit = 0; bit < 8; bit += 7) {
			size_t k = 0;

			b.data[at] ^= 1 << bit;
			read_all(&b, &s);
			b.data[at] ^= 1 << bit;
			assert_int_equal(s.end, 0);
			assert_true(s.len + 1 >= whole.len);
			for (size_t i = 0; i < s.len; i++, k++) {
				while (k < whole.len && !same_block(&s, i, &whole, k))
					k++;
				assert_true(k < whole.len);
			}
			assert_int_equal(s.damage.spots + !!s.damage.cut, 1);
			/* The totals' block comes after, and has no record itself. */
			if (s.len && s.blocks[s.len - 1].first == 10 && s.blocks[0].first == 0)
				assert_int_equal(s.records + s.missing, 10);
		}
	}
	free(b.data);
}

static void garbage_between_is_skipped(void **state)
{
	struct bytes b = small_file(*state), with;
	struct seen s;
	size_t at = sizeof(struct rec_prologue);

	/* Another recording's beginning, a mark without a block, 100 kB of ones. */
	with.len = b.len + sizeof(struct rec_prologue) + 4 + 100000;
	with.data = malloc(with.len);
	memcpy(with.data, b.data, at);
	memcpy(with.data + at, b.data, at);
	memcpy(with.data + 2 * at, "\x74\x52\x42\x8a", 4);
	memset(with.data + 2 * at + 4, 1, 100000);
	memcpy(with.data + with.len - (b.len - at), b.data + at, b.len - at);
	read_all(&with, &s);
	assert_int_equal(s.records, 10);
	assert_int_equal(s.damage.spots, 1);
	assert_int_equal(s.damage.bytes, 100004);
	free(with.data);
	free(b.data);
}

static void what_is_none_is_refused(void **state)
{
	struct bytes b = small_file(*state);
	struct rec_prologue *p = (void *)b.data;
	struct bytes text = { .data = (uint8_t *)"no recording at all, but long enough for it", .len = 43 };
	struct seen s;

	read_all(&text, &s);
	assert_int_equal(s.end, -ENOMSG);
	p->version = 2;
	p->crc = crc32(0, (const uint8_t *)p, offsetof(struct rec_prologue, crc));
	read_all(&b, &s);
	assert_int_equal(s.end, -EPROTONOSUPPORT);
	assert_int_equal(s.len, 0);
	p->byte_order = 0x04030201;
	p->crc = __builtin_bswap32(crc32(0, (const uint8_t *)p, offsetof(struct rec_prologue, crc)));
	read_all(&b, &s);
	assert_int_equal(s.end, -EXDEV);
	free(b.data);
}

static void items_that_make_no_sense_end_the_block(void **state)
{
	uint64_t words[16] = { 0 };
	struct ev_head *head = (void *)words;
	const uint8_t *at = (void *)words, *end = at + sizeof(words);

	(void)state;
	assert_null(rec_item(&at, end));	/* size 0 */
	head->size = sizeof(words) + 1;
	assert_null(rec_item(&at, end));
	assert_true(at != end);
	head->size = 25;
	assert_ptr_equal(rec_item(&at, end), head);
	assert_ptr_equal(at, (uint8_t *)words + 32);
	at = end - 23;
	assert_null(rec_item(&at, end));
}

static void a_step_of_the_clock_is_recorded(void **state)
{
	struct fixture *f = *state;
	struct wallclock before = clock_now;
	const uint8_t *items;
	const struct ev_head *head;
	struct rec_block block;
	struct rec_reader *r;
	struct bytes b;
	int clocks = 0;

	record(f, 0, 0);
	event(f, 1, 0);
	clock_now.realtime_offset_ns += 5;	/* with TAI it does not matter */
	event(f, 2, 0);
	clock_now.tai_offset_ns += 1000000000;
	event(f, 3, 0);
	recorder_flush(f->recorder);
	clock_now = before;
	b = load(f->path);
	r = rec_reader_open(read_bytes, &b);
	while (rec_reader_next(r, &block, &items) > 0)
		while ((head = rec_item(&items, items + block.length)) && head->kind)
			if (head->kind == REC_ITEM_CLOCK)
				clocks++;
	assert_int_equal(clocks, 1);
	rec_reader_close(r);
	free(b.data);
}

static void rotation_is_bounded(void **state)
{
	struct fixture *f = *state;
	uint64_t next = UINT64_MAX;
	struct bytes b;
	struct seen s;
	char path[96];

	record(f, 256 * 1024, 3);
	for (int i = 0; i < 20000; i++)
		event(f, i, 77);
	recorder_flush(f->recorder);
	assert_int_equal(recorder_error(f->recorder), 0);
	for (int part = 2; part >= 0; part--) {
		snprintf(path, sizeof(path), part ? "%s.%d" : "%s", f->path, part);
		b = load(path);
		assert_true(b.len <= 256 * 1024);
		read_all(&b, &s);
		/* Each with the names, and nothing is missing between them. */
		assert_int_equal(s.blocks[0].records, 0);
		if (next != UINT64_MAX)
			assert_int_equal(s.blocks[0].first, next);
		next = s.blocks[s.len - 1].first + s.blocks[s.len - 1].records;
		free(b.data);
	}
	assert_int_equal(next, 20000);
	snprintf(path, sizeof(path), "%s.3", f->path);
	assert_int_equal(access(path, F_OK), -1);
}

static void a_part_stays_when_begun_anew(void **state)
{
	struct fixture *f = *state;
	char path[96];

	record(f, 256 * 1024, 3);
	recorder_close(f->recorder);
	record(f, 256 * 1024, 3);
	snprintf(path, sizeof(path), "%s.1", f->path);
	assert_int_equal(access(path, F_OK), 0);
}

static void nothing_else_is_overwritten(void **state)
{
	struct fixture *f = *state;
	struct rec_file_options o = { .path = f->path };
	char why[256];
	FILE *file = fopen(f->path, "w");
	struct bytes b;

	fputs("root:x:0:0", file);
	fclose(file);
	assert_null(recorder_open(&o, why, sizeof(why)));
	assert_non_null(strstr(why, "is no recording"));
	b = load(f->path);
	assert_int_equal(b.len, 10);
	free(b.data);
	/* An older part, too. */
	unlink(f->path);
	record(f, 0, 0);
	recorder_close(f->recorder);
	f->recorder = NULL;
	strcat(f->path, ".1");
	file = fopen(f->path, "w");
	fputs("root:x:0:0", file);
	fclose(file);
	f->path[strlen(f->path) - 2] = '\0';
	o.size = 256 * 1024;
	o.count = 2;
	assert_null(recorder_open(&o, why, sizeof(why)));
	assert_non_null(strstr(why, ".1 is there and is no recording"));
}

static void one_writer_a_file(void **state)
{
	struct fixture *f = *state;
	struct rec_file_options o = { .path = f->path };
	char why[256];

	record(f, 0, 0);
	assert_null(recorder_open(&o, why, sizeof(why)));
	assert_non_null(strstr(why, "another tcptrail"));
}

static void a_full_disk_is_an_error(void **state)
{
	struct fixture *f = *state;
	struct rec_file_options o = { .path = "/dev/full" };
	struct recorder_run run = { .info = &info, .clock = &clock_now, .cgroups = f->cgroups,
				    .reset_reason = reason };
	char why[256];

	f->recorder = recorder_open(&o, why, sizeof(why));
	assert_non_null(f->recorder);
	recorder_begin(f->recorder, &run);
	assert_int_equal(recorder_error(f->recorder), -ENOSPC);
	event(f, 1, 0);
	assert_int_equal(recorder_records(f->recorder), 1);
	assert_int_equal(recorder_lost(f->recorder), 1);
}

static void numbers_tell_what_is_missing(void **state)
{
	struct rec_position p = { 0 };
	struct rec_block b = { .stream = 1, .first = 500, .records = 10 };

	(void)state;
	assert_int_equal(rec_position_take(&p, &b), 0);	/* rotation gave up 500 */
	assert_int_equal(rec_position_take(&p, &b), -1);	/* read already */
	b.first = 515;
	assert_int_equal(rec_position_take(&p, &b), 5);
	b.first = 525;
	b.records = 0;
	assert_int_equal(rec_position_take(&p, &b), 0);
	b.stream = 2;
	b.first = 7;
	assert_int_equal(rec_position_take(&p, &b), 0);
}

int main(void)
{
#define WITH_FILE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		WITH_FILE(what_is_written_is_read),
		WITH_FILE(items_come_in_order),
		WITH_FILE(cut_anywhere_the_whole_blocks_are_read),
		WITH_FILE(one_byte_damaged_costs_one_block),
		WITH_FILE(garbage_between_is_skipped),
		WITH_FILE(what_is_none_is_refused),
		cmocka_unit_test(items_that_make_no_sense_end_the_block),
		WITH_FILE(a_step_of_the_clock_is_recorded),
		WITH_FILE(rotation_is_bounded),
		WITH_FILE(a_part_stays_when_begun_anew),
		WITH_FILE(nothing_else_is_overwritten),
		WITH_FILE(one_writer_a_file),
		WITH_FILE(a_full_disk_is_an_error),
		cmocka_unit_test(numbers_tell_what_is_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
