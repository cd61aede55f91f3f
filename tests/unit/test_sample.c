// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* test_sample.c - one in N of what went well, all of what did not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sample.h"

static struct record ended(uint64_t cookie, enum cause cause)
{
	return (struct record){ .kind = REC_CONNECTION, .has = HAS_COOKIE, .cookie = cookie, .cause = cause,
				.role = EVR_SERVER };
}

static void test_one_in_n(void **state)
{
	unsigned int kept = 0;

	(void)state;
	for (uint64_t cookie = 1; cookie <= 100000; cookie++) {
		struct record r = ended(cookie, CAUSE_FIN_ACKED);
		struct record taken = { .kind = REC_ACCEPT, .has = HAS_COOKIE, .cookie = cookie };
		bool told = sample_record(&r, 100);

		kept += told;
		assert_int_equal(r.sample_n, 100);
		assert_int_equal(sample_record(&taken, 100), told);	/* its records together */
	}
	assert_in_range(kept, 900, 1100);
}

/* Cookies of one CPU are 1 apart or a power of two. */
static void test_no_pattern(void **state)
{
	(void)state;
	for (unsigned int step = 1; step <= 4096; step *= 2) {
		unsigned int kept = 0;

		for (uint64_t i = 0; i < 10000; i++) {
			struct record r = ended(i * step, CAUSE_FIN_ACKED);

			kept += sample_record(&r, 4);
		}
		assert_in_range(kept, 2300, 2700);
	}
}

static void test_what_is_always_told(void **state)
{
	struct record r;

	(void)state;
	for (uint64_t cookie = 0; cookie < 1000; cookie++) {
		r = ended(cookie, CAUSE_TIMEOUT);
		assert_true(sample_record(&r, 1000000));
		assert_int_equal(r.sample_n, 0);
		r = ended(cookie, CAUSE_UNKNOWN);
		assert_true(sample_record(&r, 1000000));
		r = ended(cookie, CAUSE_FIN_ACKED);
		r.has = 0;		/* no cookie */
		assert_true(sample_record(&r, 1000000));
		r = ended(cookie, CAUSE_FIN_ACKED);
		r.kind = REC_RESET;
		assert_true(sample_record(&r, 1000000));
		r = ended(cookie, CAUSE_FIN_ACKED);
		assert_true(sample_record(&r, 1));
		assert_int_equal(r.sample_n, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_in_n),
		cmocka_unit_test(test_no_pattern),
		cmocka_unit_test(test_what_is_always_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
