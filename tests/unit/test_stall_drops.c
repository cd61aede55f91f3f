// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "stall_drops.h"
#include "stall_rows.h"

#define NOW 60000000000ULL

static struct stalled connecting(uint16_t lport)
{
	return (struct stalled){
		.sock = { .netns = 1, .state = EVS_SYN_SENT, .family = 4, .lport = lport, .rport = 443,
			  .laddr = { 10, 0, 0, 1 }, .raddr = { 10, 0, 0, 2 },
			  .owner = { .pid = 7, .source = EVO_SNAPSHOT } },
		.retransmits = 3, .retrans_ms = 4000, .rto_ms = 2000, .timer_ms = 500, .left = 1,
		.seq = 1000,
	};
}

static const char *name(void *ctx, uint32_t reason)
{
	(void)ctx;
	return reason == 12 ? "NETFILTER_DROP" : NULL;
}

static struct dropped_key key_of(const struct stalled *s)
{
	struct dropped_key key = { .netns = s->sock.netns, .lport = s->sock.lport,
				   .rport = s->sock.rport, .family = s->sock.family };

	memcpy(key.laddr, s->sock.laddr, sizeof(key.laddr));
	memcpy(key.raddr, s->sock.raddr, sizeof(key.raddr));
	return key;
}

static void took(struct stall_drops *d, const struct stalled *s, struct dropped what)
{
	struct dropped_key key = key_of(s);

	assert_true(stall_drops_take(d, &key, &what));
	stall_drops_sort(d);
}

/* What becomes of a verdict with that one drop. */
static enum stall judged(const struct stalled *s, enum stall stall, struct dropped what,
			 struct stall_drop *out)
{
	struct stall_drops d = { .name = name };
	struct stall_verdict v = { stall, 4000, false };

	stall_drops_begin(&d, NOW);
	took(&d, s, what);
	stall_drops_explain(&d, s, &v, out);
	stall_drops_free(&d);
	assert_int_equal(v.age_ms, 4000);
	assert_int_equal(out->where != 0, v.stall == STALL_DROPPED_HERE && what.where != 0);
	return v.stall;
}

static void test_the_answer_to_its_syn(void **state)
{
	struct dropped what = { .ts_ns = NOW - 1500000000, .seq = 1000, .reason = 12,
				.where = DROPPED_IN };
	struct stalled s = connecting(40000);
	struct stall_drop drop;
	char buf[96];

	(void)state;
	assert_int_equal(judged(&s, STALL_SYN, what, &drop), STALL_DROPPED_HERE);
	assert_int_equal(drop.ago_ms, 1500);
	assert_string_equal(stall_drop_text(&drop, buf, sizeof(buf)),
			    "; the SYN-ACK is dropped on its way in: NETFILTER_DROP");
	assert_non_null(strstr(stall_drop_advice(&drop), "nft list ruleset"));
	what.seq = 1001;			/* it answers another one: of anybody */
	assert_int_equal(judged(&s, STALL_SYN, what, &drop), STALL_SYN);
	what.seq = 1000;
	s.sock.state = EVS_ESTABLISHED;
	assert_int_equal(judged(&s, STALL_RETRANSMITTING, what, &drop), STALL_RETRANSMITTING);
	what.where = DROPPED_OUT;
	assert_int_equal(judged(&s, STALL_RETRANSMITTING, what, &drop), STALL_DROPPED_HERE);
	assert_int_equal(judged(&s, STALL_NOT_READING, what, &drop), STALL_NOT_READING);
	what.reason = 13;			/* one without a name */
	assert_int_equal(judged(&s, STALL_RETRANSMITTING, what, &drop), STALL_DROPPED_HERE);
	assert_string_equal(stall_drop_text(&drop, buf, sizeof(buf)), "; dropped on its way out");
	assert_null(stall_drop_advice(&drop));
}

/* One that was dropped long ago says nothing of those that were sent since. */
static void test_the_last_but_one(void **state)
{
	struct dropped what = { .ts_ns = NOW - 3500000000, .seq = 1000, .reason = 12,
				.where = DROPPED_OUT };
	struct stalled s = connecting(40000);
	struct stall_drop drop;

	(void)state;
	/* The last was sent 1.5 s ago, the one before 2 s earlier at most. */
	assert_int_equal(judged(&s, STALL_SYN, what, &drop), STALL_DROPPED_HERE);
	what.ts_ns -= 1000000;
	assert_int_equal(judged(&s, STALL_SYN, what, &drop), STALL_SYN);
	s.timer_ms = STALLED_UNKNOWN;
	what.ts_ns = NOW;
	assert_int_equal(judged(&s, STALL_SYN, what, &drop), STALL_SYN);
	s.timer_ms = 5000;			/* probes: 2 s, 4 s, 8 s */
	s.probing = 1;
	s.backoff = 2;
	what.ts_ns = NOW - 11000000000;
	assert_int_equal(judged(&s, STALL_DROPPED_HERE, what, &drop), STALL_DROPPED_HERE);
	assert_int_equal(drop.where, DROPPED_OUT);
	what.ts_ns -= 1000000;
	assert_int_equal(judged(&s, STALL_DROPPED_HERE, (struct dropped){ 0 }, &drop),
			 STALL_DROPPED_HERE);
	assert_int_equal(drop.where, DROPPED_NOT);
}

static void test_of_many(void **state)
{
	struct stall_drops d = { .name = name };
	struct stalled s = connecting(1), other;
	struct stall_verdict v;
	struct stall_drop drop;

	(void)state;
	stall_drops_begin(&d, NOW);
	for (uint32_t port = 200; port > 0; port--) {
		s.sock.lport = port;
		took(&d, &s, (struct dropped){ .ts_ns = NOW, .seq = 1000 + port % 2, .reason = 12,
					       .where = DROPPED_LOOPED });
	}
	for (uint32_t port = 0; port < 202; port++) {
		s.sock.lport = port;
		v = (struct stall_verdict){ STALL_SYN, 4000, false };
		stall_drops_explain(&d, &s, &v, &drop);
		assert_int_equal(v.stall, port && port < 201 && port % 2 == 0 ? STALL_DROPPED_HERE : STALL_SYN);
	}
	other = s;
	other.sock.lport = 2;
	other.sock.netns = 2;			/* that it was in another namespace is not known of this */
	v = (struct stall_verdict){ STALL_SYN, 4000, false };
	stall_drops_explain(&d, &other, &v, &drop);
	assert_int_equal(v.stall, STALL_SYN);
	stall_drops_free(&d);
}

/* A group has the reason of its oldest, or else one that is known of it. */
static void test_in_a_row(void **state)
{
	struct stalled first = connecting(1), second = connecting(2);
	struct stall_rows r = { .drops = { .name = name } };
	char buf[512];

	(void)state;
	first.retrans_ms = 9000;
	first.left = 0;
	stall_rows_begin(&r);
	stall_drops_begin(&r.drops, NOW);
	took(&r.drops, &second, (struct dropped){ .ts_ns = NOW, .seq = 1000, .reason = 12,
						  .where = DROPPED_OUT });
	assert_true(stall_rows_take(&r, &first));
	assert_true(stall_rows_take(&r, &second));
	assert_true(stall_rows_group(&r, &stall_defaults, false));
	assert_int_equal(r.rows_len, 1);
	assert_int_equal(r.rows[0].verdict.stall, STALL_DROPPED_HERE);
	assert_int_equal(r.rows[0].verdict.age_ms, 9000);
	assert_string_equal(stall_rows_evidence(&r.rows[0], buf, sizeof(buf)),
			    "SYN resent 3x, none left this host, next in 500ms; dropped on its way out: NETFILTER_DROP");
	assert_string_equal(stall_rows_advice(&r.rows[0], buf, sizeof(buf)),
			    "a rule of this host drops it: nft list ruleset; iptables-save -c.");
	stall_rows_free(&r);
}

static void test_hostile(void **state)
{
	struct stall_drop drop = { .where = 77, .reason = "X" };
	char buf[96];

	(void)state;
	assert_string_equal(stall_drop_text(&drop, buf, sizeof(buf)), "");
	assert_null(stall_drop_where(&drop));
	memset(drop.reason, 'A', sizeof(drop.reason) - 1);
	for (drop.where = 0; drop.where < DROPPED_WHERES; drop.where++)
		assert_true(strlen(stall_drop_text(&drop, buf, sizeof(buf))) < sizeof(buf) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_answer_to_its_syn),
		cmocka_unit_test(test_the_last_but_one),
		cmocka_unit_test(test_of_many),
		cmocka_unit_test(test_in_a_row),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
