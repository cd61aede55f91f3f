// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "select.h"

static struct record transition(enum cause cause)
{
	return (struct record){ .kind = REC_STATE, .cause = cause, .family = 4, .pid = 7,
				.lport = 40000, .rport = 443, .netns = 1,
				.has = HAS_OWNER | HAS_LPORT | HAS_RPORT | HAS_NETNS,
				.comm = "curl" };
}

static void test_kinds(void **state)
{
	struct options o = { .events = EVENTS_FAILED | EVENTS_SYN_RETRANSMIT };
	struct record ok = transition(CAUSE_CLOSE), bad = transition(CAUSE_TIMEOUT);
	struct record rexmit = { .kind = REC_RETRANSMIT, .rexmit = EVX_SYN };
	struct record lost = { .kind = REC_LOST };

	(void)state;
	assert_false(select_record(&o, &ok));
	assert_true(select_record(&o, &bad));
	assert_true(select_record(&o, &rexmit));
	rexmit.rexmit = EVX_RTO;
	assert_false(select_record(&o, &rexmit));
	o.events |= EVENTS_DATA_RETRANSMIT;
	assert_true(select_record(&o, &rexmit));
	/* What the stream says of itself is never filtered. */
	o.filter.pids[0] = 1;
	o.filter.pids_len = 1;
	assert_true(select_record(&o, &lost));
}

static void test_ports(void **state)
{
	struct options o = { .events = EVENTS_ALL };
	struct record r = transition(CAUSE_CLOSE);

	(void)state;
	o.filter.port = 443;
	assert_true(select_record(&o, &r));
	o.filter.port = 40000;
	assert_true(select_record(&o, &r));
	o.filter.port = 80;
	assert_false(select_record(&o, &r));
	r.has &= ~HAS_LPORT;			/* not chosen yet: may be 80 */
	assert_true(select_record(&o, &r));
	o.filter.port = 0;
	o.filter.rport = 80;
	assert_false(select_record(&o, &r));
	o.filter.rport = 0;
	o.filter.port = 80;
	r.has = HAS_LPORT;			/* a listener has no other port */
	r.role = EVR_LISTENER;
	assert_false(select_record(&o, &r));
}

static void test_owner(void **state)
{
	struct options o = { .events = EVENTS_ALL, .comm = "curl" };
	struct record r = transition(CAUSE_CLOSE);

	(void)state;
	assert_true(select_record(&o, &r));
	o.comm = "cur";
	assert_false(select_record(&o, &r));
	o.comm = NULL;
	o.filter.pids[0] = 8;
	o.filter.pids_len = 1;
	assert_false(select_record(&o, &r));
	r.has &= ~HAS_OWNER;			/* unknown passes */
	assert_true(select_record(&o, &r));
	o.filter.pids[1] = 7;
	o.filter.pids_len = 2;
	r.has |= HAS_OWNER;
	assert_true(select_record(&o, &r));
}

static void test_namespace_and_family(void **state)
{
	struct options o = { .events = EVENTS_ALL, .filter.netns = 2 };
	struct record r = transition(CAUSE_CLOSE);

	(void)state;
	assert_false(select_record(&o, &r));
	o.filter.netns = 1;
	assert_true(select_record(&o, &r));
	o.filter.family = 6;
	assert_false(select_record(&o, &r));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_owner),
		cmocka_unit_test(test_namespace_and_family),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
