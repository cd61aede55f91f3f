// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include <errno.h>

#include "rollup.h"

static void test_sums_are_exact(void **state)
{
	struct ev_bucket_key key = { .pid = 7, .kind = EV_ERROR, .reason = ECONNRESET };
	struct ev_bucket b = { .held = { 0, 100 }, .sock.owner = { .pid = 7, .source = EVO_CONNECT,
						      .comm = "curl" } };
	struct rollup *r = rollup_open();
	struct record out;

	(void)state;
	rollup_begin(r, 0, 1000);
	rollup_begin(r, 1, 2000);
	assert_true(rollup_bucket(r, &key, &b, &out));
	assert_int_equal(out.count, 100);
	assert_int_equal(out.window_ns, 1000);
	assert_int_equal(out.kind, REC_ERROR);
	assert_int_equal(out.err, ECONNRESET);
	assert_int_equal(out.pid, 7);
	assert_string_equal((const char *)out.comm, "curl");
	rollup_begin(r, 2, 3500);
	assert_false(rollup_bucket(r, &key, &b, &out));
	b.held[1] = 130;
	rollup_begin(r, 3, 4000);
	assert_true(rollup_bucket(r, &key, &b, &out));
	assert_int_equal(out.count, 30);
	assert_int_equal(out.window_ns, 500);
	assert_int_equal(rollup_total(r), 130);
	rollup_close(r);
}

static void test_keys_are_apart(void **state)
{
	struct ev_bucket_key a = { .kind = EV_RESET, .sub = 1, .reason = 11 };
	struct ev_bucket_key b = { .kind = EV_RESET, .sub = 0, .reason = 11 };
	struct ev_bucket bucket = { .held = { 5, 5 } };
	struct rollup *r = rollup_open();
	struct record out;

	(void)state;
	rollup_begin(r, 1, 1);
	assert_true(rollup_bucket(r, &a, &bucket, &out));
	assert_true(out.sent);
	assert_true(rollup_bucket(r, &b, &bucket, &out));
	assert_false(out.sent);
	assert_int_equal(out.has & HAS_OWNER, 0);
	for (uint32_t pid = 1; pid <= 4096; pid++) {
		a.pid = pid;
		assert_true(rollup_bucket(r, &a, &bucket, &out));
	}
	assert_int_equal(rollup_total(r), 4098 * 5);
	rollup_close(r);
}

static void test_connections_and_peers_of_a_round(void **state)
{
	struct ev_bucket_key key = { .kind = EV_DROP, .sub = EVG_SYN, .reason = EVD_ACCEPT_QUEUE };
	struct ev_bucket b = { .held = { 9, 7 }, .connections = { 4, 5 }, .peers = { 1, 2 },
			       .sock.netns = 1 };
	struct rollup *r = rollup_open();
	struct record out;

	(void)state;
	rollup_begin(r, 1, 1000);
	assert_true(rollup_bucket(r, &key, &b, &out));
	assert_int_equal(out.count, 7);
	assert_true(out.has & HAS_PEERS);
	assert_int_equal(out.drop.connections, 5);
	assert_int_equal(out.drop.peers, 2);
	assert_false(out.drop.peers_lower);
	rollup_begin(r, 2, 2000);
	assert_true(rollup_bucket(r, &key, &b, &out));
	assert_int_equal(out.count, 9);
	assert_int_equal(out.drop.connections, 4);
	assert_int_equal(out.drop.peers, 1);
	b.held[1] = 10;
	b.connections[1] = 6;
	b.lower[1] = 2;
	rollup_begin(r, 3, 3000);
	assert_true(rollup_bucket(r, &key, &b, &out));
	assert_int_equal(out.count, 3);
	assert_int_equal(out.drop.connections, 1);
	assert_int_equal(out.drop.peers, 0);
	assert_true(out.drop.peers_lower);
	rollup_close(r);
}

/* No room in the kernel's map: whose they were is not known. */
static void test_drops_without_a_listener(void **state)
{
	struct ev_bucket_key key = { .kind = EV_DROP };
	struct ev_bucket b = { .held = { 0, 7 } };
	struct rollup *r = rollup_open();
	struct record out;

	(void)state;
	rollup_begin(r, 1, 1000);
	assert_true(rollup_bucket(r, &key, &b, &out));
	assert_int_equal(out.count, 7);
	assert_int_equal(out.has & HAS_PEERS, 0);
	rollup_close(r);
}

/* A service in the sum of an owner's failed calls only where all are of it. */
static void test_failed_calls_of_one_socket(void **state)
{
	struct ev_bucket_key key = { .pid = 7, .kind = EV_LIMIT, .sub = EVL_CONNECT,
				     .reason = ev_limit_reason(EVL_LOCAL_PORTS, EADDRNOTAVAIL) };
	struct ev_bucket b = { .held = { 0, 100 }, .sock = {
			.owner = { .pid = 7, .source = EVO_CALL }, .family = 4, .role = EVR_CLIENT,
			.raddr = { 10, 0, 0, 20 }, .rport = 5432, .netns = 3 } };
	struct rollup *r = rollup_open();
	struct record out;

	(void)state;
	rollup_begin(r, 1, 1000);
	assert_true(rollup_bucket(r, &key, &b, &out));
	assert_int_equal(out.kind, REC_LIMIT);
	assert_int_equal(out.limit.call, EVL_CONNECT);
	assert_int_equal(out.limit.name, EVL_LOCAL_PORTS);
	assert_int_equal(out.err, EADDRNOTAVAIL);
	assert_int_equal(out.has & (HAS_OWNER | HAS_RPORT | HAS_NETNS), HAS_OWNER | HAS_RPORT | HAS_NETNS);
	b.held[0] = 5;
	b.lower[0] = 1;
	rollup_begin(r, 2, 2000);
	assert_true(rollup_bucket(r, &key, &b, &out));
	assert_int_equal(out.count, 5);
	assert_int_equal(out.has & (HAS_OWNER | HAS_RPORT | HAS_NETNS), HAS_OWNER);
	b.held[1] += 7;			/* and of one again */
	rollup_begin(r, 3, 3000);
	assert_true(rollup_bucket(r, &key, &b, &out));
	assert_true(out.has & HAS_RPORT);
	rollup_close(r);
}

/* A flood: told as the listener's transitions, that many. */
static void test_requests_are_transitions(void **state)
{
	struct ev_bucket_key key = { .kind = EV_REQUEST, .sub = EVS_SYN_RECV, .cookie = 7 };
	struct ev_bucket b = { .held = { 0, 70000 }, .sock = { .cookie = 7, .netns = 1, .family = 4,
			       .role = EVR_LISTENER, .lport = 80, .uid = 0 } };
	struct rollup *r = rollup_open();
	struct record out;

	(void)state;
	rollup_begin(r, 0, 1000);
	rollup_begin(r, 1, 2000);
	assert_true(rollup_bucket(r, &key, &b, &out));
	assert_int_equal(out.kind, REC_STATE);
	assert_int_equal(out.count, 70000);
	assert_int_equal(out.from, EVS_LISTEN);
	assert_int_equal(out.to, EVS_SYN_RECV);
	assert_int_equal(out.cause, CAUSE_SYN_RECEIVED);
	assert_int_equal(out.cookie, 7);
	assert_int_equal(out.lport, 80);
	assert_int_equal(out.has & (HAS_RADDR | HAS_RPORT | HAS_PEERS), 0);
	key.sub = EVS_CLOSE;
	key.reason = EVQ_EXPIRED;
	assert_true(rollup_bucket(r, &key, &b, &out));
	assert_int_equal(out.from, EVS_SYN_RECV);
	assert_int_equal(out.to, EVS_CLOSE);
	assert_int_equal(out.cause, CAUSE_TIMEOUT);
	rollup_close(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sums_are_exact),
		cmocka_unit_test(test_keys_are_apart),
		cmocka_unit_test(test_connections_and_peers_of_a_round),
		cmocka_unit_test(test_requests_are_transitions),
		cmocka_unit_test(test_drops_without_a_listener),
		cmocka_unit_test(test_failed_calls_of_one_socket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
