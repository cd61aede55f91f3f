// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* test_limit_listeners.c - whose the accept queues are, and which SYN queues are nearest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "limit_listeners.h"

static struct buffered held(uint64_t cookie, uint32_t pid, uint32_t syn_queue)
{
	return (struct buffered){
		.sock = { .cookie = cookie, .netns = 7, .family = 4, .state = EVS_LISTEN,
			  .lport = 8000 + cookie,
			  .owner = { .pid = pid, .source = EVO_SNAPSHOT, .comm = "nginx" } },
		.queues = { .syn_queue = syn_queue, .backlog = 100, .somaxconn = 4096,
			    .max_syn_backlog = 1024, .syncookies = 1 },
	};
}

static void add(struct limit_listeners *l, const struct buffered *b)
{
	assert_true(limit_listeners_add(l, b));
}

static void test_owner(void **state)
{
	struct limit_row queue = { .kind = LIMIT_ACCEPT_QUEUE, .cookie = 1 };
	struct buffered b = held(1, 1187, 0);
	struct limit_listeners l = { 0 };
	struct limit_rows rows = { 0 };

	(void)state;
	assert_true(limit_rows_add(&rows, &queue));
	queue.cookie = 2;		/* no task holds it */
	assert_true(limit_rows_add(&rows, &queue));
	queue.cookie = 0;		/* of a recording, say */
	assert_true(limit_rows_add(&rows, &queue));
	b.sock.owner.pid = 1188;	/* whatever the order of the walk */
	add(&l, &b);
	b = held(1, 1187, 0);
	add(&l, &b);
	add(&l, &b);			/* two descriptors of one process */
	b = held(0, 9, 0);
	add(&l, &b);
	assert_true(limit_listeners_join(&l, &rows, 8));
	assert_string_equal(rows.all[0].user, "nginx[1187]+1");
	assert_string_equal(rows.all[1].user, "");
	assert_string_equal(rows.all[2].user, "");
	/* One SYN queue each, whose too. */
	assert_int_equal(rows.len, 3 + 2);
	assert_int_equal(rows.all[4].kind, LIMIT_SYN_QUEUE);
	assert_string_equal(rows.all[4].user, "nginx[1187]+1");
	assert_string_equal(rows.all[4].scope, "0.0.0.0:8001 netns 7");
	limit_rows_free(&rows);
	limit_listeners_free(&l);
}

static void test_the_nearest_of_each_namespace(void **state)
{
	struct limit_listeners l = { 0 };
	struct limit_rows rows = { 0 };
	struct buffered b;

	(void)state;
	for (uint64_t i = 1; i <= 5; i++) {
		b = held(i, 100 + i, i * 10);
		add(&l, &b);
	}
	b = held(6, 106, 1);
	b.sock.netns = 8;
	add(&l, &b);
	b = held(7, 107, 0);
	b.queues.syncookies = 2;	/* nothing waits in it */
	add(&l, &b);
	assert_true(limit_listeners_join(&l, &rows, 2));
	limit_rows_sort(&rows);
	assert_int_equal(rows.len, 3);
	assert_int_equal(rows.all[0].use, 50);
	assert_int_equal(rows.all[1].use, 40);
	assert_int_equal(rows.all[2].netns, 8);
	limit_rows_free(&rows);
	limit_listeners_free(&l);
	assert_true(limit_listeners_join(&l, &rows, 2));
	assert_int_equal(rows.len, 0);
	limit_rows_free(&rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_owner),
		cmocka_unit_test(test_the_nearest_of_each_namespace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
