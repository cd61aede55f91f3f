// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* test_wallclock.c - steps of the clock and of the TAI offset, with readings
 * made up here; and that the real clocks agree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <time.h>

#include "wallclock.h"

#define S 1000000000ll

/* A record from before a step keeps its time, whatever is refreshed since. */
static void test_tai(void **state)
{
	struct wallclock before = { .realtime_offset_ns = 1000 * S, .tai_offset_ns = 37 * S };
	struct wallclock after = { .realtime_offset_ns = 4600 * S, .tai_offset_ns = 37 * S };

	(void)state;
	assert_int_equal(wallclock_ns(&before, 5 * S, 1042 * S), 1005 * S);
	assert_int_equal(wallclock_ns(&after, 5 * S, 1042 * S), 1005 * S);
}

static void test_no_tai_offset(void **state)
{
	struct wallclock c = { .realtime_offset_ns = 1000 * S };

	(void)state;
	assert_int_equal(wallclock_ns(&c, 5 * S, 1005 * S), 1005 * S);
}

/* A leap second: TAI goes on, its offset grows, CLOCK_REALTIME repeats one. */
static void test_leap(void **state)
{
	struct wallclock c = { .tai_offset_ns = 38 * S };

	(void)state;
	assert_int_equal(wallclock_ns(&c, 0, 1038 * S), 1000 * S);
}

static void test_monotonic(void **state)
{
	struct wallclock c = { .realtime_offset_ns = 1000 * S };

	(void)state;
	assert_int_equal(wallclock_ns(&c, 5 * S + 1, 0), 1005 * S + 1);
	c.realtime_offset_ns = 900 * S;		/* stepped back */
	assert_int_equal(wallclock_ns(&c, 5 * S + 1, 0), 905 * S + 1);
}

static int64_t now(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return t.tv_sec * S + t.tv_nsec;
}

static void test_real_clocks(void **state)
{
	struct wallclock c = { 0 };
	int64_t mono = now(CLOCK_MONOTONIC), tai = now(CLOCK_TAI), real = now(CLOCK_REALTIME);

	(void)state;
	wallclock_refresh(&c);
	/* A second: the test may be put off the CPU between two readings. */
	assert_true(llabs((int64_t)wallclock_ns(&c, mono, 0) - real) < S);
	assert_true(llabs((int64_t)wallclock_ns(&c, mono, tai) - real) < S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tai),
		cmocka_unit_test(test_no_tai_offset),
		cmocka_unit_test(test_leap),
		cmocka_unit_test(test_monotonic),
		cmocka_unit_test(test_real_clocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
