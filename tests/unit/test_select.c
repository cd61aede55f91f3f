// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "limit_rows.h"
#include "select.h"

/* -e and FILTER, as the options give them. */
static struct options *options(uint32_t events, const char *text)
{
	static struct options o;
	struct filter_error error;

	o = (struct options){ .events = events };
	if (!filter_parse(&o.where, text, ROWS_EVENTS, NULL, &error))
		fail_msg("%s: %s", text, error.what);
	return &o;
}

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
	assert_false(select_record(&o, &bad));	/* a transition; its connection will tell */
	ok.kind = bad.kind = REC_CONNECTION;
	assert_false(select_record(&o, &ok));
	assert_true(select_record(&o, &bad));
	assert_true(select_record(&o, &rexmit));
	rexmit.rexmit = EVX_RTO;
	assert_false(select_record(&o, &rexmit));
	o.events |= EVENTS_DATA_RETRANSMIT;
	assert_true(select_record(&o, &rexmit));
	/* What the stream says of itself is never filtered. */
	assert_true(select_record(options(EVENTS_ALL, "pid 1"), &lost));
}

static void test_followed(void **state)
{
	struct options o = { .events = EVENTS_ALL, .filter = { .follow = 1 } };
	struct record r = transition(CAUSE_CLOSE);

	(void)state;
	assert_false(select_record(&o, &r));
	r.followed = true;
	assert_true(select_record(&o, &r));
	r.has &= ~HAS_OWNER;		/* from before the command: not its own */
	assert_false(select_record(&o, &r));
	/* tree (--pid): its children too, and what may be its own. */
	assert_true(select_record(options(EVENTS_ALL, "tree 4711"), &r));
	r.has |= HAS_OWNER;
	assert_true(select_record(options(EVENTS_ALL, "tree 4711"), &r));
	r.followed = false;
	assert_false(select_record(options(EVENTS_ALL, "tree 4711"), &r));
	assert_true(select_record(options(EVENTS_ALL, "tree 4711,7"), &r));
}

static void test_filter(void **state)
{
	struct record r = transition(CAUSE_CLOSE);

	(void)state;
	assert_true(select_record(options(EVENTS_ALL, "dport 443"), &r));
	assert_false(select_record(options(EVENTS_ALL, "dport 80"), &r));
	assert_false(select_record(options(EVENTS_RESET, "dport 443"), &r));
	assert_true(select_kind(options(EVENTS_ALL, "dport 80"), &r));
	assert_false(select_filter(options(EVENTS_ALL, "dport 80"), &r));
	r.has &= ~HAS_RPORT;
	assert_true(select_record(options(EVENTS_ALL, "dport 80"), &r));	/* unknown passes */
	assert_true(select_record(options(EVENTS_ALL, "not dport 80"), &r));
	assert_false(select_needs_cgroup(options(EVENTS_ALL, "dport 80")));
	assert_true(select_needs_cgroup(options(EVENTS_ALL, "dport 80 or pod 1")));
}

static void test_listener(void **state)
{
	struct ev_sock s = { .lport = 80, .family = 4, .role = EVR_LISTENER, .netns = 7,
			     .owner = { .pid = 5, .source = EVO_LISTEN, .comm = "nginx" } };

	(void)state;
	assert_true(select_listener(options(0, ""), NULL, &s));
	assert_true(select_listener(options(0, "port 80 comm nginx"), NULL, &s));
	assert_false(select_listener(options(0, "port 81"), NULL, &s));
	assert_true(select_listener(options(0, "src 0.0.0.0"), NULL, &s));
	assert_true(select_listener(options(0, "unit nginx"), NULL, &s));	/* no cgroups: unknown */
}

static struct options *stalls(const char *text)
{
	struct options *o = options(0, "");
	struct filter_error error;

	assert_true(filter_parse(&o->where, text, ROWS_STALLS, NULL, &error));
	return o;
}

static void test_stall(void **state)
{
	struct stalled s = { .sock = { .lport = 80, .rport = 9, .family = 4, .state = EVS_CLOSE_WAIT },
			     .retransmits = 3 };
	struct stall_verdict v = { STALL_CLOSE_WAIT, 61000, false };

	(void)state;
	assert_true(select_stall(stalls("dport 9 state close-wait"), NULL, &s, NULL));
	assert_false(select_stall(stalls("dport 8"), NULL, &s, NULL));
	/* Not judged yet. */
	assert_true(select_stall(stalls("verdict zero-window-peer or for > 2m"), NULL, &s, NULL));
	assert_false(select_stall(stalls("verdict zero-window-peer or for > 2m"), NULL, &s, &v));
	assert_true(select_stall(stalls("verdict close-wait and for > 1m and retrans = 3"), NULL, &s, &v));
	v.lower = true;		/* at least 61 s */
	assert_true(select_stall(stalls("for > 2m"), NULL, &s, &v));
	assert_false(select_stall(stalls("for < 1m"), NULL, &s, &v));
}

static bool limits(const char *text, const struct limit_row *row)
{
	struct options *o = options(0, "");
	struct filter_error error;

	assert_true(filter_parse(&o->where, text, ROWS_LIMITS, NULL, &error));
	return select_limit(o, row);
}

/* What a row has not it cannot have. */
static void test_limit(void **state)
{
	struct limit_row files = { .kind = LIMIT_OPEN_FILES, .pid = 7 };
	struct limit_row ports = { .kind = LIMIT_LOCAL_PORTS, .netns = 9,
				   .service = { .family = 4, .raddr = { 10 }, .rport = 443 } };

	(void)state;
	assert_true(limits("", &files) && limits("pid 7", &files) && limits("limit open-files", &files));
	assert_false(limits("pid 8", &files) || limits("netns 9", &files) || limits("dst 10.0.0.0/8", &files));
	assert_true(limits("not netns 9", &files) && limits("netns != 9", &files));
	assert_true(limits("dst 10.0.0.0/8:443 netns 9 limit local-ports,conntrack", &ports));
	assert_false(limits("pid 7", &ports) || limits("limit conntrack", &ports));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_followed),
		cmocka_unit_test(test_filter),
		cmocka_unit_test(test_listener),
		cmocka_unit_test(test_stall),
		cmocka_unit_test(test_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
