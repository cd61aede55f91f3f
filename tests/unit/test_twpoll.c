// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "twpoll.h"

struct told {
	size_t len;
	struct ev_timewait last;
};

static void tell(void *ctx, const struct ev_timewait *ev)
{
	struct told *told = ctx;

	told->len++;
	told->last = *ev;
}

/* In a namespace that does not exist: nothing of this machine is asked. */
static struct ev_state connection(uint16_t port, uint64_t cookie)
{
	return (struct ev_state){
		.head = { .ts_ns = 1000 }, .since_ns = 500, .from = EVS_FIN_WAIT2, .to = EVS_CLOSE,
		.sock = { .cookie = cookie, .netns = 1, .family = 4, .lport = port, .rport = 80,
			  .laddr = { 10, 0, 0, 1 }, .raddr = { 10, 0, 0, 2 } },
	};
}

static void test_reused(void **state)
{
	struct told told = { 0 };
	struct twpoll *t = twpoll_open(tell, NULL, &told);
	struct ev_state e = connection(4000, 1), other = connection(4001, 2);

	(void)state;
	twpoll_begin(t, &e, EVS_TIME_WAIT);
	twpoll_reused(t, &other);
	assert_int_equal(told.len, 0);
	e.sock.cookie = 3;		/* the new connection has its own */
	twpoll_reused(t, &e);
	assert_int_equal(told.len, 1);
	assert_int_equal(told.last.why, EVW_REUSED);
	assert_int_equal(told.last.sock.cookie, 1);
	assert_int_equal(told.last.from, EVS_TIME_WAIT);
	assert_int_equal(told.last.since_ns, 1000);
	assert_int_equal(told.last.head.method, EVM_INFERRED);
	assert_int_equal(twpoll_len(t), 0);
	twpoll_reused(t, &e);
	assert_int_equal(told.len, 1);
	twpoll_close(t);
}

static void test_moved(void **state)
{
	struct told told = { 0 };
	struct twpoll *t = twpoll_open(tell, NULL, &told);
	struct ev_state e = connection(4000, 1);
	struct ev_timewait moved = { .head.ts_ns = 9000, .sock = e.sock };

	(void)state;
	twpoll_begin(t, &e, EVS_FIN_WAIT2);
	twpoll_moved(t, &moved);
	twpoll_reused(t, &e);
	assert_int_equal(told.last.from, EVS_TIME_WAIT);
	assert_int_equal(told.last.since_ns, 9000);
	twpoll_close(t);
}

static void test_namespace_gone(void **state)
{
	struct told told = { 0 };
	struct twpoll *t = twpoll_open(tell, NULL, &told);
	struct ev_state e = connection(4000, 1);

	(void)state;
	twpoll_begin(t, &e, EVS_TIME_WAIT);
	twpoll_tick(t, 5000000000ULL, 0);
	/* Nobody can say how it ended: nothing is told. */
	assert_int_equal(told.len, 0);
	assert_int_equal(twpoll_len(t), 0);
	assert_int_equal(twpoll_unseen(t), 0);
	twpoll_close(t);
}

static void test_bounded(void **state)
{
	struct told told = { 0 };
	struct twpoll *t = twpoll_open(tell, NULL, &told);

	(void)state;
	for (uint32_t i = 0; i < TWPOLL_MAX + 10; i++) {
		struct ev_state e = connection(i, i + 1);

		e.sock.laddr[2] = i >> 16;
		twpoll_begin(t, &e, EVS_TIME_WAIT);
	}
	assert_int_equal(twpoll_len(t), TWPOLL_MAX);
	assert_int_equal(twpoll_unseen(t), 10);
	/* Room that came free is used again, many times over. */
	for (uint32_t i = 0; i < 4 * TWPOLL_MAX; i++) {
		struct ev_state e = connection(i % 60000, i + 1);

		twpoll_reused(t, &e);
		twpoll_begin(t, &e, EVS_TIME_WAIT);
	}
	assert_int_equal(twpoll_len(t), TWPOLL_MAX);
	assert_int_equal(told.len, 4 * TWPOLL_MAX);
	twpoll_close(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reused),
		cmocka_unit_test(test_moved),
		cmocka_unit_test(test_namespace_gone),
		cmocka_unit_test(test_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
