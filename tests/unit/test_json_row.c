// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "json_row.h"
#include "sink.h"

static void test_a_row_or_a_word_about_it(void **state)
{
	char line[7], read_back[8] = "";
	struct json j = { .at = line, .end = line + sizeof(line) };
	FILE *out = tmpfile();

	(void)state;
	assert_non_null(out);
	JSON_LITERAL(&j, "{\"a\":1}");
	assert_true(json_row_put(&j, line, out));
	JSON_LITERAL(&j, "\n");
	assert_false(json_row_put(&j, line, out));
	assert_int_equal(ftell(out), 7);
	rewind(out);
	assert_int_equal(fread(read_back, 1, sizeof(read_back), out), 7);
	assert_string_equal(read_back, "{\"a\":1}");
	fclose(out);
}

/* Of hooks with such names, as a recording may claim, 24,000 bytes would be needed. */
static void test_a_record_too_long_is_counted(void **state)
{
	static char name[] = "\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1";
	struct stream_info info = { .version = "1", .kernel = "6.1", .boot_id = "b", .tier = "fentry",
				    .events = "state" };
	struct stream_totals totals = { 0 };
	struct record r = { .kind = REC_START, .count = 1, .info = &info, .totals = &totals };
	int fd = open("/dev/null", O_WRONLY);
	struct output *out = output_open(fd, NULL, 0);
	struct sink_options options = { 0 };
	struct sink *sink;

	(void)state;
	assert_non_null(out);
	sink = sink_json.open(out, &options);
	assert_non_null(sink);
	assert_true(sink_json.write(sink, &r));
	for (; info.hooks_len < sizeof(info.hooks) / sizeof(info.hooks[0]); info.hooks_len++)
		info.hooks[info.hooks_len].fact = info.hooks[info.hooks_len].method = name;
	assert_false(sink_json.write(sink, &r));
	assert_int_equal(output_lines_lost(out), 1);
	sink_json.close(sink);
	output_close(out);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_row_or_a_word_about_it),
		cmocka_unit_test(test_a_record_too_long_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
