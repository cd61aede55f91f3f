// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* test_filter_parse.c - every spelling comes to its normal form, that form to itself, and
 * every error to its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "filter.h"

static int netns(const char *word, uint32_t *inum)
{
	*inum = *word == '4' ? (uint32_t)strtoul(word, NULL, 10) : 4026531999u;
	return *word == '4' || !strcmp(word, "blue") ? 0 : !strcmp(word, "file") ? -EINVAL : -ENOENT;
}

static int user(const char *name, uint32_t *uid)
{
	*uid = 33;
	return strcmp(name, "www-data") ? -ENOENT : 0;
}

static int service(const char *name, uint16_t *port)
{
	*port = !strcmp(name, "http") ? 80 : 8080;
	return strcmp(name, "http") && strcmp(name, "http-alt") ? -ENOENT : 0;
}

static int interface(const char *name, uint32_t *ifindex, uint32_t *in)
{
	*ifindex = 2;
	*in = 4026531840u;
	return strcmp(name, "eth0") ? -ENODEV : 0;
}

static const struct filter_env env = { netns, user, service, interface };

static struct filter f;		/* large */

static const char *normal(const char *text, enum filter_rows rows, char *buf, size_t len)
{
	struct filter_error error;

	f = (struct filter){ 0 };
	if (!filter_parse(&f, text, rows, &env, &error))
		fail_msg("'%s': %zu: %s", text, error.at, error.what);
	return filter_text(&f, buf, len);
}

static const char *const normal_forms[][2] = {
	/* ss(8)'s own */
	{ "sport = :443 and dst 10.0.0.0/8", "sport = :443 and dst = 10.0.0.0/8" },
	{ "( dport = :http or sport >= :1024 )", "dport = :80 or sport >= :1024" },
	{ "sport eq 1 sport neq 2 sport gt 3 sport lt 4 sport geq 5 sport leq 6",
	  "sport = :1 and sport != :2 and sport > :3 and sport < :4 and sport >= :5 and sport <= :6" },
	{ "sport==1&sport!=2&&sport>3 sport<4 and sport>=5 AND sport<=6",
	  "sport = :1 and sport != :2 and sport > :3 and sport < :4 and sport >= :5 and sport <= :6" },
	{ "sport ne :1 or dport ge 2 || dport le 3|dport :4",
	  "sport != :1 or dport >= :2 or dport <= :3 or dport = :4" },
	{ "not sport 1 and ! dport 2", "not sport = :1 and not dport = :2" },
	{ "not (sport 1 or dport 2)", "not (sport = :1 or dport = :2)" },
	{ "!(!loopback)", "not not loopback" },
	{ "src 10.1.2.3/8", "src = 10.0.0.0/8" },
	{ "src 10/8 dst 192.168/16:80", "src = 10.0.0.0/8 and dst = 192.168.0.0/16 and dport = :80" },
	{ "src [::1]:80", "src = ::1 and sport = :80" },
	{ "dst ::1", "dst = ::1" },
	{ "dst [2001:db8::]/32", "dst = 2001:db8::/32" },
	{ "dst [2001:db8::/32]:http", "dst = 2001:db8::/32 and dport = :80" },
	{ "dst 10.0.0.1:*", "dst = 10.0.0.1" },
	{ "dst != 10.0.0.1:80", "dst != 10.0.0.1 or dport != :80" },
	{ "src :80", "sport = :80" }, { "src *:80", "sport = :80" }, { "dst *", "dst = *" },
	{ "src inet:*:80 or dst inet6:*", "(src = inet:* and sport = :80) or dst = inet6:*" },
	{ "dst ::ffff:10.0.0.1", "dst = 10.0.0.1" },
	{ "dst ::ffff:10.0.0.0/104", "dst = 10.0.0.0/8" },
	{ "sport inet:443", "sport = :443" },
	{ "state established", "state = established" },
	{ "state FIN_WAIT1 state fin-wait-2", "state = fin-wait-1,fin-wait-2" },
	{ "state all exclude listening exclude closed", "state = connected" },
	{ "exclude time-wait exclude syn-recv", "state = big" },
	{ "state connected exclude SYN_SENT sport 1", "state = synchronized and sport = :1" },
	{ "state != time_wait,TCP_NEW_SYN_RECV", "state = big" },
	{ "dev eth0", "dev = 2 and netns = 4026531840" },
	{ "dev != eth0", "dev != 2 or netns != 4026531840" },
	{ "dev 3", "dev = 3" },
	{ "cgroup /sys/fs/cgroup/a.slice/", "cgroup = /a.slice" }, { "cgroup /", "cgroup = /" },
	/* ours */
	{ "port 80,443", "sport = :80 or dport = :80 or sport = :443 or dport = :443" },
	{ "port != 80", "sport != :80 and dport != :80" },
	{ "port 8000-8100", "sport = :8000-8100 or dport = :8000-8100" },
	{ "lport http-alt rport != 1-2", "sport = :8080 and dport != :1-2" },
	{ "host 10.0.0.1", "src = 10.0.0.1 or dst = 10.0.0.1" },
	{ "pid 7,8", "pid = 7 or pid = 8" }, { "pid != 7,8", "pid != 7 and pid != 8" },
	{ "tree 7,8,9 and failed", "tree = 7,8,9 and failed" },
	{ "not tree != 7,8", "not tree != 7,8" },
	{ "comm nginx or comm = 'my prog' or comm ng*", "comm = nginx or comm = 'my prog' or comm = ng*" },
	{ "comm \"a'\\\"\\\\\"", "comm = \"a'\\\"\\\\\"" }, { "comm 'x*'", "comm = 'x*'" },
	{ "comm = and", "comm = and" },
	{ "uid www-data or uid 0", "uid = 33 or uid = 0" },
	{ "netns blue", "netns = 4026531999" },
	{ "unit nginx or unit 'nginx' or unit x.socket or unit ng*",
	  "unit = nginx.service or unit = 'nginx' or unit = x.socket or unit = ng*" },
	{ "container 7c1f pod 1-2", "container = 7c1f and pod = 1-2" },
	{ "family 4 family inet6", "family = inet and family = inet6" },
	{ "role client,server", "role = client,server" },
	{ "event drop,accept event != state", "event = drop,accept and event != state" },
	{ "from estab to CLOSE-WAIT", "from = established and to = close-wait" },
	{ "cause timeout,rst-received", "cause = rst-received,timeout" },
	{ "reason accept-queue-full", "reason = accept-queue-full" },
	{ "errno ECONNREFUSED errno != 110", "errno = ECONNREFUSED and errno != ETIMEDOUT" },
	{ "failed or handshake > 1s", "failed or handshake > 1s" },
	{ "accept-wait >= 1.5s for < 10ms for > 90s", "accept-wait >= 1500ms and for < 10ms and for > 90s" },
	{ "for 0 for 15ns", "for = 0s and for = 15ns" },
	{ "retrans and retrans >= 3", "retrans > 0 and retrans >= 3" },
	{ "retrans 3", "retrans = 3" },
	{ "loopback", "loopback" },
	/* precedence */
	{ "pid 1 or pid 2 and pid 3", "pid = 1 or (pid = 2 and pid = 3)" },
	{ "pid 1 pid 2 or pid 3", "(pid = 1 and pid = 2) or pid = 3" },
	{ "not pid 1 pid 2", "not pid = 1 and pid = 2" },
	{ "(pid 1 or pid 2) and pid 3", "(pid = 1 or pid = 2) and pid = 3" },
	{ "pid 1 (pid 2)", "pid = 1 and pid = 2" },
	{ "", "" }, { " \t\n", "" },
};

static void test_normal_form(void **state)
{
	char once[2048], again[2048];

	(void)state;
	for (size_t i = 0; i < sizeof(normal_forms) / sizeof(normal_forms[0]); i++) {
		assert_string_equal(normal(normal_forms[i][0], ROWS_EVENTS, once, sizeof(once)), normal_forms[i][1]);
		assert_string_equal(normal(once, ROWS_EVENTS, again, sizeof(again)), once);
	}
	assert_string_equal(normal("verdict close-wait,syn-no-answer and for > 1m", ROWS_STALLS, once,
				   sizeof(once)), "verdict = syn-no-answer,close-wait and for > 60s");
}

static void test_every_state(void **state)
{
	static const char *const spellings[][2] = {
		{ "ESTAB", "established" }, { "established", "established" },
		{ "ESTABLISHED", "established" }, { "SYN-SENT", "syn-sent" }, { "syn_sent", "syn-sent" },
		{ "SYN_SENT", "syn-sent" }, { "syn-recv", "syn-received" }, { "SYN_RECV", "syn-received" },
		{ "syn_received", "syn-received" }, { "SYN-RECEIVED", "syn-received" },
		{ "NEW_SYN_RECV", "syn-received" }, { "fin-wait-1", "fin-wait-1" },
		{ "FIN_WAIT1", "fin-wait-1" }, { "fin_wait_1", "fin-wait-1" }, { "FIN-WAIT-2", "fin-wait-2" },
		{ "FIN_WAIT2", "fin-wait-2" }, { "TIME-WAIT", "time-wait" }, { "time_wait", "time-wait" },
		{ "CLOSE", "closed" }, { "closed", "closed" }, { "UNCONN", "closed" },
		{ "CLOSE-WAIT", "close-wait" }, { "CLOSE_WAIT", "close-wait" }, { "LAST_ACK", "last-ack" },
		{ "last-ack", "last-ack" }, { "LISTEN", "listen" }, { "listening", "listen" },
		{ "CLOSING", "closing" }, { "TCP_CLOSING", "closing" }, { "all", "all" },
		{ "connected", "connected" }, { "synchronized", "synchronized" }, { "bucket", "bucket" },
		{ "big", "big" },
	};
	char text[64], want[64], buf[512];

	(void)state;
	for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++) {
		snprintf(text, sizeof(text), "to %s", spellings[i][0]);
		snprintf(want, sizeof(want), "to = %s", spellings[i][1]);
		assert_string_equal(normal(text, ROWS_EVENTS, buf, sizeof(buf)), want);
	}
}

static void test_errors(void **state)
{
	static const struct {
		const char *text;
		size_t at;
		const char *says;
	} cases[] = {
		{ "sport = :443 andd dst 10.0.0.0/8", 13, "'andd' is no term" },
		{ "sport", 5, "a value is missing" }, { "sport =", 7, "a value is missing" },
		{ "sport = and", 8, "'and' is no port" }, { "sport = )", 8, "a value is missing" },
		{ "sport 65536", 6, "no port from 0 to 65535" }, { "sport 80x", 6, "no port" },
		{ "sport 2-1", 6, "no range" }, { "sport > 1-2", 8, "range" },
		{ "sport > 1,2", 9, "a list goes with" }, { "sport 1,", 8, "a value is missing" },
		{ "sport frob", 6, "/etc/services" },
		{ "dst 10.0.0", 4, "no address" }, { "dst /8", 4, "no address" }, { "dst 1.2.3.4.5/8", 4, "no address" }, { "dst example.org", 4, "names are not looked up" },
		{ "dst 10.0.0.0/33", 4, "prefix length from 0 to 32" }, { "dst ::/129", 4, "0 to 128" },
		{ "dst [::1", 4, "']' is missing" }, { "dst inet:::1", 4, "the other family" },
		{ "dst < 10.0.0.1", 4, "no order" }, { "dst ''", 5, "a value is missing" },
		{ "comm abcdefghijklmnop", 5, "15 bytes" }, { "comm > x", 5, "no order" },
		{ "pid 0", 4, "from 1" }, { "pid 4194305", 4, "to 4194304" },
		{ "netns file", 6, "no network namespace" }, { "netns red", 6, "No such file" },
		{ "uid nobody-here", 4, "no user" }, { "dev eth9", 4, "no interface" },
		{ "family 5", 7, "inet" }, { "errno EFROB", 6, "no errno" }, { "errno 0", 6, "no errno" },
		{ "state frob", 6, "no state" }, { "role king", 5, "client, server, listener" },
		{ "state estab exclude estab", 6, "no state is left" },
		{ "event start", 6, "no event" }, { "cause x", 6, "no cause" },
		{ "for 10x", 4, "no time" }, { "for 1.s", 4, "no time" }, { "for -1s", 4, "no time" },
		{ "for 99999999999999h", 4, "no time" },
		{ "retrans > x", 10, "no number" },
		{ "( sport 1", 0, "not closed" }, { "sport 1 )", 8, "not opened" }, { "( )", 2, "a term is missing" },
		{ "sport 1 or", 10, "a term is missing" }, { "and sport 1", 0, "a term is missing" },
		{ "not", 3, "a term is missing" }, { "sport 1 = 2", 8, "missing here" },
		{ "(sport 1 = 2)", 9, "missing here" },
		{ "comm 'x", 5, "quote is not closed" }, { "'x'", 1, "a term is missing" },
		{ "sport 1 'x'", 9, "missing here" },
		{ "autobound", 0, "not supported" }, { "fwmark 1", 0, "not supported" },
		{ "tree 1 and tree 2", 11, "once" }, { "verdict frob", 8, "no verdict" },
		{ "tree 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17", 43, "at most 16" },
		{ "frob", 0, "'frob' is no term" }, { "=", 0, "a term is missing" },
		{ "sport \x01", 6, "no port" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct filter_error error = { 0 };

		f = (struct filter){ 0 };
		if (filter_parse(&f, cases[i].text, ROWS_EVENTS, &env, &error))
			fail_msg("'%s' is taken", cases[i].text);
		if (error.at != cases[i].at || !strstr(error.what, cases[i].says))
			fail_msg("'%s': %zu: %s", cases[i].text, error.at, error.what);
	}
}

static bool refused(const char *text, enum filter_rows rows)
{
	struct filter_error error;

	f = (struct filter){ 0 };
	return !filter_parse(&f, text, rows, &env, &error);
}

static void test_rows(void **state)
{
	char buf[128];

	(void)state;
	assert_true(refused("dport 1", ROWS_LISTENERS));	/* a listener has no peer */
	assert_true(refused("cause timeout", ROWS_STALLS));
	assert_true(refused("for > 1s", ROWS_CHECK));
	assert_true(refused("sport 1", ROWS_LIMITS) && refused("host 10.0.0.1:1", ROWS_LIMITS));
	assert_false(refused("limit open-files,time-wait,conntrack and netns blue pid 1", ROWS_LIMITS));
	assert_false(refused("port 80 comm nginx unit nginx netns blue", ROWS_LISTENERS));
	assert_string_equal(normal("port != 80 host 10.0.0.1", ROWS_LISTENERS, buf, sizeof(buf)),
			    "sport != :80 and src = 10.0.0.1");
	assert_false(refused("dst 10.0.0.1 and verdict close-wait and for > 1s", ROWS_STALLS));
	assert_false(refused("sport 80 loopback", ROWS_CHECK));
}

/* Written within the depth, the normal form beyond it: it would not parse again (found by
 * a fuzzer). */
static void test_normal_form_is_not_too_deep(void **state)
{
	char text[512], mixed[512] = "", end[64] = "";

	(void)state;
	memset(text, '!', 31);
	strcpy(text + 31, "port 80");
	assert_true(refused(text, ROWS_EVENTS));
	strcpy(text + 31, "sport 80");
	assert_false(refused(text, ROWS_EVENTS));
	strcpy(text + 30, "port 80");
	assert_false(refused(text, ROWS_EVENTS));
	for (int i = 0; i < 20; i++) {
		strcat(mixed, "sport 1 or sport 2 and (");
		strcat(end, ")");
	}
	strcat(mixed, "sport 3");
	strcat(mixed, end);
	assert_true(refused(mixed, ROWS_EVENTS));
}

/* No input is too long or too deep for the stack or the arrays. */
static void test_bounds(void **state)
{
	static char text[FILTER_TEXT_MAX + 16];
	struct filter_error error;

	(void)state;
	memset(text, '(', sizeof(text) - 1);
	assert_true(refused(text, ROWS_EVENTS));
	text[FILTER_TEXT_MAX] = '\0';
	assert_true(refused(text, ROWS_EVENTS));
	memset(text, '!', FILTER_TEXT_MAX);
	assert_true(refused(text, ROWS_EVENTS));
	for (size_t i = 5; i + 2 <= FILTER_TEXT_MAX; i += 2)
		memcpy(text + i, ",1", 3);
	memcpy(text, "pid 1", 5);
	f = (struct filter){ 0 };
	assert_false(filter_parse(&f, text, ROWS_EVENTS, &env, &error));
	assert_non_null(strstr(error.what, "too many"));
	memset(text, '\0', sizeof(text));
	for (int i = 0; i < FILTER_DEPTH_MAX - 1; i++)
		strcat(text, "(");
	strcat(text, "failed");
	for (int i = 0; i < FILTER_DEPTH_MAX - 1; i++)
		strcat(text, ")");
	assert_false(refused(text, ROWS_EVENTS));
	memset(text, 'x', sizeof(text) - 1);
	memcpy(text, "unit ", 5);
	text[FILTER_TEXT_MAX] = '\0';
	assert_false(refused(text, ROWS_EVENTS));
}

static void test_more_is_and(void **state)
{
	struct filter_error error;
	char buf[128];
	uint32_t pids[FILTER_TREE_MAX];

	(void)state;
	normal("pid 1 or pid 2", ROWS_EVENTS, buf, sizeof(buf));
	assert_true(filter_parse(&f, "", ROWS_EVENTS, &env, &error));
	assert_true(filter_parse(&f, "tree 7,8,9 or failed", ROWS_EVENTS, &env, &error));
	assert_string_equal(filter_text(&f, buf, sizeof(buf)),
			    "(pid = 1 or pid = 2) and (tree = 7,8,9 or failed)");
	assert_string_equal(filter_text(&f, buf, 10), "(pid = 1 ");
	assert_int_equal(filter_tree(&f, pids), 3);
	assert_int_equal(pids[2], 9);
	assert_true(filter_uses(&f, FILTER_BIT(FIELD_TREE)));
	assert_false(filter_uses(&f, FILTER_CGROUP_FIELDS));
	assert_false(filter_empty(&f));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_normal_form),
		cmocka_unit_test(test_every_state),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_normal_form_is_not_too_deep),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_more_is_and),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
