// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "stall_rules.h"

/* Idle in every respect, and for an hour. */
static struct stalled quiet(uint8_t state)
{
	return (struct stalled){
		.sock = { .state = state, .family = 4, .laddr = { 10, 0, 0, 1 }, .rport = 443,
			  .raddr = { 10, 0, 0, 2 }, .owner = { .pid = 7, .source = EVO_SNAPSHOT } },
		.retrans_ms = STALLED_UNKNOWN, .probing_ms = STALLED_UNKNOWN, .sent_ms = 3600000,
		.received_ms = 3600000, .heard_ms = 3600000, .timer_ms = STALLED_UNKNOWN,
		.sndbuf = 87040, .rcvbuf = 131072, .window = 65536, .peer_window = 65536,
		.mss = 1448, .left = 1, .waited_ms = STALLED_UNKNOWN,
	};
}

static void assert_verdict(const struct stalled *s, enum stall stall, uint32_t age, bool lower)
{
	struct stall_verdict v = stall_of(s, &stall_defaults);

	assert_string_equal(stall_name(v.stall), stall_name(stall));
	if (!stall)
		return;
	assert_int_equal(v.age_ms, age);
	assert_int_equal(v.lower, lower);
}

static void test_healthy(void **state)
{
	struct stalled s = quiet(EVS_ESTABLISHED);

	(void)state;
	assert_verdict(&s, STALL_NONE, 0, false);	/* an idle pool */
	s.unacked = 20000;				/* sending, 300 ms away */
	s.sent_ms = 280;
	s.queued = s.sndbuf;
	assert_verdict(&s, STALL_NONE, 0, false);
	s = quiet(EVS_ESTABLISHED);			/* paced: the timer is that of its next turn, too */
	s.probing = 1;
	s.unsent = 100000;
	s.sent_ms = 9000;
	s.queued = s.sndbuf;
	s.rto_ms = 204;
	s.timer_ms = 205;
	assert_verdict(&s, STALL_NONE, 0, false);
	s.timer_ms = 204;				/* refused, not probed yet */
	assert_verdict(&s, STALL_DROPPED_HERE, 9000, true);
	s = quiet(EVS_ESTABLISHED);			/* a window that opens and closes */
	s.probing = s.probes = 1;
	s.unsent = 100000;
	s.peer_window = 0;
	s.probing_ms = 400;
	assert_verdict(&s, STALL_NONE, 0, false);
	s = quiet(EVS_ESTABLISHED);			/* read in a moment */
	s.unread = 70000;
	s.window = 0;
	s.received_ms = 12;
	assert_verdict(&s, STALL_NONE, 0, false);
	s = quiet(EVS_CLOSE_WAIT);			/* half-closed, still sending */
	s.sent_ms = 59999;
	assert_verdict(&s, STALL_NONE, 0, false);
	s = quiet(EVS_FIN_WAIT2);			/* half-closed, still receiving */
	s.heard_ms = 100;
	assert_verdict(&s, STALL_NONE, 0, false);
}

static void test_syn(void **state)
{
	struct stalled s = quiet(EVS_SYN_SENT);

	(void)state;
	s.retransmits = 1;
	s.retrans_ms = 2999;
	assert_verdict(&s, STALL_NONE, 0, false);
	s.retrans_ms = 3000;
	assert_verdict(&s, STALL_SYN, 3000, false);
	s.left = 0;				/* refused on its way out */
	assert_verdict(&s, STALL_DROPPED_HERE, 3000, false);
	s.retrans_ms = STALLED_UNKNOWN;
	assert_verdict(&s, STALL_NONE, 0, false);
}

static void test_requests(void **state)
{
	struct stalled s = quiet(EVS_NEW_SYN_RECV);

	(void)state;
	s.place = STALLED_REQUEST;
	s.waited_ms = 3000;
	assert_verdict(&s, STALL_NONE, 0, false);	/* sent once, and on its way */
	s.retransmits = 2;
	assert_verdict(&s, STALL_SYN_ACK, 3000, false);
	s.acked = 1;
	s.waited_ms = 999;
	assert_verdict(&s, STALL_NONE, 0, false);
	s.waited_ms = 1000;
	assert_verdict(&s, STALL_FINAL_ACK, 1000, false);
	s = quiet(EVS_SYN_RECV);			/* both ends called connect() */
	s.retransmits = 2;
	s.retrans_ms = 3000;
	assert_verdict(&s, STALL_SYN_ACK, 3000, false);
	s = quiet(EVS_CLOSE_WAIT);			/* the client has left again */
	s.place = STALLED_QUEUED;
	s.waited_ms = 999;
	assert_verdict(&s, STALL_NONE, 0, false);
	s.waited_ms = 1000;
	assert_verdict(&s, STALL_ACCEPT, 1000, false);
}

/* The same field counts probes of a closed window, of a segment that this host itself
 * refuses, and of keepalive. */
static void test_probes(void **state)
{
	struct stalled s = quiet(EVS_ESTABLISHED);

	(void)state;
	s.probing = 1;
	s.probes = 4;
	s.unsent = 5000;
	s.peer_window = 1447;
	s.probing_ms = 4999;
	assert_verdict(&s, STALL_NONE, 0, false);
	s.probing_ms = 5000;
	assert_verdict(&s, STALL_ZERO_WINDOW, 5000, false);
	s.peer_window = 1448;			/* a segment would fit */
	assert_verdict(&s, STALL_DROPPED_HERE, 5000, false);
	s.unsent = 1;
	s.peer_window = 0;
	s.probing_ms = STALLED_UNKNOWN;		/* since the last data: at least */
	s.sent_ms = 6000;
	assert_verdict(&s, STALL_ZERO_WINDOW, 6000, true);
	s.sock.state = EVS_FIN_WAIT1;
	assert_verdict(&s, STALL_ZERO_WINDOW, 6000, true);
	s = quiet(EVS_ESTABLISHED);
	s.probes = 1;
	assert_verdict(&s, STALL_NONE, 0, false);
	s.probes = 2;
	assert_verdict(&s, STALL_KEEPALIVE, 3600000, false);
}

/* Those that count, not wait. */
static void test_own_numbers(void **state)
{
	struct stall_limits limits = stall_defaults;
	struct stalled s = quiet(EVS_ESTABLISHED);

	(void)state;
	limits.keepalive = 5;
	limits.backoff = 1;
	s.probes = 4;
	assert_int_equal(stall_of(&s, &limits).stall, STALL_NONE);
	s.probes = 5;
	assert_int_equal(stall_of(&s, &limits).stall, STALL_KEEPALIVE);
	s.unacked = s.retransmits = s.backoff = 1;
	s.retrans_ms = 250;
	assert_int_equal(stall_of(&s, &limits).stall, STALL_RETRANSMITTING);
	assert_int_equal(stall_of(&s, &stall_defaults).stall, STALL_NONE);
}

static void test_locked(void **state)
{
	struct stalled s = quiet(EVS_ESTABLISHED);

	(void)state;
	s.locked = 1;
	s.heard_ms = 5000;
	assert_verdict(&s, STALL_LOCKED, 5000, true);
	s.received_ms = 4999;			/* busy: each call has it for a moment */
	assert_verdict(&s, STALL_NONE, 0, false);
}

static void test_data(void **state)
{
	struct stalled s = quiet(EVS_ESTABLISHED);

	(void)state;
	s.unacked = 1000;
	s.retransmits = s.backoff = 2;
	s.retrans_ms = 1400;
	assert_verdict(&s, STALL_NONE, 0, false);
	s.backoff = 3;
	assert_verdict(&s, STALL_RETRANSMITTING, 1400, false);
	s.left = 0;
	assert_verdict(&s, STALL_DROPPED_HERE, 1400, false);
	s.backoff = 0;
	s.queued = s.sndbuf;
	s.sent_ms = 4999;
	assert_verdict(&s, STALL_NONE, 0, false);
	s.sent_ms = 5000;
	assert_verdict(&s, STALL_SEND_BUFFER, 5000, true);
	s = quiet(EVS_ESTABLISHED);
	s.unread = 1;
	s.received_ms = 5000;
	s.window = 1460;
	assert_verdict(&s, STALL_NONE, 0, false);
	s.window = 1459;
	assert_verdict(&s, STALL_NOT_READING, 5000, true);
	s.received_ms = 4999;
	assert_verdict(&s, STALL_NONE, 0, false);
}

static void test_close(void **state)
{
	struct stalled s = quiet(EVS_CLOSE_WAIT);

	(void)state;
	s.fin_received = 1;
	s.heard_ms = s.sent_ms = 60000;
	assert_verdict(&s, STALL_CLOSE_WAIT, 60000, true);
	s.unread = 1;				/* the FIN itself */
	assert_verdict(&s, STALL_CLOSE_WAIT_UNREAD, 60000, true);
	s = quiet(EVS_LAST_ACK);
	s.unacked = 1;
	s.retrans_ms = 29999;
	assert_verdict(&s, STALL_NONE, 0, false);
	s.retrans_ms = 30000;
	assert_verdict(&s, STALL_FIN, 30000, false);
	s.place = STALLED_ORPHAN;
	assert_verdict(&s, STALL_ORPHAN, 30000, false);
	s = quiet(EVS_FIN_WAIT2);
	s.heard_ms = 119999;
	assert_verdict(&s, STALL_NONE, 0, false);
	s.heard_ms = 120000;
	assert_verdict(&s, STALL_PEER_OPEN, 120000, true);
}

static void test_words(void **state)
{
	struct stalled s = quiet(EVS_SYN_SENT);
	char buf[512];

	(void)state;
	s.retransmits = 7;
	s.timer_ms = 7800;
	assert_string_equal(stall_evidence(STALL_SYN, &s, buf, sizeof(buf)),
			    "SYN resent 7x, next in 7.80s");
	assert_non_null(strstr(stall_advice(STALL_SYN, &s, buf, sizeof(buf)),
			       "tcpdump -ni any host 10.0.0.2 and port 443"));
	assert_non_null(strstr(stall_advice(STALL_CLOSE_WAIT, &s, buf, sizeof(buf)),
			       "ss -tnpe dst 10.0.0.2"));
	s.rto_ms = 1000;
	s.rto_max_ms = 120000;
	s.retries = 7;
	s.retrans_ms = 100000;
	assert_string_equal(stall_evidence(STALL_SYN, &s, buf, sizeof(buf)),
			    "SYN resent 7x, given up in 7.80s");
	s.sock.family = 6;
	assert_non_null(strstr(stall_advice(STALL_NOT_READING, &s, buf, sizeof(buf)), "/proc/7/"));
	for (int i = 0; i < STALLS + 3; i++) {
		assert_non_null(stall_name(i));
		assert_true(strlen(stall_evidence(i, &s, buf, sizeof(buf))) < 160);
		assert_true(strlen(stall_advice(i, &s, buf, sizeof(buf))) < sizeof(buf) - 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_healthy),
		cmocka_unit_test(test_syn),
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_probes),
		cmocka_unit_test(test_own_numbers),
		cmocka_unit_test(test_locked),
		cmocka_unit_test(test_data),
		cmocka_unit_test(test_close),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
