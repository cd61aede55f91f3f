// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "record.h"
#include "tiers.h"

/* What doctor and the start record show of each. */
static void test_table(void **state)
{
	const struct stream_info *info = NULL;

	(void)state;
	assert_true(FACTS <= sizeof(info->hooks) / sizeof(info->hooks[0]));
	for (int f = 0; f < FACTS; f++) {
		assert_non_null(facts[f].name);
		assert_non_null(facts[f].without);
		assert_int_not_equal(facts[f].ways[0].method, EVM_NONE);
		for (int g = 0; g < f; g++)
			assert_string_not_equal(facts[f].name, facts[g].name);
	}
}

/* All programs of a way have a second copy, or none. */
static void test_understudies(void **state)
{
	int n = 0;

	(void)state;
	for (int f = 0; f < FACTS; f++) {
		for (int w = 0; w < WAYS_MAX && facts[f].ways[w].method; w++) {
			const char *const *progs = facts[f].ways[w].progs;

			if (!progs[0] || !understudy_of(progs[0]))
				continue;
			assert_true(facts[f].ways[w].method == EVM_TP_BTF ||
				    facts[f].ways[w].method == EVM_FENTRY);
			for (int i = 0; progs[i]; i++, n++)
				assert_non_null(understudy_of(progs[i]));
		}
	}
	assert_int_equal(n, 12);	/* limit_connect_fexit is in two ways */
}

/* Best first: no function hook stands behind what it would be better than. */
static void test_order(void **state)
{
	(void)state;
	for (int f = 0; f < FACTS; f++) {
		enum ev_method last = EVM_FENTRY;
		bool function = false;

		for (int w = 0; w < WAYS_MAX && facts[f].ways[w].method; w++) {
			enum ev_method m = facts[f].ways[w].method;

			function |= m == EVM_FENTRY || m == EVM_KPROBE;
			if (m == EVM_FENTRY)
				assert_int_equal(last, EVM_FENTRY);
			if (m == EVM_KPROBE)
				assert_true(last == EVM_FENTRY || last == EVM_KPROBE);
			last = m;
		}
		if (function)
			assert_non_null(facts[f].remedy);
	}
}

static void test_forced(void **state)
{
	(void)state;
	assert_false(tier_excludes(TIER_AUTO, EVM_FENTRY));
	assert_true(tier_excludes(TIER_KPROBE, EVM_FENTRY));
	assert_false(tier_excludes(TIER_KPROBE, EVM_KPROBE));
	assert_true(tier_excludes(TIER_TRACEPOINT, EVM_FENTRY));
	assert_true(tier_excludes(TIER_TRACEPOINT, EVM_KPROBE));
	assert_false(tier_excludes(TIER_TRACEPOINT, EVM_TP_BTF));
}

static void test_tier_of(void **state)
{
	static const struct way fentry = { EVM_FENTRY, { "x" } }, kprobe = { EVM_KPROBE, { "x" } };
	struct outcome outcomes[FACTS] = { 0 };

	(void)state;
	assert_int_equal(tier_of(outcomes), TIER_TRACEPOINT);
	outcomes[FACT_TW_LEFT].way = &kprobe;
	assert_int_equal(tier_of(outcomes), TIER_KPROBE);
	outcomes[FACT_ERROR].way = &fentry;
	assert_int_equal(tier_of(outcomes), TIER_FENTRY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_understudies),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_forced),
		cmocka_unit_test(test_tier_of),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
