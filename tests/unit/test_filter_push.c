// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* test_filter_push.c - what the kernel side decides follows from the filter: no record
 * that the filter takes is refused there, of random filters and sockets. The code that
 * decides is the kernel side's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "decode.h"
#include "filter.h"
#include "filter_push.h"

static struct filter f;
static struct kernel_filter kernel;

static void push(const char *text)
{
	struct filter_error error;

	f = (struct filter){ 0 };
	kernel = (struct kernel_filter){ 0 };
	if (!filter_parse(&f, text, ROWS_EVENTS, NULL, &error))
		fail_msg("'%s': %s", text, error.what);
	filter_push(&f, &kernel);
}

static const struct ev_sock curl = {
	.family = 4, .laddr = { 10, 0, 0, 1 }, .raddr = { 10, 9, 0, 20 }, .lport = 40000, .rport = 443,
	.netns = 7, .uid = 33, .role = EVR_CLIENT,
	.owner = { .pid = 48, .source = EVO_CONNECT, .comm = "curl" },
};

static void test_terms(void **state)
{
	static const char *const taken[] = {
		"sport 40000", "sport != 3", "sport > 3", "sport >= 40000", "sport < 40001", "sport <= 40000",
		"dport 443", "port 443", "port 40000", "port 1-443", "src 10.0.0.1", "dst 10.0.0.0/8", "host 10.9.0.20",
		"not dst 11.0.0.0/8", "family 4", "netns 7", "uid 33", "uid < 34", "pid 48", "pid 1,48", "tree 48",
		"comm curl", "comm cu*", "comm != cur", "not comm 'cu*'", "not loopback", "comm *", "dst *",
		"failed", "failed and dport 443", "failed or dport 80", "not (failed and dport 443)",
		"not (dport 80 or dport 81)", "(dst 10.0.0.0/8 and failed) or (dst 11.0.0.0/8 and retrans)",
		"comm c?rl", "comm [a-c]*",
	};
	static const char *const refused[] = {
		"sport 40001", "sport != 40000", "sport > 40000", "sport >= 40001", "sport < 40000", "sport <= 39999",
		"dport 80", "port 80", "port != 443", "src 10.0.0.2", "dst 11.0.0.0/8", "not dst 10.0.0.0/8", "dst ::1",
		"dst ::/0", "host 10.9.0.21", "family 6", "netns 8", "uid 34", "uid > 33", "pid 49", "pid != 48", "tree 49",
		"comm cur", "comm curls", "comm != curl", "not comm cu*", "comm w*", "loopback", "failed and dport 80",
		"not (failed or dport 443)", "(dst 12.0.0.0/8 and failed) or (dst 11.0.0.0/8 and retrans)",
		"not not dport 80", "not (port 443 or failed)",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
		push(taken[i]);
		if (!filter_wants(&kernel, &curl))
			fail_msg("refused: %s", taken[i]);
	}
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		push(refused[i]);
		if (filter_wants(&kernel, &curl))
			fail_msg("taken: %s", refused[i]);
	}
}

static void test_unknown_is_taken(void **state)
{
	struct ev_sock s = { .uid = (__u32)-1 };

	(void)state;
	push("sport 1 dport 2 src 10.0.0.1 dst 10.0.0.2 family 4 netns 7 uid 3 pid 4 comm x not tree 9");
	assert_int_equal(kernel.atoms_len, 10);
	assert_true(filter_wants(&kernel, &s));
	assert_int_equal(kernel.pids_len, 1);
	s.owner = (struct ev_owner){ .source = EVO_ACCEPT, .pid = 4, .comm = "x", .followed = 1 };
	assert_false(filter_wants(&kernel, &s));
}

static void test_followed(void **state)
{
	struct ev_sock s = curl;

	(void)state;
	kernel = (struct kernel_filter){ .follow = 1 };
	assert_false(filter_wants(&kernel, &s));
	s.owner.followed = 1;
	assert_true(filter_wants(&kernel, &s));
	s.owner.source = EVO_NONE;
	assert_false(filter_wants(&kernel, &s));
}

/* Too many atoms: what finds no room is not asked there. */
static void test_room(void **state)
{
	char text[1024] = "sport 1 and (pid 1";
	struct ev_sock s = curl;

	(void)state;
	for (int i = 2; i <= 40; i++)
		sprintf(text + strlen(text), ",%d", i);
	strcat(text, ") and dport 443");
	push(text);
	assert_int_equal(kernel.atoms_len, 2);
	assert_false(filter_wants(&kernel, &s));
	s.lport = 1;
	assert_true(filter_wants(&kernel, &s));
}

/* A multiplicative congruential generator: the same on every run. */
static uint64_t seed = 42;

static unsigned int pick(unsigned int n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned int)(seed >> 33) % n;
}

static void random_term(char *to)
{
	static const char *const ops[] = { "=", "!=", "<", "<=", ">", ">=" };
	static const char *const hosts[] = { "127.0.0.1", "10.0.0.1", "10.0.0.0/8", "10.0.0.0/31", "::1", "fe80::/10",
					     "*", "inet6:*", "0.0.0.0", "::", "10.0.0.1:1", "[::1]:2", ":1", "0.0.0.0/0" };
	static const char *const comms[] = { "a", "ab", "a*", "*", "?", "'a*'", "abcdefghijklmno" };
	static const char *const others[] = { "failed", "loopback", "retrans", "retrans < 2", "for > 1s", "errno EPERM",
					      "cause timeout", "event drop,state", "role server", "state estab", "from syn-sent",
					      "to closed", "reason accept-queue-full", "handshake > 1ms", "accept-wait < 1s", "dev 2",
					      "unit x", "cgroup /" };

	switch (pick(8)) {
	case 0:
		sprintf(to, "%s %s %u", pick(2) ? "sport" : pick(2) ? "dport" : "port", ops[pick(6)], pick(4));
		break;
	case 1:
		sprintf(to, "%s %s %s", pick(2) ? "src" : pick(2) ? "dst" : "host", ops[pick(2)],
			hosts[pick(sizeof(hosts) / sizeof(hosts[0]))]);
		break;
	case 2:
		sprintf(to, "comm %s %s", ops[pick(2)], comms[pick(sizeof(comms) / sizeof(comms[0]))]);
		break;
	case 3:
		sprintf(to, "pid %s %u", ops[pick(6)], 1 + pick(3));
		break;
	case 4:
		sprintf(to, "uid %s %u", ops[pick(6)], pick(3));
		break;
	case 5:
		sprintf(to, "%s %s %u", pick(2) ? "netns" : "pid", ops[pick(2)], 1 + pick(3));
		break;
	case 6:
		sprintf(to, "family %s %u", ops[pick(2)], pick(2) ? 4 : 6);
		break;
	default:
		strcpy(to, others[pick(sizeof(others) / sizeof(others[0]))]);
	}
}

static void random_filter(char *to, int depth)
{
	if (!depth || !pick(3)) {
		random_term(to);
		return;
	}
	if (!pick(3)) {
		strcpy(to, "not (");
	} else {
		strcpy(to, "(");
		random_filter(to + 1, depth - 1);
		strcat(to, pick(2) ? ") and (" : ") or (");
	}
	random_filter(to + strlen(to), depth - 1);
	strcat(to, ")");
}

static void random_address(uint8_t *a, unsigned int family)
{
	memset(a, 0, 16);
	if (!pick(4))
		return;
	if (family == 4) {
		a[0] = pick(2) ? 10 : 127;
		a[3] = (uint8_t)pick(3);
	} else if (pick(2)) {
		a[15] = 1;
	} else {
		a[0] = 0xfe;
		a[1] = 0x80;
	}
}

static struct ev_sock random_sock(void)
{
	static const char *const comms[] = { "a", "ab", "b", "abcdefghijklmno", "" };
	struct ev_sock s = {
		.family = pick(8) ? pick(2) ? 4 : 6 : 0, .lport = (__u16)pick(4), .rport = (__u16)pick(4),
		.netns = pick(4), .uid = pick(4) - 1, .role = (__u8)pick(EVR_MAX), .state = (__u8)pick(EVS_MAX),
		.ifindex = pick(3), .owner = { .pid = 1 + pick(3), .source = (__u8)pick(EVO_MAX),
					       .followed = (__u8)pick(2) },
	};

	random_address(s.laddr, s.family);
	random_address(s.raddr, s.family);
	memset(s.owner.comm, pick(2) ? 'x' : 0, EV_COMM_LEN);
	strcpy((char *)s.owner.comm, comms[pick(5)]);
	return s;
}

static uint64_t no_clock(void *ctx, uint64_t mono, uint64_t tai)
{
	(void)ctx;
	return mono + tai;
}

static const char *no_reason(void *ctx, uint32_t reason)
{
	(void)ctx;
	return reason & 1 ? "NO_SOCKET" : NULL;
}

/* As decode.c makes it of an event of some kind. */
static bool random_record(struct ev_sock *s, struct record *r)
{
	static const struct decode_env env = { no_clock, no_reason, NULL };
	static const uint8_t kinds[] = { EV_STATE, EV_RETRANSMIT, EV_RESET, EV_ERROR, EV_TIMEWAIT, EV_DROP,
					 EV_ACCEPT, EV_CONNECTION, EV_LIMIT };
	union {
		struct ev_state state;
		struct ev_connection connection;
		struct ev_drop drop;
		uint8_t bytes[512];
	} event;

	for (size_t i = 0; i < sizeof(event.bytes); i++)
		event.bytes[i] = (uint8_t)pick(4);
	event.state.head.kind = kinds[pick(sizeof(kinds))];
	*s = random_sock();
	if (event.state.head.kind == EV_DROP) {
		s->role = EVR_LISTENER;
	} else if (s->role == EVR_LISTENER) {	/* it has no peer */
		memset(s->raddr, 0, sizeof(s->raddr));
		s->rport = 0;
	}
	if (event.state.head.kind == EV_DROP || event.state.head.kind == EV_ACCEPT)
		event.bytes[sizeof(struct ev_head) + sizeof(*s)] = (uint8_t)(1 + pick(2));
	event.state.sock = *s;
	return decode(&event.state.head, &env, r);
}

static void test_never_refuses_what_is_wanted(void **state)
{
	unsigned int refused = 0, taken = 0;
	struct ev_sock s;
	struct record r;
	char text[4096];

	(void)state;
	for (int i = 0; i < 4000; i++) {
		random_filter(text, 4);
		if (strlen(text) > FILTER_TEXT_MAX)
			continue;
		push(text);
		for (int n = 0; n < 100; n++) {
			struct filter_subject subject = { .record = &r };
			bool wants;

			if (!random_record(&s, &r))
				continue;
			wants = filter_wants(&kernel, &s);
			if (!wants && filter_ask(&f, &subject) != FILTER_NO)
				fail_msg("refused: %s: kind %d role %d family %d :%u :%u", text, r.kind, s.role,
					 s.family, s.lport, s.rport);
			refused += !wants;
			taken += wants;
		}
	}
	/* And it is worth it. */
	assert_true(refused > 20000 && taken > 20000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_terms),
		cmocka_unit_test(test_unknown_is_taken),
		cmocka_unit_test(test_followed),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_never_refuses_what_is_wanted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
