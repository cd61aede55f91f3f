// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "queue.h"

static struct ev_error error_of(uint32_t err)
{
	return (struct ev_error){ .head = { .kind = EV_ERROR, .size = sizeof(struct ev_error) },
				  .err = err };
}

static uint32_t err_at(struct queue *q, size_t i)
{
	return ((struct ev_error *)queue_at(q, i))->err;
}

static void test_order(void **state)
{
	struct queue *q = queue_open();

	(void)state;
	for (uint32_t i = 0; i < 3000; i++) {
		struct ev_error e = error_of(i);

		assert_true(queue_push(q, &e, sizeof(e)));
	}
	queue_drop(q, 1000);
	assert_int_equal(queue_len(q), 2000);
	assert_int_equal(err_at(q, 0), 1000);
	assert_int_equal(err_at(q, 1999), 2999);
	queue_close(q);
}

static void test_malformed(void **state)
{
	struct queue *q = queue_open();
	struct ev_error e = error_of(1);

	(void)state;
	assert_false(queue_push(q, &e, 3));			/* no whole head */
	assert_false(queue_push(q, &e, sizeof(e) - 1));		/* cut */
	e.head.size = sizeof(struct ev_head);
	assert_false(queue_push(q, &e, sizeof(struct ev_head)));	/* short for its kind */
	e.head.size = sizeof(e);
	e.head.kind = EV_STATE;
	assert_false(queue_push(q, &e, sizeof(e)));
	e.head.kind = 250;
	assert_false(queue_push(q, &e, sizeof(e)));
	assert_int_equal(queue_len(q), 0);
	queue_close(q);
}

static void test_bounded(void **state)
{
	struct queue *q = queue_open();
	struct ev_error e = error_of(1);

	(void)state;
	for (size_t i = 0; i < QUEUE_RECORDS_MAX; i++) {
		assert_false(queue_full(q));
		assert_true(queue_push(q, &e, sizeof(e)));
	}
	assert_true(queue_full(q));
	assert_false(queue_push(q, &e, sizeof(e)));
	queue_drop(q, QUEUE_RECORDS_MAX);
	assert_true(queue_push(q, &e, sizeof(e)));
	queue_close(q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
