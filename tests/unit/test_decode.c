// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "decode.h"

static uint64_t wall_ns(void *ctx, uint64_t mono_ns, uint64_t tai_ns)
{
	(void)ctx;
	(void)tai_ns;
	return mono_ns + 1000;
}

static const char *reset_reason(void *ctx, uint32_t reason)
{
	(void)ctx;
	return reason == 11 ? "TCP_ABORT_ON_CLOSE" : NULL;
}

static const struct decode_env env = { wall_ns, reset_reason, NULL };

static struct ev_state sample(void)
{
	struct ev_state e = {
		.head = { .ts_ns = 5000, .kind = EV_STATE, .method = EVM_TP_BTF, .size = sizeof(e) },
		.sock = { .cookie = 0x42, .netns = 7, .uid = 1000, .lport = 40000, .rport = 443,
			  .family = 4, .role = EVR_CLIENT, .state = EVS_ESTABLISHED,
			  .laddr = { 10, 0, 0, 1 }, .raddr = { 10, 0, 0, 2 } },
		.since_ns = 2000, .from = EVS_SYN_SENT, .to = EVS_ESTABLISHED,
		.stored = EVS_SYN_SENT,
	};

	e.sock.owner.pid = 99;
	e.sock.owner.source = EVO_CONNECT;
	memcpy(e.sock.owner.comm, "0123456789abcdef", 16);
	return e;
}

static void test_state(void **state)
{
	struct ev_state e = sample();
	struct record r;

	(void)state;
	assert_true(decode(&e.head, &env, &r));
	assert_int_equal(r.kind, REC_STATE);
	assert_int_equal(r.wall_ns, 6000);
	assert_int_equal(r.duration_ns, 3000);
	assert_int_equal(r.pid, 99);
	assert_memory_equal(r.comm, "0123456789abcdef", 16);
	assert_int_equal(r.lport, 40000);
	assert_int_equal(r.cause, CAUSE_SYN_ACK_RECEIVED);
	assert_int_equal(r.has & (HAS_COOKIE | HAS_OWNER | HAS_UID | HAS_NETNS | HAS_LADDR |
				  HAS_RADDR | HAS_LPORT | HAS_RPORT | HAS_DURATION | HAS_FROM),
			 HAS_COOKIE | HAS_OWNER | HAS_UID | HAS_NETNS | HAS_LADDR | HAS_RADDR |
			 HAS_LPORT | HAS_RPORT | HAS_DURATION | HAS_FROM);
}

static void test_what_is_not_known_is_absent(void **state)
{
	struct ev_state e = sample();
	struct record r;

	(void)state;
	e.sock.cookie = 0;
	e.sock.owner.source = EVO_NONE;
	e.sock.uid = -1;
	e.sock.lport = 0;
	memset(e.sock.laddr, 0, sizeof(e.sock.laddr));
	e.since_ns = 0;
	assert_true(decode(&e.head, &env, &r));
	assert_int_equal(r.has & (HAS_COOKIE | HAS_OWNER | HAS_UID | HAS_LADDR | HAS_LPORT |
				  HAS_DURATION), 0);
}

static void test_numbers_out_of_range(void **state)
{
	struct ev_state e = sample();
	struct record r;

	(void)state;
	e.sock.owner.source = 77;
	e.sock.role = 77;
	e.sock.family = 9;
	e.head.method = 200;
	assert_true(decode(&e.head, &env, &r));
	assert_int_equal(r.has & (HAS_OWNER | HAS_LADDR | HAS_RPORT), 0);
	assert_int_equal(r.role, EVR_UNKNOWN);
	assert_int_equal(r.method, EVM_NONE);
	e.head.kind = 200;
	assert_false(decode(&e.head, &env, &r));
}

static void test_listener_has_an_address_and_no_peer(void **state)
{
	struct ev_state e = sample();
	struct record r;

	(void)state;
	e.sock.role = EVR_LISTENER;
	memset(e.sock.laddr, 0, sizeof(e.sock.laddr));
	e.from = e.stored = EVS_CLOSE;
	e.to = EVS_LISTEN;
	assert_true(decode(&e.head, &env, &r));
	assert_int_equal(r.has & (HAS_LADDR | HAS_RADDR | HAS_LPORT | HAS_RPORT),
			 HAS_LADDR | HAS_LPORT);
}

static void test_gap(void **state)
{
	static const uint8_t two[] = { EVS_ESTABLISHED, EVS_FIN_WAIT1 };
	struct ev_state e = sample();
	struct record r;

	(void)state;
	e.stored = EVS_SYN_SENT;
	e.from = EVS_FIN_WAIT1;
	e.to = EVS_FIN_WAIT2;
	assert_true(decode(&e.head, &env, &r));
	assert_int_equal(r.missed_len, 2);
	assert_memory_equal(r.missed, two, 2);
	/* since_ns is of the stored state: how long it was in `from` is unknown. */
	assert_int_equal(r.has & HAS_DURATION, 0);
}

static void test_missed_ways(void **state)
{
	uint8_t passed[RECORD_MISSED_MAX];

	(void)state;
	assert_int_equal(decode_missed(EVS_CLOSE, EVS_LISTEN, passed), 1);
	assert_int_equal(passed[0], EVS_LISTEN);
	assert_int_equal(decode_missed(EVS_ESTABLISHED, EVS_LAST_ACK, passed), 2);
	assert_int_equal(decode_missed(0, EVS_LISTEN, passed), 0);
	assert_int_equal(decode_missed(EVS_LISTEN, EVS_LISTEN, passed), 0);
	assert_int_equal(decode_missed(EVS_LISTEN, 200, passed), 0);
	/* All the way round is told only as far as it can be. */
	assert_in_range(decode_missed(EVS_FIN_WAIT2, EVS_LAST_ACK, passed), 0, RECORD_MISSED_MAX);
}

static void test_silent_move(void **state)
{
	struct ev_state e = sample();
	struct record r;

	(void)state;
	e.from = e.stored = EVS_FIN_WAIT2;
	e.to = EVS_CLOSE;
	e.facts = EVF_SOCK_DEAD;
	assert_false(decode(&e.head, &env, &r));
	e.facts = EVF_SOCK_DEAD | EVF_SOCK_DONE;
	assert_true(decode(&e.head, &env, &r));
	assert_int_equal(r.to, EVS_TIME_WAIT);
	assert_int_equal(r.method, EVM_INFERRED);
}

static void test_lower_bound_and_errno(void **state)
{
	struct ev_state e = sample();
	struct record r;

	(void)state;
	e.sock.flags = EVSK_LOWER;
	e.from = e.stored = EVS_ESTABLISHED;
	e.to = EVS_CLOSE;
	e.err = ECONNRESET;
	e.facts = EVF_RST_IN;
	assert_true(decode(&e.head, &env, &r));
	assert_true(r.duration_lower);
	assert_int_equal(r.has & HAS_ERRNO, HAS_ERRNO);
	assert_int_equal(r.err, ECONNRESET);
	assert_int_equal(r.cause, CAUSE_RST_RECEIVED);
}

static void test_reset(void **state)
{
	struct ev_reset e = { .head = { .kind = EV_RESET, .size = sizeof(e) }, .sent = 1,
			      .has_reason = 1, .reason = 11 };
	struct record r;

	(void)state;
	assert_true(decode(&e.head, &env, &r));
	assert_string_equal(r.reason, "TCP_ABORT_ON_CLOSE");
	e.reason = 4711;	/* a kernel newer than its names */
	assert_true(decode(&e.head, &env, &r));
	assert_int_equal(r.has & HAS_REASON, 0);
}

static void test_accept(void **state)
{
	struct ev_accept e = { .head = { .kind = EV_ACCEPT, .size = sizeof(e) },
			       .sock = { .family = 4, .role = EVR_SERVER }, .wait_ns = 7 };
	struct record r;

	(void)state;
	assert_true(decode(&e.head, &env, &r));
	assert_int_equal(r.kind, REC_ACCEPT);
	assert_true(r.has & HAS_DURATION);
	assert_int_equal(r.duration_ns, 7);
	assert_false(r.has & HAS_QUEUES);	/* no listener without a backlog */
	e.wait_ns = UINT64_MAX;
	e.accept_queue = 2;
	e.backlog = 1;
	assert_true(decode(&e.head, &env, &r));
	assert_false(r.has & HAS_DURATION);
	assert_true(r.has & HAS_QUEUES);
	assert_int_equal(r.accept_queue.length, 2);
	assert_int_equal(r.accept_queue.limit, 1);
}

static void test_connection(void **state)
{
	struct ev_connection e = {
		.end = { .head = { .ts_ns = 900, .kind = EV_CONNECTION, .size = sizeof(e) },
			 .sock = { .family = 4, .role = EVR_SERVER }, .from = EVS_LAST_ACK,
			 .to = EVS_CLOSE, .facts = EVF_ALL_ACKED },
		.began_ns = 200, .opened_ns = 300, .accepted_ns = 450, .resent = 5,
		.syns_resent = 2, .first_close = EVS_CLOSE_WAIT, .rtt_us = 7,
	};
	struct record r;

	(void)state;
	assert_true(decode(&e.end.head, &env, &r));
	assert_int_equal(r.kind, REC_CONNECTION);
	assert_int_equal(r.cause, CAUSE_FIN_ACKED);
	assert_int_equal(r.duration_ns, 700);
	assert_int_equal(r.life.accept_wait_ns, 150);
	assert_int_equal(r.life.resent, 3);
	assert_int_equal(r.life.syns_resent, 2);
	assert_true(r.has & HAS_RTT);
	/* Fast Open: accept() may come first. Its birth was not seen. No RTT. */
	e.accepted_ns = 250;
	e.began_ns = 0;
	e.rtt_us = 0;
	assert_true(decode(&e.end.head, &env, &r));
	assert_false(r.has & (HAS_ACCEPT_WAIT | HAS_DURATION | HAS_RTT));
	/* What a mini-socket came to goes before the socket's own last transition. */
	e.end.from = EVS_FIN_WAIT1;
	e.mini = 1;
	e.mini_why = EVW_EXPIRED;
	assert_true(decode(&e.end.head, &env, &r));
	assert_int_equal(r.from, EVS_FIN_WAIT2);
	assert_int_equal(r.cause, CAUSE_FIN_WAIT_2_TIMEOUT);
}

static void test_limit(void **state)
{
	struct ev_limit e = { .head = { .ts_ns = 5000, .kind = EV_LIMIT, .size = sizeof(e) },
			      .value = 1024, .hard = 4096, .err = EMFILE, .call = EVL_ACCEPT4,
			      .limit = EVL_OPEN_FILES };
	struct record r;

	(void)state;
	e.sock = sample().sock;
	e.sock.role = EVR_LISTENER;
	e.sock.owner.source = EVO_CALL;
	assert_true(decode(&e.head, &env, &r));
	assert_int_equal(r.kind, REC_LIMIT);
	assert_int_equal(r.err, EMFILE);
	assert_int_equal(r.limit.name, EVL_OPEN_FILES);
	assert_true(r.limit.has_value && r.limit.has_use && r.limit.has_hard);
	assert_int_equal(r.limit.use, 1024);
	assert_string_equal(r.limit.set_by, "RLIMIT_NOFILE");
	assert_int_equal(r.has & (HAS_OWNER | HAS_ERRNO | HAS_LPORT | HAS_RADDR | HAS_QUEUES),
			 HAS_OWNER | HAS_ERRNO | HAS_LPORT);
	e.flags = EVLF_QUEUE;		/* an empty one is one */
	e.err = 0;
	e.limit = EVL_SOMAXCONN;
	e.hard = 0;
	assert_true(decode(&e.head, &env, &r));
	assert_int_equal(r.has & (HAS_ERRNO | HAS_QUEUES), HAS_QUEUES);
	assert_false(r.limit.has_use || r.limit.has_hard);
	e.call = 200;
	e.limit = 200;
	assert_true(decode(&e.head, &env, &r));
	assert_int_equal(r.limit.call, 0);
	assert_int_equal(r.limit.name, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_state),
		cmocka_unit_test(test_what_is_not_known_is_absent),
		cmocka_unit_test(test_numbers_out_of_range),
		cmocka_unit_test(test_listener_has_an_address_and_no_peer),
		cmocka_unit_test(test_gap),
		cmocka_unit_test(test_missed_ways),
		cmocka_unit_test(test_silent_move),
		cmocka_unit_test(test_lower_bound_and_errno),
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_accept),
		cmocka_unit_test(test_connection),
		cmocka_unit_test(test_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
