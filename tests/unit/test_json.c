// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "json.h"

static char line[256];

static struct json begin(size_t room)
{
	memset(line, 0, sizeof(line));
	return (struct json){ .at = line, .end = line + room };
}

static void test_numbers(void **state)
{
	struct json j = begin(200);

	(void)state;
	json_u64(&j, 0);
	JSON_LITERAL(&j, " ");
	json_u64(&j, UINT64_MAX);
	JSON_LITERAL(&j, " ");
	json_hex(&j, 0x42afab);
	JSON_LITERAL(&j, " ");
	json_hex(&j, UINT64_MAX);
	assert_string_equal(line, "0 18446744073709551615 42afab ffffffffffffffff");
	assert_false(j.full);
}

static void test_strings(void **state)
{
	static const struct {
		const char *bytes;
		const char *text;
	} rows[] = {
		{ "nginx", "\"nginx\"" }, { "", "\"\"" }, { "a\"b\\c", "\"a\\\"b\\\\c\"" },
		{ "\033[2J", "\"\\u001b[2J\"" }, { "a\nb", "\"a\\nb\"" }, { "\x7f", "\"\\u007f\"" },
		{ "\xff\xfe", "\"\\ufffd\\ufffd\"" }, { "caf\xc3\xa9", "\"caf\xc3\xa9\"" },
		{ "cut\xc3", "\"cut\\ufffd\"" }, { "\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"" },
		{ "0123456789abcdefX", "\"0123456789abcdef\"" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct json j = begin(200);

		json_string(&j, (const uint8_t *)rows[i].bytes, 16);
		assert_string_equal(line, rows[i].text);
	}
}

static void test_addresses(void **state)
{
	struct json j = begin(200);
	const uint8_t v4[16] = { 10, 0, 255, 1 }, v6[16] = { 0x20, 1, 0xd, 0xb8, [15] = 1 };

	(void)state;
	json_address(&j, 4, v4);
	json_address(&j, 6, v6);
	assert_string_equal(line, "\"10.0.255.1\"\"2001:db8::1\"");
}

/* The part that is kept between calls is not kept too long. */
static void test_time(void **state)
{
	struct json_time cache = { 0 };
	struct json j = begin(200);

	(void)state;
	json_time(&j, &cache, 1795330213329118000ULL + 118);
	json_time(&j, &cache, 1795330213999999999ULL);
	json_time(&j, &cache, 1795330214000000000ULL);
	assert_string_equal(line, "\"2026-11-22T06:50:13.329118118Z\"\"2026-11-22T06:50:13.999999999Z\""
			    "\"2026-11-22T06:50:14.000000000Z\"");
	j = begin(200);
	cache = (struct json_time){ 0 };
	json_time(&j, &cache, 0);
	assert_string_equal(line, "\"1970-01-01T00:00:00.000000000Z\"");
}

/* Whatever does not fit leaves the line void and what is behind it untouched. */
static void test_full(void **state)
{
	const uint8_t comm[16] = "\001\001\001\001\001\001\001\001\001\001\001\001\001\001\001";

	(void)state;
	for (size_t room = 0; room < 92; room++) {
		struct json j = begin(room);

		json_string(&j, comm, sizeof(comm));
		assert_int_equal(j.full, room < 2 + 15 * 6);
		for (size_t i = room; i < sizeof(line); i++)
			assert_int_equal(line[i], 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
