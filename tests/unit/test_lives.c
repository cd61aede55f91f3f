// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lives.h"

static struct ev_connection life(uint64_t cookie)
{
	return (struct ev_connection){ .end = { .sock = { .cookie = cookie },
						.head = { .ts_ns = 1000 } } };
}

static struct ev_timewait move(uint64_t cookie, uint8_t from)
{
	return (struct ev_timewait){ .head = { .ts_ns = 1700, .method = EVM_FENTRY },
				     .sock = { .cookie = cookie }, .from = from,
				     .to = EVS_TIME_WAIT, .why = EVW_FIN };
}

static void test_end(void **state)
{
	struct lives *l = lives_open();
	struct ev_connection c = life(7);
	struct ev_timewait other = move(8, EVS_FIN_WAIT2), late = move(7, EVS_TIME_WAIT),
			   fin = move(7, EVS_FIN_WAIT2);
	const struct ev_connection *out;

	(void)state;
	c.in_ns[ev_life_place(EVS_FIN_WAIT2)] = 5;
	assert_null(lives_keep(l, &c));
	assert_null(lives_end(l, &other));
	assert_null(lives_end(l, &late));	/* the end of TIME-WAIT is not its own */
	out = lives_end(l, &fin);
	assert_non_null(out);
	assert_int_equal(out->in_ns[ev_life_place(EVS_FIN_WAIT2)], 705);
	assert_int_equal(out->end.head.ts_ns, 1700);
	assert_int_equal(out->end.to, EVS_TIME_WAIT);
	assert_true(out->mini);
	assert_null(lives_end(l, &fin));	/* told once */
	assert_int_equal(lives_len(l), 0);
	lives_close(l);
}

static void test_bounded(void **state)
{
	struct lives *l = lives_open();
	struct ev_connection c = life(0);

	(void)state;
	assert_ptr_equal(lives_keep(l, &c), &c);	/* no mini-socket can be told from it */
	for (uint64_t i = 1; i <= LIVES_MAX; i++) {
		c = life(i);
		assert_null(lives_keep(l, &c));
	}
	assert_ptr_equal(lives_keep(l, &c), &c);	/* that cookie is there */
	for (uint64_t i = 1; i <= 1000; i++) {
		struct ev_timewait fin = move(3 * i + 1, EVS_FIN_WAIT2);

		assert_non_null(lives_end(l, &fin));
	}
	for (uint64_t i = 1; i <= 1000; i++) {
		c = life(LIVES_MAX + i);
		assert_null(lives_keep(l, &c));
	}
	c = life(2 * LIVES_MAX);
	assert_int_equal(lives_keep(l, &c)->end.sock.cookie, 1);	/* the oldest */
	c = life(2 * LIVES_MAX + 1);
	assert_int_equal(lives_keep(l, &c)->end.sock.cookie, 2);
	c = life(2 * LIVES_MAX + 2);
	assert_int_equal(lives_keep(l, &c)->end.sock.cookie, 3);
	c = life(2 * LIVES_MAX + 3);
	assert_int_equal(lives_keep(l, &c)->end.sock.cookie, 5);	/* 4 has ended */
	assert_int_equal(lives_len(l), LIVES_MAX);
	lives_close(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_end),
		cmocka_unit_test(test_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
