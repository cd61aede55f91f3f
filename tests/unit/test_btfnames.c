// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* test_btfnames.c - names out of a BTF made here, not of this kernel's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <bpf/btf.h>

#include "btfnames.h"

#define PREFIX "SKB_DROP_REASON_"

static struct btf *make(void)
{
	struct btf *btf = btf__new_empty();

	assert_non_null(btf);
	assert_true(btf__add_enum(btf, "skb_drop_reason", 4) > 0);
	assert_int_equal(btf__add_enum_value(btf, PREFIX "NO_SOCKET", 3), 0);
	assert_int_equal(btf__add_enum_value(btf, "ODD", 9), 0);
	assert_int_equal(btf__add_enum_value(btf, PREFIX "SUBSYS", 0x10002), 0);
	assert_int_equal(btf__add_enum_value(btf, PREFIX "MASK", 0xffff0000), 0);
	assert_true(btf__add_enum(btf, "empty", 4) > 0);
	return btf;
}

static void test_names(void **state)
{
	struct btf *btf = make();
	struct btfnames *n = btfnames_open(btf, "skb_drop_reason", PREFIX);

	(void)state;
	assert_non_null(n);
	assert_string_equal(btfnames_get(n, 3), "NO_SOCKET");
	assert_string_equal(btfnames_get(n, 9), "ODD");
	assert_string_equal(btfnames_get(n, 0x10002), "SUBSYS");
	assert_string_equal(btfnames_get(n, 0xffff0000), "MASK");
	assert_null(btfnames_get(n, 0));
	assert_null(btfnames_get(n, 4));
	assert_null(btfnames_get(n, UINT32_MAX));
	btfnames_close(n);
	btf__free(btf);
}

static void test_no_such_enum(void **state)
{
	struct btf *btf = make();
	struct btfnames *n;

	(void)state;
	assert_null(btfnames_open(btf, "sk_rst_reason", "SK_RST_REASON_"));
	n = btfnames_open(btf, "empty", PREFIX);
	assert_non_null(n);
	assert_null(btfnames_get(n, 0));
	btfnames_close(n);
	btfnames_close(NULL);
	btf__free(btf);
}

/* Of an enum without a name, too; 0 for what is not there. */
static void test_values(void **state)
{
	static const char *const names[] = { "LINUX_MIB_LISTENDROPS", "ODD", "NOT_THERE" };
	struct btf *btf = make();
	uint32_t values[3] = { 1, 1, 1 };

	(void)state;
	assert_true(btf__add_enum(btf, NULL, 4) > 0);
	assert_int_equal(btf__add_enum_value(btf, "LINUX_MIB_LISTENDROPS", 21), 0);
	btfnames_values(btf, names, values, 3);
	assert_int_equal(values[0], 21);
	assert_int_equal(values[1], 9);
	assert_int_equal(values[2], 0);
	btf__free(btf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_no_such_enum),
		cmocka_unit_test(test_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
