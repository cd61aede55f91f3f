// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "limit_ports.h"

static void test_top(void **state)
{
	struct limit_ports p = { 0 };
	struct limit_service top[3];

	(void)state;
	assert_int_equal(limit_ports_top(&p, top, 3), 0);
	for (int port = 1; port <= 1000; port++)
		for (int n = 0; n < port % 7 + 1; n++) {
			struct limit_service s = { .family = 4, .rport = port, .raddr = { 10 } };

			assert_true(limit_ports_add(&p, &s, n == 0));
		}
	for (int n = 0; n < 30; n++) {
		struct limit_service s = { .family = 6, .rport = 443, .raddr = { 10 } };

		assert_true(limit_ports_add(&p, &s, n < 20));
	}
	assert_int_equal(p.len, 1001);
	assert_int_equal(limit_ports_top(&p, top, 3), 3);
	assert_int_equal(top[0].used, 30);
	assert_int_equal(top[0].time_wait, 20);
	assert_int_equal(top[0].family, 6);
	assert_int_equal(top[1].used, 7);
	assert_int_equal(top[2].used, 7);
	assert_int_equal(top[2].time_wait, 1);
	limit_ports_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_top),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
