// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "names.h"

/* Every number that an enum has has a word, the next one has none. */
#define COMPLETE(name, type, max) \
	do { \
		for (int i = 1; i < (max); i++) \
			assert_string_not_equal(name((type)i), "unknown"); \
		assert_string_equal(name((type)(max)), "unknown"); \
		assert_string_equal(name((type)-1), "unknown"); \
	} while (0)

static void test_complete(void **state)
{
	(void)state;
	COMPLETE(name_state, unsigned int, EVS_MAX);
	COMPLETE(name_state_otel, unsigned int, EVS_MAX);
	COMPLETE(name_method, enum ev_method, EVM_MAX);
	COMPLETE(name_role, enum ev_role, EVR_MAX);
	COMPLETE(name_owner_source, enum ev_owner_source, EVO_MAX);
	COMPLETE(name_retransmit, enum ev_retransmit_type, EVX_MAX);
	COMPLETE(name_kind, enum record_kind, REC_KINDS);
	COMPLETE(cause_name, enum cause, CAUSE_MAX);
}

/* RFC 9293 section 3.3.2 has eleven states; two of the kernel's are one there. */
static void test_states(void **state)
{
	(void)state;
	assert_string_equal(name_state(EVS_FIN_WAIT1), "FIN-WAIT-1");
	assert_string_equal(name_state(EVS_SYN_RECV), "SYN-RECEIVED");
	assert_string_equal(name_state(EVS_NEW_SYN_RECV), "SYN-RECEIVED");
	assert_string_equal(name_state(EVS_CLOSE), "CLOSED");
	assert_string_equal(name_state_otel(EVS_FIN_WAIT1), "fin_wait_1");
	assert_string_equal(name_state_otel(EVS_CLOSE), "closed");
}

static void test_errno(void **state)
{
	char buf[24];

	(void)state;
	assert_string_equal(name_errno(111, buf, sizeof(buf)), "ECONNREFUSED");
	assert_string_equal(name_errno(4711, buf, sizeof(buf)), "errno 4711");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_complete),
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_errno),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
