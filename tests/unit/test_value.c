// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "value.h"

static void test_number(void **state)
{
	static const char *const bad[] = { "", " 1", "1 ", "-1", "+1", "0x10", "1e3", "101",
					   "99999999999999999999999", "1.0" };
	uint64_t n;

	(void)state;
	assert_true(value_number("100", 1, 100, &n));
	assert_int_equal(n, 100);
	assert_false(value_number("0", 1, 100, &n));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(value_number(bad[i], 0, 100, &n));
}

static void test_duration(void **state)
{
	static const char *const bad[] = { "", "0", "s", "10d", "1.5s", "-1s", "10 s",
					   "99999999999999999999h", "9223372037" };
	uint64_t ns;

	(void)state;
	assert_true(value_duration("10", &ns) && ns == 10000000000);
	assert_true(value_duration("500ms", &ns) && ns == 500000000);
	assert_true(value_duration("2h", &ns) && ns == 7200000000000);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(value_duration(bad[i], &ns));
}

static void test_size(void **state)
{
	uint64_t bytes;

	(void)state;
	assert_true(value_size("16M", 4096, 1 << 30, &bytes) && bytes == 16 << 20);
	assert_true(value_size("4096", 4096, 1 << 30, &bytes) && bytes == 4096);
	assert_false(value_size("3M", 4096, 1 << 30, &bytes));
	assert_false(value_size("2G", 4096, 1 << 30, &bytes));
	assert_false(value_size("1K", 4096, 1 << 30, &bytes));
}

static void test_netns(void **state)
{
	struct stat st;
	uint32_t inum;
	char word[16];

	(void)state;
	assert_int_equal(stat("/proc/self/ns/net", &st), 0);
	assert_int_equal(value_netns("/proc/self/ns/net", &inum), 0);
	assert_int_equal(inum, st.st_ino);
	snprintf(word, sizeof(word), "%u", inum);
	assert_int_equal(value_netns(word, &inum), 0);
	assert_int_equal(inum, st.st_ino);
	assert_int_equal(value_netns("/proc/self/ns/uts", &inum), -EINVAL);
	assert_int_equal(value_netns("/dev/null", &inum), -EINVAL);
	assert_true(value_netns("../../proc/self/ns/nothing", &inum) < 0);
	assert_true(value_netns("", &inum) < 0);
	assert_true(value_netns("no-such-name", &inum) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_number),
		cmocka_unit_test(test_duration),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_netns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
