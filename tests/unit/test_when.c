// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <time.h>

#include "when.h"

#define S 1000000000ULL
#define NOON (1795305600ULL * S)	/* 2026-11-22T00:00:00Z */
#define H (3600 * S)

static uint64_t at(const char *word, bool utc)
{
	struct when w;

	assert_true(when_parse(word, utc, &w));
	assert_int_equal(w.kind, WHEN_AT);
	return w.ns;
}

static void dates(void **state)
{
	(void)state;
	assert_int_equal(at("2026-11-22T02:57:00Z", false), NOON + 2 * H + 57 * 60 * S);
	assert_int_equal(at("2026-11-22t02:57:00.25z", false), NOON + 2 * H + 57 * 60 * S + S / 4);
	assert_int_equal(at("2026-11-22T02:57:00+01:00", false), NOON + H + 57 * 60 * S);
	assert_int_equal(at("2026-11-21T22:57:00-04:00", false), NOON + 2 * H + 57 * 60 * S);
	assert_int_equal(at("2026-11-22 02:57", true), NOON + 2 * H + 57 * 60 * S);
	assert_int_equal(at("2026-11-22", true), NOON);
	assert_int_equal(at("2024-02-29", true), 1709164800ULL * S);
	/* Local time: an hour before. */
	assert_int_equal(at("2026-11-22 02:57", false), NOON + H + 57 * 60 * S);
	/* A leap second is the next one's beginning. */
	assert_int_equal(at("2016-12-31T23:59:60Z", false), 1483228800ULL * S);
}

static void what_is_no_time(void **state)
{
	static const char *const words[] = {
		"", "-", "-0", "-5x", "2:57", "02:5", "24:00", "02:60", "02:57:61", "02:57:", "02:57x",
		"02:57:00.", "2026-02-29", "2026-13-01", "2026-00-10", "2026-11-31", "1969-12-31",
		"2026-11-22T", "2026-11-22T02:57:00+1", "2026-11-22T02:57:00Zz", "2026-11-22X02:57",
		"now", "9999-99-99", "2026-11-22T02:57:00+24:00", " 02:57", "+02:57", "9999-01-01",
	};
	struct when w;

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (when_parse(words[i], true, &w))
			fail_msg("'%s' is taken", words[i]);
}

static uint64_t resolve(const char *word, uint64_t end, uint64_t after)
{
	struct when w;

	assert_true(when_parse(word, true, &w));
	assert_true(when_needs_end(&w));
	return when_resolve(&w, true, end, after);
}

static void of_the_day(void **state)
{
	(void)state;
	/* From 22:00 to 06:00: the last one before the end. */
	assert_int_equal(resolve("02:57", NOON + 6 * H, 0), NOON + 2 * H + 57 * 60 * S);
	assert_int_equal(resolve("23:30", NOON + 6 * H, 0), NOON - H / 2);
	assert_int_equal(resolve("06:00", NOON + 6 * H, 0), NOON + 6 * H);
	/* --until: the first one after --since. */
	assert_int_equal(resolve("00:30", NOON + 6 * H, NOON - H / 2), NOON + H / 2);
	assert_int_equal(resolve("07:00", NOON + 6 * H, NOON + 5 * H), NOON + 7 * H);
}

static void before_the_end(void **state)
{
	(void)state;
	assert_int_equal(resolve("-10m", NOON, 0), NOON - 600 * S);
	assert_int_equal(resolve("-90", NOON, 0), NOON - 90 * S);
	assert_int_equal(resolve("-10m", 5, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dates),
		cmocka_unit_test(what_is_no_time),
		cmocka_unit_test(of_the_day),
		cmocka_unit_test(before_the_end),
	};

	setenv("TZ", "CET-1", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
