// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* test_sketch.c - the error that sketch.h promises, against sorted values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sketch.h"

#define N 20000

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void test_error_is_bounded(void **state)
{
	uint64_t *values = malloc(N * sizeof(*values)), x = 42;
	struct sketch s = { 0 };

	(void)state;
	assert_non_null(values);
	for (int i = 0; i < N; i++) {
		x = x * 6364136223846793005ULL + 1442695040888963407ULL;
		values[i] = (1ULL << (11 + (x >> 33) % 32)) + (x >> 40);	/* 2 us to 2.4 h */
		sketch_add(&s, values[i]);
	}
	qsort(values, N, sizeof(*values), by_value);
	for (unsigned int percent = 1; percent <= 100; percent++) {
		uint64_t is = values[(N * percent + 99) / 100 - 1];
		uint64_t said = sketch_quantile(&s, percent);

		assert_true(said >= is && said - is <= is / 16);
	}
	assert_int_equal(s.count, N);
	assert_true(s.max_ns == values[N - 1]);
	free(values);
}

static void test_ends(void **state)
{
	struct sketch s = { 0 };

	(void)state;
	assert_int_equal(sketch_quantile(&s, 50), 0);
	sketch_add(&s, 0);
	assert_int_equal(sketch_quantile(&s, 50), 0);	/* the maximum bounds it */
	sketch_add(&s, 1023);
	sketch_add(&s, 1024);
	assert_int_equal(sketch_quantile(&s, 1), 1023);
	assert_int_equal(sketch_quantile(&s, 66), 1023);
	assert_int_equal(sketch_quantile(&s, 67), 1024);
	sketch_add(&s, UINT64_MAX);
	assert_true(sketch_quantile(&s, 100) == UINT64_MAX);
	sketch_add(&s, 1ULL << SKETCH_HIGH);
	sketch_add(&s, (1ULL << SKETCH_HIGH) - 1);
	assert_true(sketch_quantile(&s, 60) == (1ULL << SKETCH_HIGH) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_error_is_bounded),
		cmocka_unit_test(test_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
