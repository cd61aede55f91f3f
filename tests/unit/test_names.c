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
	COMPLETE(name_limit_call, enum ev_limit_call, EVL_CALLS);
	COMPLETE(name_limit, enum ev_limit_name, EVL_LIMITS);
	COMPLETE(name_limit_set_by, enum ev_limit_name, EVL_LIMITS);
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

/* The limit to raise first; none where none is known to be the reason. */
static void test_drop_bound(void **state)
{
	struct record_drop d = { .reason = EVD_ACCEPT_QUEUE, .queues = { .backlog = 511, .somaxconn = 4096 } };

	(void)state;
	assert_string_equal(name_drop_bound(&d), "backlog");
	d.queues.somaxconn = 511;	/* listen()'s argument was clamped, or is as large */
	assert_string_equal(name_drop_bound(&d), "somaxconn");
	d.reason = EVD_MAX_SYN_BACKLOG;
	assert_string_equal(name_drop_bound(&d), "tcp_max_syn_backlog");
	d.reason = EVD_OTHER;
	assert_null(name_drop_bound(&d));
	d.reason = EVD_COOKIE;
	d.queues.syncookies = 2;
	assert_null(name_drop_bound(&d));
	d.queues.syncookies = 1;
	assert_string_equal(name_drop_bound(&d), "somaxconn");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_complete),
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_errno),
		cmocka_unit_test(test_drop_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
