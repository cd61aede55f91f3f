// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "stall_rows.h"

static struct stalled left_open(uint64_t cookie, uint32_t pid, uint16_t lport, uint32_t ms)
{
	return (struct stalled){
		.sock = { .cookie = cookie, .netns = 1, .state = EVS_CLOSE_WAIT, .family = 4,
			  .lport = lport, .rport = 40000 + cookie, .laddr = { 10, 0, 0, 1 },
			  .raddr = { 10, 0, 0, 2 }, .owner = { .pid = pid, .source = EVO_SNAPSHOT } },
		.retrans_ms = STALLED_UNKNOWN, .probing_ms = STALLED_UNKNOWN, .sent_ms = ms,
		.heard_ms = ms, .sndbuf = 1, .fin_received = 1,
	};
}

static void take(struct stall_rows *r, struct stalled s)
{
	assert_true(stall_rows_take(r, &s));
}

static void test_a_leak_is_ten(void **state)
{
	struct stalled listener = { .sock = { .cookie = 99, .netns = 1, .state = EVS_LISTEN,
					      .lport = 80 } };
	struct stall_rows r = { 0 };

	(void)state;
	stall_rows_begin(&r);
	take(&r, listener);
	for (int i = 1; i <= 10; i++)
		take(&r, left_open(i, 7, 80, 60000 + i));
	take(&r, left_open(3, 8, 80, 60003));	/* the same socket, in a child */
	for (int i = 11; i <= 19; i++)
		take(&r, left_open(i, 7, 81, 90000));	/* nine are none */
	assert_true(stall_rows_group(&r, &stall_defaults, false));
	assert_int_equal(r.rows_len, 1);
	assert_int_equal(r.rows[0].count, 10);
	assert_int_equal(r.rows[0].verdict.age_ms, 60010);
	assert_int_equal(r.rows[0].oldest.sock.cookie, 10);
	assert_true(r.rows[0].server);
	assert_true(r.rows[0].many_peers);
	assert_false(r.rows[0].many_local);
	assert_true(stall_rows_group(&r, &stall_defaults, true));
	assert_int_equal(r.rows_len, 10);	/* its members, and no others */
	stall_rows_free(&r);
}

/* What waits for a program that is listed itself is not a second incident. */
static void test_one_root(void **state)
{
	struct stalled reader = left_open(1, 7, 80, 9000), writer = left_open(2, 9, 40001, 9000);
	struct stall_rows r = { 0 };

	(void)state;
	reader.sock.state = writer.sock.state = EVS_ESTABLISHED;
	reader.fin_received = 0;
	reader.unread = 70000;
	reader.received_ms = 9000;
	writer.sock.rport = 80;
	writer.sock.laddr[3] = 2;
	writer.sock.raddr[3] = 1;
	writer.probing = writer.probes = 3;
	writer.unsent = 100;
	writer.probing_ms = 8000;
	writer.mss = 1448;
	stall_rows_begin(&r);
	take(&r, reader);
	take(&r, writer);
	assert_true(stall_rows_group(&r, &stall_defaults, false));
	assert_int_equal(r.rows_len, 1);
	assert_int_equal(r.rows[0].verdict.stall, STALL_NOT_READING);
	/* Elsewhere it is one of its own. */
	writer.sock.netns = 2;
	stall_rows_begin(&r);
	take(&r, reader);
	take(&r, writer);
	assert_true(stall_rows_group(&r, &stall_defaults, false));
	assert_int_equal(r.rows_len, 2);
	stall_rows_free(&r);
}

/* Nobody accept()s: what a full queue keeps out is the same incident. */
static void test_a_full_accept_queue(void **state)
{
	struct stalled listener = { .sock = { .cookie = 9, .netns = 1, .state = EVS_LISTEN, .lport = 80,
					      .owner = { .pid = 7, .source = EVO_SNAPSHOT } },
				    .accept_queue = 2, .backlog = 1 };
	struct stalled child = left_open(1, 7, 80, 0), request = left_open(2, 0, 80, 0);
	struct stalled client = left_open(3, 8, 40002, 0), syn = left_open(4, 8, 41000, 0);
	struct stall_rows r = { 0 };

	(void)state;
	child.place = STALLED_QUEUED;
	child.waited_ms = 2000;
	request.place = STALLED_REQUEST;
	request.sock.state = EVS_NEW_SYN_RECV;
	request.sock.owner.source = EVO_NONE;
	request.acked = 1;
	request.waited_ms = 3000;
	client.sock.state = EVS_ESTABLISHED;	/* of that request, and sends */
	client.sock.rport = syn.sock.rport = 80;
	client.sock.laddr[3] = syn.sock.laddr[3] = 2;
	client.sock.raddr[3] = syn.sock.raddr[3] = 1;
	client.retransmits = client.backoff = 5;
	client.retrans_ms = 2500;
	client.left = syn.left = 1;
	syn.sock.state = EVS_SYN_SENT;
	syn.retransmits = 3;
	syn.retrans_ms = 3000;
	stall_rows_begin(&r);
	take(&r, request);
	take(&r, client);
	take(&r, syn);
	take(&r, child);
	take(&r, listener);
	take(&r, listener);			/* in a forked worker, and its queue with it */
	take(&r, child);
	assert_true(stall_rows_group(&r, &stall_defaults, false));
	assert_int_equal(r.rows_len, 1);
	assert_int_equal(r.rows[0].verdict.stall, STALL_ACCEPT);
	assert_int_equal(r.rows[0].count, 1);
	assert_int_equal(r.rows[0].waiting, 3);
	/* Accepted meanwhile: who waits for the next SYN-ACK is the incident. */
	listener.accept_queue = 0;
	stall_rows_begin(&r);
	take(&r, listener);
	take(&r, request);
	take(&r, client);
	assert_true(stall_rows_group(&r, &stall_defaults, false));
	assert_int_equal(r.rows_len, 1);
	assert_int_equal(r.rows[0].verdict.stall, STALL_FINAL_ACK);
	assert_int_equal(r.rows[0].waiting, 1);
	assert_int_equal(r.rows[0].oldest.sock.owner.pid, 7);
	assert_true(r.rows[0].server);
	/* With TCP_DEFER_ACCEPT a final ACK alone is not taken, either. */
	listener.defers = 1;
	stall_rows_begin(&r);
	take(&r, listener);
	take(&r, request);
	assert_true(stall_rows_group(&r, &stall_defaults, false));
	assert_int_equal(r.rows_len, 0);
	stall_rows_free(&r);
}

static bool of_process(void *ctx, const struct stall_row *row)
{
	return row->oldest.sock.owner.pid == *(uint32_t *)ctx;
}

/* A filter that leaves out what it waits for does not hide who waits. */
static void test_one_root_left_out(void **state)
{
	struct stalled listener = { .sock = { .cookie = 9, .netns = 1, .state = EVS_LISTEN, .lport = 80,
					      .owner = { .pid = 7, .source = EVO_SNAPSHOT } },
				    .accept_queue = 2, .backlog = 1 };
	struct stalled child = left_open(1, 7, 80, 0), request = left_open(2, 0, 80, 0);
	struct stalled client = left_open(3, 8, 40002, 0);
	uint32_t pid = 8;
	struct stall_rows r = { .wanted = of_process, .ctx = &pid };

	(void)state;
	child.place = STALLED_QUEUED;
	child.waited_ms = 2000;
	request.place = STALLED_REQUEST;
	request.sock.state = EVS_NEW_SYN_RECV;
	request.acked = 1;
	request.waited_ms = 3000;
	client.sock.state = EVS_ESTABLISHED;
	client.sock.rport = 80;
	client.sock.laddr[3] = 2;
	client.sock.raddr[3] = 1;
	client.retransmits = client.backoff = 5;
	client.retrans_ms = 2500;
	client.left = 1;
	take(&r, listener);
	take(&r, child);
	take(&r, request);
	take(&r, client);
	assert_true(stall_rows_group(&r, &stall_defaults, false));
	assert_int_equal(r.rows_len, 1);
	assert_int_equal(r.rows[0].verdict.stall, STALL_RETRANSMITTING);
	assert_int_equal(r.rows[0].waiting, 0);
	pid = 7;
	assert_true(stall_rows_group(&r, &stall_defaults, false));
	assert_int_equal(r.rows_len, 1);
	assert_int_equal(r.rows[0].verdict.stall, STALL_ACCEPT);
	assert_int_equal(r.rows[0].waiting, 2);
	stall_rows_free(&r);
}

/* What a row waits for is said where that has no row: nobody waits in that queue for long
 * enough, or the filter leaves it out. */
static void test_because(void **state)
{
	struct stalled listener = { .sock = { .cookie = 9, .netns = 1, .state = EVS_LISTEN, .lport = 80,
					      .owner = { .pid = 7, .source = EVO_SNAPSHOT, .comm = "nginx" } },
				    .accept_queue = 2, .backlog = 1 };
	struct stalled child = left_open(1, 7, 80, 0), syn = left_open(4, 8, 41000, 0);
	uint32_t pid = 8;
	struct stall_rows r = { .wanted = of_process, .ctx = &pid };
	char buf[512];

	(void)state;
	child.place = STALLED_QUEUED;
	child.waited_ms = 900;
	child.sock.owner = listener.sock.owner;
	syn.sock.state = EVS_SYN_SENT;
	syn.sock.rport = 80;
	syn.sock.laddr[3] = 2;
	syn.sock.raddr[3] = 1;
	syn.left = 1;
	syn.retransmits = 3;
	syn.retrans_ms = 3000;
	take(&r, listener);
	take(&r, child);
	take(&r, syn);
	assert_true(stall_rows_group(&r, &stall_defaults, false));
	assert_int_equal(r.rows_len, 1);
	assert_int_equal(r.rows[0].verdict.stall, STALL_SYN);
	assert_string_equal(r.rows[0].because, "full accept queue of nginx[7]");
	assert_non_null(strstr(stall_rows_advice(&r.rows[0], buf, sizeof(buf)), "tcptrail listeners"));
	r.sockets[0].accept_queue = 1;		/* there is room: it is another's */
	assert_true(stall_rows_group(&r, &stall_defaults, false));
	assert_string_equal(r.rows[0].because, "");
	child.waited_ms = 2000;
	stall_rows_begin(&r);
	take(&r, listener);
	take(&r, child);
	take(&r, syn);
	assert_true(stall_rows_group(&r, &stall_defaults, false));
	assert_int_equal(r.rows_len, 1);
	assert_string_equal(r.rows[0].because, "accept-waiting of nginx[7]");
	r.wanted = NULL;
	assert_true(stall_rows_group(&r, &stall_defaults, false));
	assert_int_equal(r.rows_len, 1);
	assert_int_equal(r.rows[0].waiting, 1);
	assert_string_equal(r.rows[0].because, "");
	stall_rows_free(&r);
}

/* Whoever waits for the end of what another one leaks is of that leak, if it is one. */
static void test_clients_of_a_leak(void **state)
{
	struct stalled listener = { .sock = { .cookie = 99, .netns = 1, .state = EVS_LISTEN,
					      .lport = 80 } };
	struct stall_rows r = { 0 };

	(void)state;
	take(&r, listener);
	for (int i = 1; i <= 10; i++) {
		struct stalled open = left_open(i, 7, 80, 130000), closed = left_open(100 + i, 9, 40000 + i, 130000);

		closed.sock.state = EVS_FIN_WAIT2;
		closed.sock.rport = 80;
		closed.sock.laddr[3] = 2;
		closed.sock.raddr[3] = 1;
		take(&r, open);
		take(&r, closed);
	}
	assert_true(stall_rows_group(&r, &stall_defaults, false));
	assert_int_equal(r.rows_len, 1);
	assert_int_equal(r.rows[0].verdict.stall, STALL_CLOSE_WAIT);
	assert_int_equal(r.rows[0].waiting, 10);
	r.sockets[1].sock.owner.pid = 8;	/* nine are none: then their clients have no other row */
	assert_true(stall_rows_group(&r, &stall_defaults, false));
	assert_int_equal(r.rows_len, 1);
	assert_int_equal(r.rows[0].verdict.stall, STALL_PEER_OPEN);
	assert_int_equal(r.rows[0].count, 10);
	stall_rows_free(&r);
}

/* Whoever holds its lock takes no segment. */
static void test_a_locked_end(void **state)
{
	struct stalled locked = left_open(1, 7, 80, 9000), sender = left_open(2, 9, 40001, 9000);
	struct stall_rows r = { 0 };

	(void)state;
	locked.sock.state = sender.sock.state = EVS_ESTABLISHED;
	locked.fin_received = 0;
	locked.received_ms = 9000;
	locked.locked = 1;
	sender.sock.rport = 80;
	sender.sock.laddr[3] = 2;
	sender.sock.raddr[3] = 1;
	sender.unacked = 1;
	sender.retransmits = sender.backoff = 5;
	sender.retrans_ms = 6000;
	sender.left = 1;
	take(&r, locked);
	take(&r, sender);
	assert_true(stall_rows_group(&r, &stall_defaults, false));
	assert_int_equal(r.rows_len, 1);
	assert_int_equal(r.rows[0].verdict.stall, STALL_LOCKED);
	assert_int_equal(r.rows[0].waiting, 1);
	stall_rows_free(&r);
}

/* A look may come while any call has it. */
static void test_locked_twice(void **state)
{
	struct stalled once = left_open(1, 7, 80, 9000), twice = left_open(2, 7, 81, 9000);
	struct stall_rows r = { 0 };

	(void)state;
	once.sock.state = twice.sock.state = EVS_ESTABLISHED;
	once.received_ms = twice.received_ms = 9000;
	stall_rows_begin(&r);
	take(&r, once);
	assert_false(stall_rows_locked(&r, &stall_defaults));
	once.locked = twice.locked = 1;
	stall_rows_begin(&r);
	take(&r, once);
	take(&r, twice);
	assert_true(stall_rows_locked(&r, &stall_defaults));
	stall_rows_still_locked(&r, &twice);
	stall_rows_locks_end(&r);
	assert_true(stall_rows_group(&r, &stall_defaults, false));
	assert_int_equal(r.rows_len, 1);
	assert_int_equal(r.rows[0].oldest.sock.cookie, 2);
	assert_int_equal(r.rows[0].verdict.stall, STALL_LOCKED);
	stall_rows_free(&r);
}

static void test_nothing(void **state)
{
	struct stall_rows r = { 0 };

	(void)state;
	stall_rows_begin(&r);
	assert_true(stall_rows_group(&r, &stall_defaults, false));
	assert_int_equal(r.rows_len, 0);
	assert_true(stall_rows_group(&r, &stall_defaults, true));
	stall_rows_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_leak_is_ten),
		cmocka_unit_test(test_one_root),
		cmocka_unit_test(test_a_full_accept_queue),
		cmocka_unit_test(test_one_root_left_out),
		cmocka_unit_test(test_because),
		cmocka_unit_test(test_clients_of_a_leak),
		cmocka_unit_test(test_a_locked_end),
		cmocka_unit_test(test_locked_twice),
		cmocka_unit_test(test_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
