// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "cause.h"

#define SECOND 1000000000ULL

/* One row of the table: what the socket said, what it means. */
struct row {
	struct ev_state ev;
	enum cause cause;
	unsigned int to;	/* 0: as in ev */
	bool silent;
};

static void check(const struct row *rows, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		struct cause_verdict v = cause_of_state(&rows[i].ev);

		if (v.silent != rows[i].silent)
			fail_msg("row %zu: silent %d", i, v.silent);
		if (v.silent)
			continue;
		if (v.cause != rows[i].cause)
			fail_msg("row %zu: %s, not %s", i, cause_name(v.cause),
				 cause_name(rows[i].cause));
		assert_int_equal(v.to, rows[i].to ? rows[i].to : rows[i].ev.to);
	}
}

#define CHECK(rows) check(rows, sizeof(rows) / sizeof((rows)[0]))

static void test_names(void **state)
{
	(void)state;
	for (int c = 0; c < CAUSE_MAX; c++) {
		assert_non_null(cause_name(c));
		for (int d = 0; d < c; d++)
			assert_string_not_equal(cause_name(c), cause_name(d));
	}
	assert_string_equal(cause_name(CAUSE_MAX), "unknown");
	assert_string_equal(cause_name(-1), "unknown");
}

static void test_opening(void **state)
{
	static const struct row rows[] = {
		{ { .from = EVS_CLOSE, .to = EVS_SYN_SENT }, CAUSE_CONNECT, 0, false },
		{ { .from = EVS_CLOSE, .to = EVS_LISTEN }, CAUSE_LISTEN, 0, false },
		{ { .from = EVS_SYN_SENT, .to = EVS_ESTABLISHED }, CAUSE_SYN_ACK_RECEIVED, 0, false },
		{ { .from = EVS_SYN_SENT, .to = EVS_SYN_RECV }, CAUSE_SYN_RECEIVED, 0, false },
		{ { .from = EVS_SYN_RECV, .to = EVS_ESTABLISHED }, CAUSE_HANDSHAKE_ACKED, 0, false },
		{ { .from = EVS_SYN_RECV, .to = EVS_CLOSE_WAIT }, CAUSE_FIN_RECEIVED, 0, false },
	};

	(void)state;
	CHECK(rows);
}

static void test_who_sent_the_fin(void **state)
{
	static const struct row rows[] = {
		{ { .from = EVS_ESTABLISHED, .to = EVS_FIN_WAIT1, .shutdown = 3,
		    .facts = EVF_FILE_DEAD }, CAUSE_CLOSE, 0, false },
		{ { .from = EVS_ESTABLISHED, .to = EVS_FIN_WAIT1, .shutdown = 3,
		    .facts = EVF_FILE_LIVE }, CAUSE_SHUTDOWN, 0, false },
		{ { .from = EVS_CLOSE_WAIT, .to = EVS_LAST_ACK, .shutdown = 2,
		    .facts = EVF_FILE_LIVE }, CAUSE_SHUTDOWN, 0, false },
		{ { .from = EVS_CLOSE_WAIT, .to = EVS_LAST_ACK, .shutdown = 3,
		    .facts = EVF_FILE_DEAD | EVF_EXITING }, CAUSE_PROCESS_EXIT, 0, false },
		/* A socket of the kernel's own: nobody knows. */
		{ { .from = EVS_ESTABLISHED, .to = EVS_FIN_WAIT1, .shutdown = 3 },
		  CAUSE_UNKNOWN, 0, false },
		{ { .from = EVS_ESTABLISHED, .to = EVS_FIN_WAIT1, .shutdown = 3,
		    .sock.flags = EVSK_MPTCP }, CAUSE_CLOSE, 0, false },
	};

	(void)state;
	CHECK(rows);
}

static void test_connect_that_failed(void **state)
{
	static const struct row rows[] = {
		{ { .from = EVS_SYN_SENT, .to = EVS_CLOSE, .facts = EVF_NOTHING_SENT },
		  CAUSE_CONNECT_FAILED, 0, false },
		{ { .from = EVS_SYN_SENT, .to = EVS_CLOSE, .err = ECONNREFUSED,
		    .facts = EVF_RST_IN }, CAUSE_RST_RECEIVED, 0, false },
		/* ECONNREFUSED without a RST is ICMP's port unreachable. */
		{ { .from = EVS_SYN_SENT, .to = EVS_CLOSE, .err = ECONNREFUSED },
		  CAUSE_ICMP_ERROR, 0, false },
		{ { .from = EVS_SYN_SENT, .to = EVS_CLOSE, .err = ETIMEDOUT }, CAUSE_TIMEOUT, 0, false },
		/* Timed out after ICMP had said why. */
		{ { .from = EVS_SYN_SENT, .to = EVS_CLOSE, .err = EHOSTUNREACH,
		    .err_soft = EHOSTUNREACH }, CAUSE_TIMEOUT, 0, false },
		{ { .from = EVS_SYN_SENT, .to = EVS_CLOSE }, CAUSE_CANCELLED, 0, false },
		{ { .from = EVS_SYN_SENT, .to = EVS_CLOSE, .err = ECONNABORTED },
		  CAUSE_KILLED, 0, false },
		{ { .from = EVS_SYN_SENT, .to = EVS_CLOSE, .err = ETIMEDOUT, .user_timeout_ms = 2000,
		    .since_ns = SECOND, .head.ts_ns = 3 * SECOND + 5000000 },
		  CAUSE_USER_TIMEOUT, 0, false },
		/* The count of SYNs ended it long before. */
		{ { .from = EVS_SYN_SENT, .to = EVS_CLOSE, .err = ETIMEDOUT, .user_timeout_ms = 60000,
		    .since_ns = SECOND, .head.ts_ns = 4 * SECOND }, CAUSE_TIMEOUT, 0, false },
	};

	(void)state;
	CHECK(rows);
}

static void test_aborts(void **state)
{
	static const struct row rows[] = {
		{ { .from = EVS_ESTABLISHED, .to = EVS_CLOSE, .err = ECONNRESET,
		    .facts = EVF_RST_IN }, CAUSE_RST_RECEIVED, 0, false },
		{ { .from = EVS_ESTABLISHED, .to = EVS_CLOSE, .shutdown = 3, .unread = 5,
		    .facts = EVF_FILE_DEAD }, CAUSE_ABORT_UNREAD_DATA, 0, false },
		/* Unread data is looked at before SO_LINGER. */
		{ { .from = EVS_ESTABLISHED, .to = EVS_CLOSE, .shutdown = 3, .unread = 5,
		    .facts = EVF_FILE_DEAD | EVF_LINGER0 }, CAUSE_ABORT_UNREAD_DATA, 0, false },
		{ { .from = EVS_ESTABLISHED, .to = EVS_CLOSE, .shutdown = 3,
		    .facts = EVF_FILE_DEAD | EVF_LINGER0 }, CAUSE_ABORT_LINGER, 0, false },
		/* connect(AF_UNSPEC): a live file, so SO_LINGER has no say. */
		{ { .from = EVS_ESTABLISHED, .to = EVS_CLOSE,
		    .facts = EVF_FILE_LIVE | EVF_LINGER0 }, CAUSE_UNKNOWN, 0, false },
		{ { .from = EVS_ESTABLISHED, .to = EVS_CLOSE, .facts = EVF_NO_SOCKET },
		  CAUSE_LISTENER_CLOSED, 0, false },
		{ { .from = EVS_ESTABLISHED, .to = EVS_CLOSE, .facts = EVF_NO_SOCKET,
		    .sock.flags = EVSK_MPTCP }, CAUSE_UNKNOWN, 0, false },
		{ { .from = EVS_ESTABLISHED, .to = EVS_CLOSE, .err = ECONNABORTED },
		  CAUSE_KILLED, 0, false },
		{ { .from = EVS_ESTABLISHED, .to = EVS_CLOSE, .err = ETIMEDOUT }, CAUSE_TIMEOUT, 0, false },
		{ { .from = EVS_ESTABLISHED, .to = EVS_CLOSE, .err = ETIMEDOUT,
		    .facts = EVF_RST_OUT }, CAUSE_KEEPALIVE_TIMEOUT, 0, false },
		{ { .from = EVS_ESTABLISHED, .to = EVS_CLOSE, .err = ETIMEDOUT,
		    .facts = EVF_RST_OUT, .user_timeout_ms = 1000 }, CAUSE_USER_TIMEOUT, 0, false },
	};

	(void)state;
	CHECK(rows);
}

static void test_reset_or_late_data(void **state)
{
	static const struct row rows[] = {
		{ { .from = EVS_FIN_WAIT1, .to = EVS_CLOSE, .err = ECONNRESET, .shutdown = 3,
		    .facts = EVF_RST_IN | EVF_SOCK_DEAD }, CAUSE_RST_RECEIVED, 0, false },
		{ { .from = EVS_FIN_WAIT2, .to = EVS_CLOSE, .err = ECONNRESET, .shutdown = 3,
		    .facts = EVF_RST_IN | EVF_SOCK_DEAD | EVF_DATA_AFTER_CLOSE },
		  CAUSE_UNKNOWN, 0, false },
		{ { .from = EVS_FIN_WAIT2, .to = EVS_CLOSE, .err = ECONNRESET, .shutdown = 3,
		    .facts = EVF_RST_IN | EVF_SOCK_DEAD | EVF_DATA_AFTER_CLOSE | EVF_RST_NOFLAG },
		  CAUSE_ABORT_UNREAD_DATA, 0, false },
		{ { .from = EVS_FIN_WAIT2, .to = EVS_CLOSE, .err = ECONNRESET, .shutdown = 3,
		    .facts = EVF_RST_IN | EVF_SOCK_DEAD | EVF_DATA_AFTER_CLOSE | EVF_RST_FLAG },
		  CAUSE_RST_RECEIVED, 0, false },
	};

	(void)state;
	CHECK(rows);
}

static void test_time_wait(void **state)
{
	static const struct row rows[] = {
		/* tracepoints alone */
		{ { .from = EVS_FIN_WAIT2, .to = EVS_CLOSE, .facts = EVF_SOCK_DONE },
		  CAUSE_FIN_RECEIVED, EVS_TIME_WAIT, false },
		{ { .from = EVS_CLOSING, .to = EVS_CLOSE, .facts = EVF_SOCK_DONE },
		  CAUSE_FIN_ACKED, EVS_TIME_WAIT, false },
		{ { .from = EVS_FIN_WAIT2, .to = EVS_CLOSE, .facts = EVF_SOCK_DEAD }, 0, 0, true },
		{ { .from = EVS_FIN_WAIT2, .to = EVS_CLOSE, .facts = EVF_SOCK_DONE | EVF_TW_FULL },
		  CAUSE_UNKNOWN, EVS_CLOSE, false },
		{ { .from = EVS_FIN_WAIT2, .to = EVS_CLOSE, .facts = EVF_SOCK_DEAD | EVF_LINGER2_NEG },
		  CAUSE_ABORT_LINGER, EVS_CLOSE, false },
		{ { .from = EVS_FIN_WAIT2, .to = EVS_CLOSE, .facts = EVF_SOCK_DEAD | EVF_RST_OUT },
		  CAUSE_FIN_WAIT_2_TIMEOUT, EVS_CLOSE, false },
		/* a hook on the allocation */
		{ { .from = EVS_FIN_WAIT2, .to = EVS_CLOSE,
		    .facts = EVF_SOCK_DONE | EVF_TW_HOOKED | EVF_TW_ALLOC },
		  CAUSE_FIN_RECEIVED, EVS_TIME_WAIT, false },
		{ { .from = EVS_FIN_WAIT2, .to = EVS_CLOSE,
		    .facts = EVF_SOCK_DONE | EVF_TW_HOOKED | EVF_TW_NULL },
		  CAUSE_TIME_WAIT_OVERFLOW, EVS_CLOSE, false },
		{ { .from = EVS_FIN_WAIT2, .to = EVS_CLOSE,
		    .facts = EVF_SOCK_DEAD | EVF_TW_HOOKED | EVF_TW_ALLOC_FW2 }, 0, 0, true },
		{ { .from = EVS_FIN_WAIT2, .to = EVS_CLOSE, .facts = EVF_SOCK_DEAD | EVF_TW_HOOKED },
		  CAUSE_UNKNOWN, EVS_CLOSE, false },
		{ { .from = EVS_LAST_ACK, .to = EVS_CLOSE, .facts = EVF_ALL_ACKED | EVF_SOCK_DEAD },
		  CAUSE_FIN_ACKED, EVS_CLOSE, false },
		{ { .from = EVS_LAST_ACK, .to = EVS_CLOSE, .facts = EVF_SOCK_DEAD },
		  CAUSE_UNKNOWN, EVS_CLOSE, false },
	};

	(void)state;
	CHECK(rows);
}

static void test_listener(void **state)
{
	static const struct row rows[] = {
		{ { .from = EVS_LISTEN, .to = EVS_CLOSE, .facts = EVF_FILE_DEAD }, CAUSE_CLOSE, 0, false },
		{ { .from = EVS_LISTEN, .to = EVS_CLOSE, .facts = EVF_FILE_DEAD | EVF_EXITING },
		  CAUSE_PROCESS_EXIT, 0, false },
		{ { .from = EVS_LISTEN, .to = EVS_CLOSE, .facts = EVF_FILE_LIVE | EVF_ABORT },
		  CAUSE_KILLED, 0, false },
		{ { .from = EVS_LISTEN, .to = EVS_CLOSE, .facts = EVF_FILE_LIVE },
		  CAUSE_UNKNOWN, 0, false },
	};

	(void)state;
	CHECK(rows);
}

static void test_mini_sockets(void **state)
{
	static const struct {
		struct ev_timewait ev;
		enum cause cause;
	} rows[] = {
		{ { .from = EVS_TIME_WAIT, .why = EVW_EXPIRED }, CAUSE_TIME_WAIT_EXPIRED },
		{ { .from = EVS_TIME_WAIT, .why = EVW_REUSED }, CAUSE_TIME_WAIT_REUSED },
		{ { .from = EVS_TIME_WAIT, .why = EVW_KILLED }, CAUSE_TIME_WAIT_KILLED },
		{ { .from = EVS_TIME_WAIT, .why = EVW_RST }, CAUSE_TIME_WAIT_KILLED },
		{ { .from = EVS_FIN_WAIT2, .why = EVW_EXPIRED }, CAUSE_FIN_WAIT_2_TIMEOUT },
		{ { .from = EVS_FIN_WAIT2, .why = EVW_FIN }, CAUSE_FIN_RECEIVED },
		{ { .from = EVS_FIN_WAIT2, .why = EVW_RST }, CAUSE_RST_RECEIVED },
		{ { .from = EVS_FIN_WAIT2, .why = EVW_UNKNOWN }, CAUSE_UNKNOWN },
		{ { .from = EVS_TIME_WAIT, .why = 200 }, CAUSE_UNKNOWN },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(cause_of_timewait(&rows[i].ev), rows[i].cause);
}

static void test_requests(void **state)
{
	static const struct {
		struct ev_request ev;
		enum cause cause;
	} rows[] = {
		{ { .from = EVS_LISTEN, .to = EVS_SYN_RECV }, CAUSE_SYN_RECEIVED },
		{ { .from = EVS_SYN_RECV, .to = EVS_CLOSE, .why = EVQ_EXPIRED }, CAUSE_TIMEOUT },
		{ { .from = EVS_SYN_RECV, .to = EVS_CLOSE, .why = EVQ_RST }, CAUSE_RST_RECEIVED },
		{ { .from = EVS_SYN_RECV, .to = EVS_CLOSE, .why = EVQ_OVERFLOW_RST }, CAUSE_OVERFLOW_RST },
		{ { .from = EVS_SYN_RECV, .to = EVS_CLOSE, .why = EVQ_LISTENER_CLOSED },
		  CAUSE_LISTENER_CLOSED },
		{ { .from = EVS_SYN_RECV, .to = EVS_CLOSE, .why = EVQ_KILLED }, CAUSE_KILLED },
		{ { .from = EVS_SYN_RECV, .to = EVS_CLOSE, .why = EVQ_UNKNOWN }, CAUSE_UNKNOWN },
		{ { .from = EVS_SYN_RECV, .to = EVS_CLOSE, .why = 200 }, CAUSE_UNKNOWN },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(cause_of_request(&rows[i].ev), rows[i].cause);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_opening),
		cmocka_unit_test(test_who_sent_the_fin),
		cmocka_unit_test(test_connect_that_failed),
		cmocka_unit_test(test_aborts),
		cmocka_unit_test(test_reset_or_late_data),
		cmocka_unit_test(test_time_wait),
		cmocka_unit_test(test_listener),
		cmocka_unit_test(test_mini_sockets),
		cmocka_unit_test(test_requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
