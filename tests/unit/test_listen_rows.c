// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* test_listen_rows.c - what a sample says of a listener. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "listen_rows.h"

static struct listening socket_of(uint64_t cookie, uint32_t queue, uint32_t backlog)
{
	return (struct listening){ .sock = { .cookie = cookie, .lport = 80 }, .queues = {
				   .accept_queue = queue, .backlog = backlog, .somaxconn = 4096,
				   .max_syn_backlog = 1024, .syncookies = 1 } };
}

static void look(struct listen_rows *rows, const struct listening *l, size_t n)
{
	listen_rows_look(rows);
	for (size_t i = 0; i < n; i++)
		assert_true(listen_rows_take(rows, &l[i]));
	listen_rows_looked(rows);
}

static void test_status(void **state)
{
	struct listen_rows rows = { 0 };
	struct listening l = socket_of(1, 0, 3);

	(void)state;
	look(&rows, &l, 1);
	listen_rows_begin(&rows);
	look(&rows, &l, 1);
	assert_int_equal(listen_row_status(rows.rows), LISTEN_OK);
	l.queues.accept_queue = 3;
	look(&rows, &l, 1);
	assert_int_equal(listen_row_status(rows.rows), LISTEN_NEAR);
	l.queues.accept_queue = 4;	/* one more than the backlog fits */
	l.queues.syn_queue = 2;
	look(&rows, &l, 1);
	assert_int_equal(listen_row_status(rows.rows), LISTEN_FULL);
	l.drops = 7;
	look(&rows, &l, 1);
	assert_int_equal(listen_row_status(rows.rows), LISTEN_DROP);
	assert_int_equal(listen_row_refused(rows.rows), 7);
	assert_int_equal(rows.rows->peak, 4);
	/* A new sample: the drops are old, the peak stays. */
	l.queues.accept_queue = l.queues.syn_queue = 0;
	listen_rows_begin(&rows);
	look(&rows, &l, 1);
	assert_int_equal(listen_row_status(rows.rows), LISTEN_OK);
	assert_int_equal(rows.rows->peak, 4);
	assert_int_equal(rows.rows->syn_peak, 2);
	listen_rows_free(&rows);
}

/* Never above what the whole namespace refused, and right when 32 bits go round. */
static void test_refused(void **state)
{
	struct listen_row row = { .now.drops = 100, .drops_before = 10, .netns_refused = UINT64_MAX };

	(void)state;
	assert_int_equal(listen_row_refused(&row), 90);
	row.netns_refused = 12;
	assert_int_equal(listen_row_refused(&row), 12);
	row.netns_refused = 0;	/* a scan's bad segments: nothing was refused */
	assert_int_equal(listen_row_status(&row), LISTEN_OK);
	row = (struct listen_row){ .now.drops = 5, .drops_before = UINT32_MAX - 4,
				   .netns_refused = UINT64_MAX };
	assert_int_equal(listen_row_refused(&row), 10);
}

/* At which looks less than half of its places were taken. */
static void test_low(void **state)
{
	static const uint32_t queue[] = { 4, 3, 2, 1, 0 };	/* of four */
	struct listen_rows rows = { 0 };

	(void)state;
	for (unsigned int i = 0; i < 5; i++) {
		struct listening l = socket_of(1, queue[i], 3);

		look(&rows, &l, 1);
		assert_int_equal(rows.rows->low, i < 3 ? 0 : i - 2);
	}
	listen_rows_begin(&rows);
	assert_int_equal(rows.rows->low, 0);
	listen_rows_free(&rows);
}

static void test_bound(void **state)
{
	struct listen_row row = { .now = socket_of(1, 4, 3), .looks = 11, .full = 11,
				  .netns_refused = UINT64_MAX };
	char line[512];

	(void)state;
	row.now.drops = 9;
	/* Full all the time: no longer queue helps, and the line names none. */
	assert_string_equal(listen_row_bound(&row), "accept-too-slow");
	assert_null(strstr(listen_row_advice(&row, line, sizeof(line)), "backlog"));
	assert_null(strstr(line, "somaxconn"));
	/* Not seen: not said. */
	assert_null(strstr(line, "SYNs"));
	assert_null(strstr(line, "accepts"));
	assert_null(strstr(line, "wait for?"));
	row.now.sock.owner = (struct ev_owner){ .pid = 77, .source = EVO_LISTEN };
	assert_non_null(strstr(listen_row_advice(&row, line, sizeof(line)), "what does 77 wait for?"));
	row.syns_seen = row.accepts_seen = true;
	row.sample_ns = 500000000;
	row.waits = &(struct listen_waits){ .now = { .syns = 90, .accepts = 10 } };
	assert_non_null(strstr(listen_row_advice(&row, line, sizeof(line)), "SYNs 180/s, accepts 20/s"));
	assert_null(strstr(line, "backlog"));
	row.syns_seen = false;
	assert_non_null(strstr(listen_row_advice(&row, line, sizeof(line)), "looks, accepts 20/s:"));
	row.waits = NULL;
	/* Room for a moment after each accept(), and never caught up with. */
	row.full = 6;
	assert_string_equal(listen_row_bound(&row), "accept-too-slow");
	assert_non_null(strstr(listen_row_advice(&row, line, sizeof(line)), "never below half"));
	assert_null(strstr(line, "backlog"));
	row.low = 1;		/* it was: bursts */
	assert_string_equal(listen_row_bound(&row), "backlog");
	row.low = 0;		/* full for a while, and then it is drained */
	row.full = 5;
	assert_string_equal(listen_row_bound(&row), "backlog");
	row.full = row.looks = 2;	/* too few to say so */
	assert_string_equal(listen_row_bound(&row), "backlog");
	row.looks = 11;
	row.full = 4;
	assert_string_equal(listen_row_bound(&row), "backlog");
	assert_non_null(strstr(listen_row_advice(&row, line, sizeof(line)), "a backlog of 4096"));
	row.now.queues.somaxconn = 3;
	assert_string_equal(listen_row_bound(&row), "somaxconn");
	row.full = 0;
	row.now.queues.accept_queue = 0;
	assert_null(listen_row_bound(&row));	/* not seen: not said */
	row.now.queues.syncookies = 0;
	row.now.queues.syn_queue = 3;
	assert_string_equal(listen_row_bound(&row), "syn-queue");
	row.now.queues.backlog = 1000;
	row.now.queues.syn_queue = 800;
	assert_string_equal(listen_row_bound(&row), "tcp_max_syn_backlog");
	row.now.drops = 0;
	assert_null(listen_row_bound(&row));
	assert_string_equal(listen_row_advice(&row, line, sizeof(line)), "");
}

static void test_worst_first(void **state)
{
	struct listen_rows rows = { 0 };
	struct listening l[] = { socket_of(1, 0, 9), socket_of(2, 5, 9), socket_of(3, 10, 9),
				 socket_of(4, 0, 9), socket_of(5, 0, 9) };

	(void)state;
	look(&rows, l, 5);
	listen_rows_begin(&rows);
	l[3].drops = 1;
	l[4].drops = 2;
	look(&rows, l, 5);
	listen_rows_sort(&rows);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(rows.rows[i].now.sock.cookie, 5 - i);
	/* One that is not seen any more is gone; its place in the order says nothing. */
	look(&rows, l + 2, 3);
	assert_int_equal(rows.len, 3);
	listen_rows_free(&rows);
}

/* Who shares a socket (fork), and which sockets share an address (SO_REUSEPORT). */
static void test_shared(void **state)
{
	struct listening l[] = { socket_of(9, 0, 9), socket_of(3, 0, 9), socket_of(5, 0, 9),
				 socket_of(7, 0, 9) };
	struct listen_rows rows = { 0 };

	(void)state;
	l[0].sock.lport = l[1].sock.lport = l[2].sock.lport = 80;
	l[2].sock.netns = 1;		/* elsewhere */
	l[3].sock.lport = 81;
	look(&rows, l, 4);
	listen_rows_hold(&rows);
	listen_rows_holder(&rows, 3, 100);
	listen_rows_holder(&rows, 9, 100);
	listen_rows_holder(&rows, 3, 100);	/* dup() */
	listen_rows_holder(&rows, 3, 101);
	listen_rows_holder(&rows, 4, 101);	/* nobody we know */
	for (size_t i = 0; i < 4; i++) {
		uint64_t cookie = rows.rows[i].now.sock.cookie;

		assert_int_equal(rows.rows[i].group, cookie == 9 || cookie == 3 ? 2 : 1);
		assert_int_equal(rows.rows[i].processes, cookie == 3 ? 2 : cookie == 9);
	}
	listen_rows_free(&rows);
	listen_rows_hold(&rows);
	listen_rows_holder(&rows, 3, 100);
}

static void test_waits(void **state)
{
	struct listening l = { .sock = { .cookie = 7 } };
	struct accept_stats stats = { .cookie = 7, .accepts = 3, .max_ns = 40000 };
	struct listen_rows rows = { 0 };

	(void)state;
	assert_true(listen_rows_accepts(&rows, &stats));	/* nobody's: ignored */
	listen_rows_look(&rows);
	assert_true(listen_rows_take(&rows, &l));
	listen_rows_looked(&rows);
	assert_int_equal(listen_row_accepts(&rows.rows[0]), 0);
	assert_int_equal(listen_row_wait(&rows.rows[0], 50), 0);
	stats.waits[4 * 3] = 1;		/* 8 to 10 us */
	stats.waits[4 * 5 + 1] = 1;	/* 40 to 48 us; none was over 40 */
	assert_true(listen_rows_accepts(&rows, &stats));
	assert_int_equal(listen_row_accepts(&rows.rows[0]), 3);
	assert_int_equal(listen_row_waits(&rows.rows[0]), 2);
	stats.syns = 12;
	assert_true(listen_rows_accepts(&rows, &stats));
	assert_int_equal(listen_row_syns(&rows.rows[0]), 12);
	stats.syns = 0;
	assert_int_equal(listen_row_wait(&rows.rows[0], 50), 10000);
	assert_int_equal(listen_row_wait(&rows.rows[0], 99), 40000);
	listen_rows_begin(&rows);	/* a new sample has none yet */
	assert_int_equal(listen_row_accepts(&rows.rows[0]), 0);
	assert_int_equal(listen_row_waits(&rows.rows[0]), 0);
	listen_rows_look(&rows);
	listen_rows_looked(&rows);	/* it is gone, and what it held */
	listen_rows_free(&rows);
}

/* What one that was opened since the look before refused, it refused since. */
static void test_opened_since(void **state)
{
	struct listening l[2] = { socket_of(1, 0, 3), socket_of(2, 0, 3) };
	struct listen_rows rows = { 0 };

	(void)state;
	l[0].drops = l[1].drops = 5;
	look(&rows, l, 1);
	look(&rows, l, 2);
	assert_int_equal(listen_row_refused(&rows.rows[0]), 0);
	assert_int_equal(listen_row_refused(&rows.rows[1]), 5);
	listen_rows_free(&rows);
}

/* Where looks are far from each other one that was closed stays to the sample's end. */
static void test_closed_since(void **state)
{
	struct listening l[2] = { socket_of(1, 4, 3), socket_of(2, 0, 3) };
	struct listen_rows rows = { .keep_gone = true };

	(void)state;
	look(&rows, l, 2);
	look(&rows, l + 1, 1);
	assert_int_equal(rows.len, 2);
	listen_rows_sort(&rows);
	assert_int_equal(rows.rows[0].now.sock.cookie, 1);
	assert_false(rows.rows[0].seen);
	assert_true(rows.rows[1].seen);
	listen_rows_begin(&rows);
	assert_int_equal(rows.len, 1);
	look(&rows, l + 1, 1);
	assert_int_equal(rows.rows[0].now.sock.cookie, 2);
	rows.keep_gone = false;
	look(&rows, l, 1);
	assert_int_equal(rows.len, 1);
	listen_rows_free(&rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_opened_since),
		cmocka_unit_test(test_closed_since),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_low),
		cmocka_unit_test(test_bound),
		cmocka_unit_test(test_worst_first),
		cmocka_unit_test(test_shared),
		cmocka_unit_test(test_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
