// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "totals.h"

static void test_places(void **state)
{
	struct kernel_counters k = { .missed_1 = 10 };
	struct stream_counts u = { .printed = 90, .refused = 3, .malformed = 2 };
	struct stream_totals t;

	(void)state;
	k.count[EVC_EMITTED + EV_STATE] = 95;
	k.count[EVC_EMITTED + EV_RESET] = 5;
	k.count[EVC_RING_FULL + EV_STATE] = 7;
	k.count[EVC_RECOVERED] = 6;
	k.count[EVC_IGNORED_1] = 20;
	k.count[EVC_IGNORED_2] = 21;	/* one of the missed was not TCP */
	k.count[EVC_GAPS] = 2;		/* two were found by the gap check */
	totals_of(&k, &u, &t);
	assert_int_equal(t.made, 107);
	assert_int_equal(t.lost_ring, 7);
	assert_int_equal(t.lost_missed, 1);
	assert_int_equal(t.lost, 7 + 1 + 3 + 2);
	assert_int_equal(t.recovered, 6);
	assert_int_equal(t.gaps, 2);
}

/* Those of one program do not make up for those of another. */
static void test_others_with_a_second_copy(void **state)
{
	struct kernel_counters k = { .missed_1 = 1, .missed_other = 3 };
	struct stream_counts u = { 0 };
	struct stream_totals t;

	(void)state;
	k.count[EVC_RECOVERED_OTHER] = 2;
	totals_of(&k, &u, &t);
	assert_int_equal(t.lost_missed, 2);
	assert_int_equal(t.recovered, 2);
	k.count[EVC_RECOVERED_OTHER] = 4;
	totals_of(&k, &u, &t);
	assert_int_equal(t.lost_missed, 1);
}

/* Its connection is told all the same, with its listener's owner. */
static void test_skipped_accepts_are_poorer(void **state)
{
	struct kernel_counters k = { .missed_accepts = 3 };
	struct stream_counts u = { .untracked = 1 };
	struct stream_totals t;

	(void)state;
	totals_of(&k, &u, &t);
	assert_int_equal(t.poorer, 4);
	assert_int_equal(t.lost, 0);
}

static void test_nothing_is_below_zero(void **state)
{
	struct kernel_counters k = { .missed_1 = 1 };
	struct stream_counts u = { 0 };
	struct stream_totals t;

	(void)state;
	k.count[EVC_RECOVERED] = 5;
	totals_of(&k, &u, &t);
	assert_int_equal(t.lost, 0);
}

static void test_since(void **state)
{
	struct stream_totals before = { .lost = 5, .lost_missed = 3, .printed = 10 };
	struct stream_totals now = { .lost = 9, .lost_missed = 2, .printed = 30 }, since;

	(void)state;
	totals_since(&now, &before, &since);
	assert_int_equal(since.lost, 4);
	assert_int_equal(since.lost_missed, 0);
	assert_int_equal(since.printed, 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_others_with_a_second_copy),
		cmocka_unit_test(test_skipped_accepts_are_poorer),
		cmocka_unit_test(test_nothing_is_below_zero),
		cmocka_unit_test(test_since),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
