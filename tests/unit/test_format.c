// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "format.h"

static void test_count(void **state)
{
	char buf[28];

	(void)state;
	assert_string_equal(format_count(0, buf, sizeof(buf)), "0");
	assert_string_equal(format_count(999, buf, sizeof(buf)), "999");
	assert_string_equal(format_count(1284, buf, sizeof(buf)), "1,284");
	assert_string_equal(format_count(UINT64_MAX, buf, sizeof(buf)),
			    "18,446,744,073,709,551,615");
}

static void test_bytes(void **state)
{
	static const struct {
		uint64_t n;
		const char *text;
	} rows[] = {
		{ 0, "0B" }, { 999, "999B" }, { 1000, "1.00kB" }, { 1912, "1.91kB" },
		{ 48211, "48.2kB" }, { 999999, "999kB" }, { 1000000, "1.00MB" },
		{ 2100000, "2.10MB" }, { 7000000000, "7.00GB" }, { UINT64_MAX, "18.4EB" },
	};
	char buf[32];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(format_bytes(rows[i].n, buf, sizeof(buf)), rows[i].text);
}

static void test_duration(void **state)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} rows[] = {
		{ 0, "0us" }, { 812999, "812us" }, { 999999, "999us" }, { 1000000, "1.00ms" },
		{ 21300412, "21.3ms" }, { 268011873, "268ms" }, { 999999999, "999ms" },
		{ 1200000000, "1.20s" }, { 60000000000, "60.0s" }, { 131000000000, "131s" },
		{ 2990000000000, "49m50s" }, { 3600000000000, "1h00m" },
		{ 183600000000000, "2d03h" },
	};
	char buf[16];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(format_duration(rows[i].ns, buf, sizeof(buf)), rows[i].text);
	/* The column is seven wide whatever comes. */
	for (uint64_t ns = 1; ns < 1000ULL * 86400 * 1000000000; ns = ns * 3 + 7)
		assert_true(strlen(format_duration(ns, buf, sizeof(buf))) <= 7);
}

static void test_endpoint(void **state)
{
	const uint8_t v4[16] = { 10, 0, 0, 1 }, v6[16] = { 0x20, 1, 0xd, 0xb8, [15] = 1 };
	char buf[64];

	(void)state;
	assert_string_equal(format_endpoint(4, v4, true, 443, true, buf, sizeof(buf)), "10.0.0.1:443");
	assert_string_equal(format_endpoint(6, v6, true, 443, true, buf, sizeof(buf)),
			    "[2001:db8::1]:443");
	assert_string_equal(format_endpoint(4, v4, true, 0, false, buf, sizeof(buf)), "10.0.0.1:*");
	assert_string_equal(format_endpoint(4, v4, false, 0, false, buf, sizeof(buf)), "*");
	memset((void *)v6, 0xff, 16);
	assert_true(strlen(format_endpoint(6, v6, true, 65535, true, buf, sizeof(buf))) < 64);
}

/* What a task may call itself, and what of it reaches a terminal. */
static void test_plain(void **state)
{
	static const struct {
		const char *name;
		const char *shown;
	} rows[] = {
		{ "nginx", "nginx" }, { "caf\xc3\xa9", "caf\xc3\xa9" },
		{ "\033[31mred", "\\x1b[31mred" }, { "a\nb\tc", "a\\x0ab\\x09c" },
		{ "\xff\xfe", "\\xff\\xfe" }, { "\xc2\x9b" "2J", "\\xc2\\x9b2J" },
		{ "\xe2\x80\xae" "x", "\\xe2\\x80\\xaex" }, { "\xc0\xaf", "\\xc0\\xaf" },
		{ "a\\b", "a\\x5cb" }, { "\xf0\x9f\x92\xa9", "\xf0\x9f\x92\xa9" },
		{ "cut\xc3", "cut\\xc3" }, { "\xed\xa0\x80", "\\xed\\xa0\\x80" },
	};
	char buf[65];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(format_plain((const uint8_t *)rows[i].name, 16, buf, sizeof(buf)),
				    rows[i].shown);
}

/* Sixteen bytes without a NUL, all hostile: nothing is read or written beyond. */
static void test_plain_is_bounded(void **state)
{
	uint8_t comm[17];
	char buf[66];

	(void)state;
	memset(comm, 1, sizeof(comm));
	buf[65] = 'x';
	format_plain(comm, 16, buf, 65);
	assert_int_equal(strlen(buf), 60);
	assert_int_equal(buf[65], 'x');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_count),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_duration),
		cmocka_unit_test(test_endpoint),
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_plain_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
