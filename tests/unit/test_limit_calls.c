// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "limit_calls.h"
#include "rec_walk.h"
#include "recording.h"

static struct record failed(enum ev_limit_call call, enum ev_limit_name name, uint32_t err,
			    uint32_t pid, uint64_t count)
{
	struct record r = { .kind = REC_LIMIT, .count = count, .err = err, .pid = pid, .netns = 3,
			    .has = HAS_OWNER | HAS_ERRNO | HAS_NETNS, .comm = "nginx",
			    .limit = { .call = call, .name = name, .has_value = true, .value = 64,
				       .has_use = true, .use = 64 } };

	return r;
}

static struct record no_port(uint16_t rport, uint32_t pid, uint64_t count)
{
	struct record r = failed(EVL_CONNECT, EVL_LOCAL_PORTS, EADDRNOTAVAIL, pid, count);

	r.family = 4;
	r.laddr[0] = 10;
	r.raddr[0] = 11;
	r.rport = rport;
	r.has |= HAS_LADDR | HAS_RADDR | HAS_RPORT;
	return r;
}

static struct limit_row *row_of(struct limit_rows *rows, enum limit_kind kind, size_t nth)
{
	for (size_t i = 0; i < rows->len; i++)
		if (rows->all[i].kind == kind && !nth--)
			return &rows->all[i];
	return NULL;
}

static void test_counted_in_the_row_they_are_of(void **state)
{
	struct limit_row files = { .kind = LIMIT_OPEN_FILES, .pid = 7, .use = 64, .max = 64 };
	struct limit_row ports = { .kind = LIMIT_LOCAL_PORTS, .netns = 3, .use = 9, .max = 10 };
	struct limit_row other = { .kind = LIMIT_TIME_WAIT, .netns = 3 };
	struct limit_calls *c = limit_calls_open(true);
	struct limit_rows rows = { 0 };
	struct record r;

	(void)state;
	r = no_port(5432, 8, 100);
	ports.service = (struct limit_service){ .family = 4, .rport = 5432 };
	memcpy(ports.service.laddr, r.laddr, 16);
	memcpy(ports.service.raddr, r.raddr, 16);
	assert_true(limit_rows_add(&rows, &files) && limit_rows_add(&rows, &ports) &&
		    limit_rows_add(&rows, &other));
	limit_calls_add(c, &r);
	r = no_port(5432, 9, 900);		/* another caller, the same service */
	limit_calls_add(c, &r);
	r = failed(EVL_ACCEPT4, EVL_OPEN_FILES, EMFILE, 7, 1);
	limit_calls_add(c, &r);
	r.count = 15;
	r.limit.has_value = false;
	limit_calls_add(c, &r);			/* a sum of nothing known */
	assert_true(limit_calls_join(c, &rows));
	assert_int_equal(rows.len, 3);
	assert_int_equal(rows.all[0].failed, 16);
	assert_int_equal(rows.all[0].call, EVL_ACCEPT4);
	assert_int_equal(rows.all[0].err, EMFILE);
	assert_string_equal(rows.all[0].user, "nginx[7]");
	assert_int_equal(rows.all[1].failed, 1000);
	assert_string_equal(rows.all[1].user, "nginx[9]");
	assert_false(rows.all[2].has_failed);
	limit_rows_free(&rows);
	limit_calls_close(c);
}

static void test_rows_of_their_own(void **state)
{
	struct limit_calls *c = limit_calls_open(true);
	struct limit_rows rows = { 0 };
	struct limit_row *row;
	struct record r;

	(void)state;
	r = no_port(5432, 8, 3);
	limit_calls_add(c, &r);
	r = no_port(5433, 8, 4);
	limit_calls_add(c, &r);
	r = failed(EVL_BIND, EVL_LOCAL_PORTS, EADDRINUSE, 8, 5);
	limit_calls_add(c, &r);
	r = failed(EVL_SOCKET, EVL_OPEN_FILES, EMFILE, 8, 6);
	r.limit.has_value = false;
	limit_calls_add(c, &r);
	assert_true(limit_calls_join(c, &rows));
	assert_int_equal(rows.len, 4);
	assert_string_equal(row_of(&rows, LIMIT_LOCAL_PORTS, 0)->scope, "10.0.0.0:* > 11.0.0.0:5432");
	row = row_of(&rows, LIMIT_LOCAL_PORTS, 1);
	assert_int_equal(row->failed, 4);
	assert_int_equal(row->max, 64);
	assert_non_null(strstr(row_of(&rows, LIMIT_LOCAL_PORTS, 2)->scope, "bind() to port 0"));
	row = row_of(&rows, LIMIT_OPEN_FILES, 0);
	assert_string_equal(row->scope, "nginx[8]");
	assert_true(row->use == UINT64_MAX && row->max == UINT64_MAX);
	assert_true(limit_in_trouble(row));
	limit_rows_free(&rows);
	limit_calls_close(c);
}

/* More than there is room for are still counted, and to nobody who did not fail. */
static void test_bounded(void **state)
{
	struct limit_calls *c = limit_calls_open(true);
	struct limit_rows rows = { 0 };
	uint64_t sum = 0;

	(void)state;
	for (uint16_t port = 1; port <= 3000; port++) {
		struct record r = no_port(port, 8, 2);

		limit_calls_add(c, &r);
		r = failed(EVL_ACCEPT4, EVL_OPEN_FILES, EMFILE, 10000 + port, 3);
		limit_calls_add(c, &r);
	}
	assert_true(limit_calls_join(c, &rows));
	for (size_t i = 0; i < rows.len; i++) {
		bool others = !strcmp(rows.all[i].scope, "others");

		sum += rows.all[i].failed;
		assert_true(others || rows.all[i].failed <= 3);
		assert_true(!others || (!rows.all[i].pid && !*rows.all[i].user));
	}
	assert_int_equal(sum, 3000 * 5);
	assert_int_equal(rows.len, 1024 + 2);
	/* Nor are they lost when there is no room for another errno, either. */
	limit_rows_free(&rows);
	for (uint32_t err = 1000; err < 1100; err++) {
		struct record r = failed(EVL_SOCKET, EVL_OPEN_FILES, err, 20000 + err, 1);

		limit_calls_add(c, &r);
	}
	assert_true(limit_calls_join(c, &rows));
	sum = 0;
	for (size_t n = 0; n < rows.len; n++)
		sum += rows.all[n].failed;
	assert_int_equal(sum, 3000 * 5 + 100);
	limit_rows_free(&rows);
	limit_calls_close(c);
}

/* Two callers, one service. */
static void test_one_row_a_service(void **state)
{
	struct limit_calls *c = limit_calls_open(true);
	struct record r = no_port(5432, 8, 3);
	struct limit_rows rows = { 0 };

	(void)state;
	r.limit.has_used = true;
	r.limit.time_wait = 60;
	limit_calls_add(c, &r);
	r.pid = 9;
	r.count = 4;
	limit_calls_add(c, &r);
	assert_true(limit_calls_join(c, &rows));
	assert_int_equal(rows.len, 1);
	assert_int_equal(rows.all[0].failed, 7);
	assert_string_equal(rows.all[0].user, "nginx[9]");
	assert_int_equal(rows.all[0].time_wait, 60);
	limit_rows_free(&rows);
	limit_calls_close(c);
}

static void at(struct ev_head *head, uint64_t second)
{
	head->ts_ns = second * 1000000000;
}

/* Of a recording: in its time; what a sum stands for was said by the one before it. */
static void test_items_of_a_recording(void **state)
{
	struct rec_walk walk = { .since_ns = 10000000000, .until_ns = 20000000000 };
	struct limit_calls *c = limit_calls_open(false);
	struct ev_limit e = { .head = { .kind = EV_LIMIT, .size = sizeof(e) },
			      .sock = { .netns = 3, .owner = { .pid = 7, .source = EVO_CALL,
							       .comm = "nginx" } },
			      .value = 64, .hard = 4096, .err = EMFILE, .call = EVL_ACCEPT4,
			      .limit = EVL_OPEN_FILES };
	struct rec_sum sum = { .head = { .kind = REC_ITEM_SUM, .size = sizeof(sum) },
			       .sock = e.sock, .wall_ns = 11000000000, .count = 1000,
			       .window_ns = 1000000000, .flags = RECS_WINDOW, .kind = EV_LIMIT,
			       .sub = EVL_ACCEPT4, .reason = ev_limit_reason(EVL_OPEN_FILES, EMFILE) };
	struct limit_rows rows = { 0 };

	(void)state;
	at(&e.head, 9);			/* before --since */
	limit_calls_item(c, &walk, &e.head);
	at(&e.head, 10);
	limit_calls_item(c, &walk, &e.head);
	limit_calls_item(c, &walk, &sum.head);
	sum.wall_ns = 20000000000;	/* at --until */
	limit_calls_item(c, &walk, &sum.head);
	sum.wall_ns = 12000000000;
	sum.kind = EV_DROP;
	limit_calls_item(c, &walk, &sum.head);
	e.err = 0;			/* a listen() that was cut */
	limit_calls_item(c, &walk, &e.head);
	e.err = EMFILE;
	e.head.size = 40;		/* an older writer's: nothing is read behind it */
	limit_calls_item(c, &walk, &e.head);
	assert_true(limit_calls_join(c, &rows));
	assert_int_equal(rows.len, 1);
	assert_int_equal(rows.all[0].failed, 1001);
	assert_int_equal(rows.all[0].pid, 7);
	assert_true(rows.all[0].max == 64 && rows.all[0].hard == 4096);
	limit_rows_free(&rows);
	limit_calls_close(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_row_a_service),
		cmocka_unit_test(test_items_of_a_recording),
		cmocka_unit_test(test_counted_in_the_row_they_are_of),
		cmocka_unit_test(test_rows_of_their_own),
		cmocka_unit_test(test_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
