// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* test_cgroup.c - look-ups of ids that are not there, with or without cgroup2
 * and with or without privilege. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "cgroup.h"

static void test_no_id(void **state)
{
	struct cgroups *c = cgroup_open();

	(void)state;
	assert_non_null(c);
	assert_null(cgroup_find(c, 0));
	cgroup_close(c);
}

static void test_gone(void **state)
{
	struct cgroups *c = cgroup_open();

	(void)state;
	assert_non_null(c);
	for (int i = 0; i < 3; i++) {	/* resolved, then from the cache */
		assert_null(cgroup_find(c, UINT64_MAX));
		assert_null(cgroup_find(c, UINT64_MAX - 1));
	}
	cgroup_close(c);
}

/* More than the cache holds, all colliding with something. */
static void test_many(void **state)
{
	struct cgroups *c = cgroup_open();

	(void)state;
	assert_non_null(c);
	for (uint64_t id = 1ull << 60; id < (1ull << 60) + 5000; id++)
		assert_null(cgroup_find(c, id));
	cgroup_close(c);
}

/* Of a recording: from when it is said on, all of them, up to a bound. */
static void test_learned(void **state)
{
	struct cgroups *c = cgroup_open_recorded();
	char path[64];

	(void)state;
	assert_non_null(c);
	assert_null(cgroup_find(c, 7));
	assert_true(cgroup_learn(c, 7, "/system.slice/a.service/junk", 23));
	assert_string_equal(cgroup_find(c, 7)->unit, "a.service");
	assert_true(cgroup_learn(c, 7, "/system.slice/b.service", 23));
	assert_string_equal(cgroup_find(c, 7)->unit, "b.service");
	assert_false(cgroup_learn(c, 0, "/", 1));
	for (uint64_t id = 1000; id < 1000 + 65535; id++) {
		snprintf(path, sizeof(path), "/x%u", (unsigned int)id);
		assert_true(cgroup_learn(c, id, path, strlen(path)));
	}
	assert_false(cgroup_learn(c, 1, "/more", 5));
	assert_string_equal(cgroup_find(c, 66000)->path, "/x66000");
	assert_string_equal(cgroup_find(c, 1024 + 7 + 1000)->path, "/x2031");
	assert_string_equal(cgroup_find(c, 7)->unit, "b.service");
	assert_null(cgroup_find(c, 8));
	cgroup_close(c);
}

static void test_close_nothing(void **state)
{
	(void)state;
	cgroup_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_id),
		cmocka_unit_test(test_gone),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_learned),
		cmocka_unit_test(test_close_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
