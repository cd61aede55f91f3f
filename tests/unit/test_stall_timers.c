// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "stall_timers.h"

static struct stalled quiet(uint8_t state)
{
	return (struct stalled){
		.sock = { .state = state }, .retrans_ms = STALLED_UNKNOWN, .probing_ms = STALLED_UNKNOWN,
		.sent_ms = 3600000, .received_ms = 3600000, .heard_ms = 3600000,
		.timer_ms = STALLED_UNKNOWN, .waited_ms = STALLED_UNKNOWN, .rto_max_ms = 120000,
	};
}

/* Against what this kernel does: resent after 1, 2, 3, 4, 5, 7, 11, 19, 35, 67 s and
 * given up after 131 s (Linux 6.18, four linear ones), after 127 s before 6.5; data
 * after 924.6 s (tcp_retries2 in Documentation/networking/ip-sysctl.rst). */
static void test_given_up(void **state)
{
	struct stalled s = quiet(EVS_SYN_SENT);

	(void)state;
	assert_int_equal(stall_gives_up_ms(&s), STALLED_UNKNOWN);
	s.retries = 6;
	s.linear = 4;
	s.rto_ms = 1000;
	s.rto_max_ms = 120000;
	s.retransmits = 1;
	s.retrans_ms = 1500;
	s.timer_ms = 500;
	assert_int_equal(stall_gives_up_ms(&s), 129500);
	s.retransmits = 10;
	s.retrans_ms = 70000;
	s.rto_ms = 64000;
	s.timer_ms = 61000;
	assert_int_equal(stall_gives_up_ms(&s), 61000);
	s.linear = 0;
	s.retransmits = 1;
	s.retrans_ms = 1500;
	s.rto_ms = 2000;
	s.timer_ms = 1500;
	assert_int_equal(stall_gives_up_ms(&s), 125500);
	s.retries = 1;				/* TCP_SYNCNT */
	assert_int_equal(stall_gives_up_ms(&s), 1500);
	s = quiet(EVS_ESTABLISHED);
	s.retries = 15;
	s.rto_ms = 400;
	s.rto_max_ms = 120000;
	s.retransmits = 1;
	s.retrans_ms = 200;
	s.timer_ms = 400;
	assert_in_range(stall_gives_up_ms(&s), 924400, 924400 + 120000);
	s.user_timeout_ms = 5000;
	assert_int_equal(stall_gives_up_ms(&s), 4800);
}

/* tcp_orphan_retries 0 is 8, which is 102.2 s of doublings from 200 ms, until the time
 * between two is TCP_RTO_MAX: then it is over. An ICMP error ends it there alone. */
static void test_orphans(void **state)
{
	struct stalled s = quiet(EVS_LAST_ACK);

	(void)state;
	s.place = STALLED_ORPHAN;
	s.unacked = 1;
	s.retries = 15;
	s.retransmits = 3;
	s.retrans_ms = 1400;
	s.rto_ms = 1600;
	s.timer_ms = 1600;
	assert_int_equal(stall_gives_up_ms(&s), STALLED_UNKNOWN);	/* of an older recording */
	s.orphan_retries = 1;
	/* At 1.4 + 1.6 * (2^6 - 1) = 102.2 s. */
	assert_int_equal(stall_gives_up_ms(&s), 100800);
	s.orphan_retries = 4;			/* 3: (2^4 - 1) * 200 ms */
	assert_int_equal(stall_gives_up_ms(&s), 1600);
	/* As measured: 6.191 s by the kernel's own numbers, and it was over, of 6.2 s. */
	s.orphan_retries = 5;
	s.retransmits = 4;
	s.retrans_ms = 6143;
	s.rto_ms = 3232;
	s.timer_ms = 48;
	assert_int_equal(stall_gives_up_ms(&s), 48);
	s.retransmits = 3;
	s.retrans_ms = 1400;
	s.rto_ms = s.timer_ms = 1600;
	s.orphan_retries = 1;
	s.rto_ms = 120000;			/* a slow path */
	s.timer_ms = 7000;
	assert_int_equal(stall_gives_up_ms(&s), 7000);
	s.user_timeout_ms = 60000;
	assert_int_equal(stall_gives_up_ms(&s), 58600);
}

/* Resent after 1, 2, 4, 8, 16 s, and dropped 32 s after the last. */
static void test_syn_acks(void **state)
{
	struct stalled s = quiet(EVS_NEW_SYN_RECV);

	(void)state;
	s.place = STALLED_REQUEST;
	s.timer_ms = 500;
	s.rto_ms = 2000;
	s.backoff = s.retransmits = 1;
	assert_int_equal(stall_gives_up_ms(&s), STALLED_UNKNOWN);	/* a SYN queue half full */
	s.retries = 5;
	assert_int_equal(stall_gives_up_ms(&s), 500 + 4000 + 8000 + 16000 + 32000);
	s.retries = 1;
	assert_int_equal(stall_gives_up_ms(&s), 500);
	s.rto_max_ms = 3000;
	s.retries = 3;
	assert_int_equal(stall_gives_up_ms(&s), 500 + 3000 + 3000);
	s.defer_accept = 5;			/* longer, once its final ACK came */
	assert_int_equal(stall_gives_up_ms(&s), 500 + 3000 + 3000);
	s.acked = 1;
	assert_int_equal(stall_gives_up_ms(&s), 500 + 4 * 3000);
}

/* A peer that answers each is waited for, but not by an orphan, nor longer than
 * TCP_USER_TIMEOUT. */
static void test_zero_window(void **state)
{
	struct stalled s = quiet(EVS_ESTABLISHED);

	(void)state;
	s.unsent = 100;
	s.probing = 1;
	s.probes = 1;
	s.backoff = 3;
	s.rto_ms = 200;
	s.timer_ms = 1000;
	s.probing_ms = 2000;
	s.retries = 15;
	assert_int_equal(stall_gives_up_ms(&s), STALLED_UNKNOWN);
	assert_int_equal(stall_next_ms(&s), 1000);
	s.user_timeout_ms = 10000;
	/* At 3, then 6.2, then 10 s. */
	assert_int_equal(stall_gives_up_ms(&s), 8000);
	s.user_timeout_ms = 0;
	s.place = STALLED_ORPHAN;
	s.orphan_retries = 1;
	/* Until 200 ms << 10 is more than TCP_RTO_MAX: seven more. */
	assert_int_equal(stall_gives_up_ms(&s), 1000 + 3200 + 6400 + 12800 + 25600 + 51200 + 102400 + 120000);
	s.place = STALLED_FILE;
	s.probes = 13;				/* it answers none */
	s.backoff = 13;
	assert_int_equal(stall_gives_up_ms(&s), 1000 + 2 * 120000);
	s.retries = 0;
	assert_int_equal(stall_gives_up_ms(&s), STALLED_UNKNOWN);
}

static void test_keepalive(void **state)
{
	struct stalled s = quiet(EVS_ESTABLISHED);

	(void)state;
	s.probes = 2;
	assert_int_equal(stall_gives_up_ms(&s), STALLED_UNKNOWN);
	assert_int_equal(stall_next_ms(&s), STALLED_UNKNOWN);
	s.keep_ms = 30000;
	s.keep_interval_ms = 75000;
	s.keep_probes = 9;
	assert_int_equal(stall_next_ms(&s), 30000);
	assert_int_equal(stall_gives_up_ms(&s), 30000 + 7 * 75000);
	s.heard_ms = 100000;
	s.user_timeout_ms = 200000;
	assert_int_equal(stall_gives_up_ms(&s), 30000 + 75000);
	s.unacked = 1;				/* then it is no more of keepalive */
	assert_int_equal(stall_next_ms(&s), STALLED_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_given_up),
		cmocka_unit_test(test_orphans),
		cmocka_unit_test(test_syn_acks),
		cmocka_unit_test(test_zero_window),
		cmocka_unit_test(test_keepalive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
