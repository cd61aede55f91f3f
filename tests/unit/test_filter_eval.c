// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* test_filter_eval.c - what each term says of a record: yes, no, not known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "filter.h"
#include "stall_rows.h"

static const struct cgroup_info nginx = {
	.unit = "nginx.service", .path = "/system.slice/nginx.service",
	.container_id = "7c1f00000000000000000000000000000000000000000000000000000000beef",
	.pod_uid = "7c1f8a52-0000-4000-8000-000000000000",
};
static const struct cgroup_info root = { .path = "/" };

static struct record client(void)
{
	return (struct record){
		.kind = REC_CONNECTION, .family = 4, .laddr = { 10, 0, 0, 1 }, .raddr = { 10, 9, 0, 20 },
		.lport = 40000, .rport = 443, .netns = 7, .uid = 33, .pid = 48, .comm = "curl",
		.role = EVR_CLIENT, .to = EVS_CLOSE, .from = EVS_ESTABLISHED, .cause = CAUSE_TIMEOUT,
		.err = ETIMEDOUT, .duration_ns = 3000000000, .ifindex = 2, .cgroup = &nginx,
		.life = { .in_ns = { 1500000000, 0, 1500000000 }, .resent = 1, .syns_resent = 2 },
		.has = HAS_OWNER | HAS_UID | HAS_NETNS | HAS_LADDR | HAS_RADDR | HAS_LPORT | HAS_RPORT |
		       HAS_DURATION | HAS_FROM | HAS_STATE | HAS_ERRNO | HAS_IFINDEX | HAS_CGROUP,
	};
}

static enum filter_answer ask(const char *text, const struct record *r)
{
	static struct filter f;
	struct filter_subject s = { .record = r };
	struct filter_error error;

	f = (struct filter){ 0 };
	if (!filter_parse(&f, text, ROWS_EVENTS, NULL, &error))
		fail_msg("'%s': %s", text, error.what);
	return filter_ask(&f, &s);
}

/* And the negation says the opposite. */
static void expect(const char *text, const struct record *r, enum filter_answer want)
{
	char not[256];

	snprintf(not, sizeof(not), "not (%s)", text);
	if (ask(text, r) != want || ask(not, r) != (enum filter_answer)(FILTER_YES - want))
		fail_msg("'%s': %d", text, ask(text, r));
}

static void yes(const struct record *r, const char *const *texts)
{
	for (; *texts; texts++)
		expect(*texts, r, FILTER_YES);
}

static void no(const struct record *r, const char *const *texts)
{
	for (; *texts; texts++)
		expect(*texts, r, FILTER_NO);
}

static void unknown(const struct record *r, const char *const *texts)
{
	for (; *texts; texts++)
		expect(*texts, r, FILTER_UNKNOWN);
}

#define LIST(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void test_socket(void **state)
{
	struct record r = client();

	(void)state;
	yes(&r, LIST("sport 40000", "dport 443", "port 443", "port 40000", "port 1,443", "sport 39999-40001",
		     "sport != 443", "sport > 39999", "sport >= 40000", "sport < 40001", "sport <= 40000",
		     "src 10.0.0.1", "src 10.0.0.0/31", "dst 10.0.0.0/8", "dst 0.0.0.0/0", "host 10.9.0.20",
		     "dst 10.9.0.20:443", "dst *", "dst inet:*", "family inet", "netns 7", "uid 33", "pid 48",
		     "pid 1,48", "pid > 40", "comm curl", "comm cu*", "comm c?rl", "comm [a-c]url", "comm != wget",
		     "dev 2", "role client", "tree 48", "dst != 10.9.0.21"));
	no(&r, LIST("sport 443", "dport != 443", "port 80", "sport < 40000", "sport > 40000", "port != 443",
		    "src 10.0.0.0/32", "src 10.0.0.2/31", "dst 11.0.0.0/8", "dst ::1", "dst ::/0", "dst inet6:*",
		    "dst 10.9.0.20:80", "dst != 10.9.0.0/16", "loopback", "family 6", "comm cur", "comm 'cu*'",
		    "comm curls", "pid 4", "tree 4", "dev 3", "role server,listener", "uid 0"));
	r.followed = true;
	yes(&r, LIST("tree 4"));
	no(&r, LIST("pid 4"));
	memcpy(r.comm, "0123456789abcdef", 16);		/* no NUL */
	yes(&r, LIST("comm 0123456789*"));
	no(&r, LIST("comm 0123456789abcde"));
	r.raddr[0] = 127;
	yes(&r, LIST("loopback"));
	r.family = 6;
	no(&r, LIST("loopback"));
	memset(r.raddr, 0, 16);
	r.raddr[15] = 1;
	yes(&r, LIST("loopback", "dst ::1", "dst ::/0", "dst ::/127"));
	no(&r, LIST("dst 0.0.0.0/0", "dst ::2", "dst 8000::/1"));
}

static void test_unknown(void **state)
{
	struct record r = client();

	(void)state;
	r.has = 0;
	unknown(&r, LIST("sport 40000", "dport 443", "port 443", "src 10.0.0.1", "dst 10.0.0.0/8", "loopback",
			 "netns 7", "uid 33", "pid 48", "comm curl", "tree 1", "dev 2", "unit nginx", "cgroup /",
			 "container 7c", "pod 7c", "state closed", "from established", "for > 1s",
			 "sport != 3 and dport < 9", "pid 1 or failed and pid 1"));
	no(&r, LIST("dst ::1", "errno ETIMEDOUT", "sport 1 and not failed"));
	yes(&r, LIST("sport 1 or failed"));
	r.role = EVR_UNKNOWN;
	r.cause = CAUSE_UNKNOWN;
	unknown(&r, LIST("role client", "cause timeout", "failed"));
	yes(&r, LIST("cause unknown"));
	r.family = 0;
	unknown(&r, LIST("dst ::1", "family 4"));
}

/* No listener has a peer; it is known of one that it refused, and not of a sum. */
static void test_listener(void **state)
{
	struct record r = { .kind = REC_STATE, .role = EVR_LISTENER, .family = 4, .lport = 80,
			    .has = HAS_LADDR | HAS_LPORT | HAS_STATE | HAS_UID, .to = EVS_LISTEN };

	(void)state;
	no(&r, LIST("dport 80", "dst 10.0.0.1", "dst 0.0.0.0/0", "port 81", "loopback", "dev 2", "errno EPERM"));
	yes(&r, LIST("dport != 80", "dst != 10.0.0.1", "port 80", "src 0.0.0.0", "host 0.0.0.0", "state listening"));
	r.kind = REC_DROP;
	r.drop.reason = EVD_ACCEPT_QUEUE;
	r.rport = 9;
	r.has |= HAS_RPORT | HAS_RADDR;
	yes(&r, LIST("dport 9", "failed", "reason accept-queue-full", "reason ACCEPT*", "event drop"));
	no(&r, LIST("dport 10", "cause timeout", "from listen", "to listen", "for > 0", "handshake > 0",
		    "accept-wait > 0", "retrans", "reason syn-queue-full"));
	r.has = HAS_LPORT | HAS_WINDOW;
	unknown(&r, LIST("dport 10", "dst 10.0.0.1"));
	r.drop.reason = EVD_UNKNOWN;
	unknown(&r, LIST("reason accept-queue-full"));
}

static void test_life(void **state)
{
	struct record r = client();

	(void)state;
	yes(&r, LIST("failed", "handshake > 1s", "handshake = 1.5s", "for 3s", "for >= 2999ms", "retrans", "retrans 3",
		     "errno ETIMEDOUT", "errno 110", "cause timeout,connect", "from estab", "to closed",
		     "state CLOSE", "event connection", "failed or handshake > 1h"));
	no(&r, LIST("handshake > 1.5s", "for > 3s", "retrans > 3", "errno EPERM", "cause connect", "accept-wait > 0",
		    "event state,drop", "state connected", "exclude closed", "reason x"));
	r.duration_lower = true;	/* at least 3 s */
	yes(&r, LIST("for > 2s", "for >= 3s"));
	no(&r, LIST("for < 2s", "for <= 2s", "for < 3s", "for 2s"));
	unknown(&r, LIST("for > 3s", "for 3s", "for 4s", "for < 4s", "for <= 3s"));
	r.role = EVR_SERVER;
	unknown(&r, LIST("accept-wait > 1ms"));
	r.has |= HAS_ACCEPT_WAIT;
	r.life.accept_wait_ns = 2000000;
	yes(&r, LIST("accept-wait > 1ms"));
	memset(r.life.in_ns, 0, sizeof(r.life.in_ns));	/* open before the start */
	unknown(&r, LIST("handshake > 1ms"));
	r.kind = REC_STATE;
	no(&r, LIST("handshake > 1ms", "retrans", "accept-wait > 0"));
	r.from = EVS_SYN_SENT;
	yes(&r, LIST("handshake > 1ms"));
	r.kind = REC_ACCEPT;
	r.duration_lower = false;
	yes(&r, LIST("accept-wait >= 3s", "for 3s"));
	no(&r, LIST("failed", "cause timeout"));
	r.kind = REC_RETRANSMIT;
	unknown(&r, LIST("retrans"));
	r.has |= HAS_ATTEMPT;
	r.attempt = 4;
	yes(&r, LIST("retrans > 3"));
	r.kind = REC_RESET;
	unknown(&r, LIST("reason NO_SOCKET"));
	r.has |= HAS_REASON;
	r.reason = "NO_SOCKET";
	yes(&r, LIST("reason no_socket", "reason NO_*"));
	no(&r, LIST("failed"));
}

static void test_stall(void **state)
{
	struct stall_row row = { .verdict = { STALL_ZERO_WINDOW, 42000, true }, .oldest.retransmits = 6 };
	struct record r = { .kind = REC_STALL, .stall = &row, .duration_ns = 42000000000, .duration_lower = true,
			    .has = HAS_DURATION };

	(void)state;
	yes(&r, LIST("verdict zero-window-peer,close-wait", "event stall", "for > 40s", "retrans 6"));
	no(&r, LIST("verdict close-wait", "failed", "cause timeout", "for < 40s", "errno EPERM"));
	unknown(&r, LIST("for > 1m", "dport 80"));	/* several peers */
	r = client();
	no(&r, LIST("verdict close-wait"));
}

static void test_cgroup(void **state)
{
	struct record r = client();

	(void)state;
	yes(&r, LIST("unit nginx", "unit nginx.service", "unit ng*", "container 7c1f", "container 7C1F", "pod 7c1f8a52",
		     "cgroup /", "cgroup /system.slice", "cgroup system.slice/", "cgroup /sys/fs/cgroup/system.slice",
		     "cgroup /system.slice/nginx.service", "cgroup /system.slice/ngin?.service", "cgroup /s*"));
	no(&r, LIST("unit 'nginx'", "unit apache", "container 1f", "cgroup /system.slic", "cgroup /user.slice",
		    "cgroup /system.slice/nginx.service/x", "pod 8a52"));
	r.cgroup = &root;
	yes(&r, LIST("cgroup /"));
	no(&r, LIST("unit nginx", "container 7", "pod 7", "cgroup /system.slice"));
}

static void test_empty(void **state)
{
	static const struct filter none;
	struct record r = client();
	struct filter_subject s = { .record = &r };

	(void)state;
	assert_int_equal(filter_ask(&none, &s), FILTER_YES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_socket),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_listener),
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_stall),
		cmocka_unit_test(test_cgroup),
		cmocka_unit_test(test_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
