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
		cmocka_unit_test(test_close_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
