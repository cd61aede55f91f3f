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
#include "tests/prefixes.h"

static struct filter f;
static struct kernel_filter kernel;
static struct filter_prefixes prefixes;
static struct filter_cgroup cgroups[4];

/* The longest that fits, as the kernel's trie has it. */
static bool filter_prefix_known(const struct filter_prefix *key)
{
	return prefixes_have(&prefixes, key);
}

static __u64 filter_cgroup_answers(__u64 id)
{
	for (size_t i = 0; i < sizeof(cgroups) / sizeof(cgroups[0]); i++)
		if (cgroups[i].id == id)
			return cgroups[i].answers;
	return 0;
}

#include "bpf/filter_ask.h"

static void push(const char *text)
{
	struct filter_error error;

	f = (struct filter){ 0 };
	kernel = (struct kernel_filter){ 0 };
	if (!filter_parse(&f, text, ROWS_EVENTS, NULL, &error))
		fail_msg("'%s': %s", text, error.what);
	filter_push(&f, &kernel, &prefixes);
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
		if (!filter_wants(&kernel, &curl, 0))
			fail_msg("refused: %s", taken[i]);
	}
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		push(refused[i]);
		if (filter_wants(&kernel, &curl, 0))
			fail_msg("taken: %s", refused[i]);
	}
}

static void test_unknown_is_taken(void **state)
{
	struct ev_sock s = { .uid = (__u32)-1 };

	(void)state;
	push("sport 1 dport 2 src 10.0.0.1 dst 10.0.0.2 family 4 netns 7 uid 3 pid 4 comm x not tree 9");
	assert_int_equal(kernel.atoms_len, 10);
	assert_true(filter_wants(&kernel, &s, 0));
	assert_int_equal(kernel.pids_len, 1);
	s.owner = (struct ev_owner){ .source = EVO_ACCEPT, .pid = 4, .comm = "x", .followed = 1 };
	assert_false(filter_wants(&kernel, &s, 0));
}

static void expect(const char *text, const struct ev_sock *s, __u64 event, bool wanted)
{
	push(text);
	if (filter_wants(&kernel, s, event) != wanted)
		fail_msg("%s: %s", wanted ? "refused" : "taken", text);
}

static void test_events(void **state)
{
	struct ev_state e = { .sock = curl, .from = EVS_ESTABLISHED, .to = EVS_CLOSE_WAIT };
	struct ev_state end = { .sock = curl, .from = EVS_LAST_ACK, .to = EVS_CLOSE, .err = 104 };
	__u64 move = filter_move(EV_STATE, &e), closed = filter_move(EV_CONNECTION, &end);

	(void)state;
	expect("from estab to close-wait", &curl, move, true);
	expect("from estab to fin-wait-1", &curl, move, false);
	expect("not to close-wait", &curl, move, false);
	expect("state close-wait,last-ack", &curl, move, true);
	expect("exclude close-wait", &curl, move, false);
	expect("errno ECONNRESET", &curl, move, false);
	expect("errno != ECONNRESET", &curl, move, true);
	expect("event drop or to closed", &curl, move, false);
	expect("event connection errno ECONNRESET from last-ack", &curl, closed, true);
	expect("errno EPIPE", &curl, closed, false);
	expect("from estab", &curl, filter_event(EV_ERROR, 32), false);
	expect("errno EPIPE", &curl, filter_event(EV_ERROR, 32), true);
	/* A cookie, maybe. */
	expect("event drop", &curl, filter_event(EV_DROP, 0), true);
	expect("event syncookie", &curl, filter_event(EV_DROP, 0), true);
	expect("event accept", &curl, filter_event(EV_DROP, 0), false);
	expect("role client", &curl, 0, true);
	expect("role server,listener", &curl, 0, false);
	expect("dev 2", &curl, 0, false);
	expect("not dev 2", &curl, 0, true);
	/* Nothing is known of those that may be told as others, or that others need. */
	end.from = EVS_FIN_WAIT2;
	expect("to closed", &curl, filter_move(EV_STATE, &end), true);
	expect("to time-wait", &curl, filter_move(EV_CONNECTION, &end), true);
	e.from = EVS_SYN_SENT;
	expect("to listen", &curl, filter_move(EV_STATE, &e), true);
	e.from = EVS_ESTABLISHED;
	e.stored = EVS_SYN_SENT;
	expect("to listen", &curl, filter_move(EV_STATE, &e), true);
}

/* From FILTER_TRIE_FROM prefixes on; as few as the filter may write. */
static void test_sets(void **state)
{
	char text[FILTER_TEXT_MAX + 1] = "dst 10.9.0.20";
	struct ev_sock v6 = curl;
	int n = 1;

	(void)state;
	push("dst 10.9.0.20,11.0.0.0/8,12.0.0.0/8");
	assert_int_equal(kernel.atoms_len, 3);
	assert_int_equal(prefixes.len, 0);
	for (; strlen(text) < FILTER_TEXT_MAX - 16; n++)
		sprintf(text + strlen(text), ",%d.%d.0.0/16", 11 + n / 250, n % 250);
	push(text);
	assert_int_equal(kernel.atoms_len, 1);
	assert_int_equal(prefixes.len, n);
	assert_true(filter_wants(&kernel, &curl, 0));
	v6.family = 6;
	assert_false(filter_wants(&kernel, &v6, 0));
	expect("host 1.0.0.1,2.0.0.1,3.0.0.1,10.0.0.1", &curl, 0, true);
	assert_int_equal(kernel.atoms_len, 2);
	assert_int_equal(prefixes.len, 8);
	expect("not (dst 10.0.0.0/8 or dst 11.0.0.0/8) and dst != 12.0.0.0/8 and not dst fd00::/8", &curl, 0, false);
	assert_int_equal(kernel.atoms_len, 1);
	expect("dst 10.0.0.0/9,10.128.0.0/10,fd00::/8,::1 and not dst 10.9.0.0/16,1.0.0.0/8,2.0.0.0/8,3.0.0.0/8", &curl, 0, false);
	assert_int_equal(kernel.atoms_len, 2);
	expect("dst != 10.0.0.0/9,fd00::/8 or sport 1", &curl, 0, false);
	assert_int_equal(kernel.atoms_len, 2);
	expect("not dst 10.0.0.0/9 and not dst fd00::/8", &curl, 0, false);
	assert_int_equal(prefixes.len, 0);
	expect("dst 10.0.0.0/9,10.128.0.0/10,fd00::/8,::1 or sport 1", &v6, 0, false);
	memset(v6.raddr, 0, sizeof(v6.raddr));
	expect("dst 10.0.0.0/9,10.128.0.0/10,fd00::/8,::1 or sport 1", &v6, 0, true);
	expect("dst 1.0.0.0/8,2.0.0.0/8,3.0.0.0/8,4.0.0.0/8", &v6, 0, false);
}

static void test_cgroups(void **state)
{
	struct cgroup_info nginx = { .path = "/system.slice/nginx.service", .unit = "nginx.service" };
	struct ev_sock s = curl;

	(void)state;
	s.cgroup = 77;
	memset(cgroups, 0, sizeof(cgroups));
	push("unit redis or cgroup /user.slice");
	assert_true(kernel.asks_cgroup);
	assert_true(filter_wants(&kernel, &s, 0));	/* not known yet */
	cgroups[0] = (struct filter_cgroup){ 77, filter_push_cgroup(&f, &kernel, &nginx) };
	assert_false(filter_wants(&kernel, &s, 0));
	push("not unit redis and cgroup /system.slice and unit ng*");
	cgroups[0].answers = filter_push_cgroup(&f, &kernel, &nginx);
	assert_true(filter_wants(&kernel, &s, 0));
	s.cgroup = 78;
	assert_true(filter_wants(&kernel, &s, 0));
	nginx.path = NULL;
	assert_int_equal(filter_push_cgroup(&f, &kernel, &nginx), 0);
	memset(cgroups, 0, sizeof(cgroups));
}

static void test_followed(void **state)
{
	struct ev_sock s = curl;

	(void)state;
	kernel = (struct kernel_filter){ .follow = 1 };
	assert_false(filter_wants(&kernel, &s, 0));
	s.owner.followed = 1;
	assert_true(filter_wants(&kernel, &s, 0));
	s.owner.source = EVO_NONE;
	assert_false(filter_wants(&kernel, &s, 0));
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
	assert_false(filter_wants(&kernel, &s, 0));
	s.lport = 1;
	assert_true(filter_wants(&kernel, &s, 0));
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
					      "unit x", "cgroup /", "cgroup /a", "unit != a.service", "errno != 2", "errno ENOENT,EPERM",
					      "role != client", "state close-wait,closed", "exclude estab", "from fin-wait-1,close-wait",
					      "to time-wait", "to != fin-wait-2", "event accept,connection", "event != state", "dev != 1",
					      "dst 10.0.0.0/31,10.0.0.2,127.0.0.0/8,::1,fe80::/10", "src != 10.0.0.1,::1,127.0.0.1,1.0.0.0/8",
					      "host 10.0.0.1,10.0.0.2,127.0.0.1,fe80::/10" };

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
		.ifindex = pick(3), .cgroup = pick(4), .owner = { .pid = 1 + pick(3), .source = (__u8)pick(EVO_MAX),
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

static const struct cgroup_info infos[2] = {
	{ .path = "/a", .unit = "a.service" }, { .path = "/system.slice/x", .unit = "x.service" },
};

union random_event {
	struct ev_state state;
	struct ev_error error;
	struct ev_limit limit;
	struct ev_request request;
	struct ev_connection connection;
	struct ev_drop drop;
	uint8_t bytes[512];
};

/* As the kernel side makes them. */
static void random_move(union random_event *event)
{
	uint8_t from = (uint8_t)(1 + pick(EVS_CLOSING)), to = pick(3) ? (uint8_t)(1 + pick(EVS_CLOSING)) : EVS_CLOSE;

	switch (event->state.head.kind) {
	case EV_STATE:
	case EV_CONNECTION:
		event->state.from = from;
		event->state.to = event->state.sock.state = to;
		event->state.stored = pick(2) ? from : (uint8_t)pick(EVS_MAX);
		event->state.err = (uint16_t)pick(4);
		event->connection.mini = event->state.head.kind == EV_CONNECTION ? 0 : event->connection.mini;
		break;
	case EV_REQUEST:
		event->request.from = pick(2) ? EVS_LISTEN : EVS_SYN_RECV;
		event->request.to = event->request.from == EVS_LISTEN ? EVS_SYN_RECV : EVS_CLOSE;
		break;
	case EV_LIMIT:
		event->limit.err = pick(3);
		break;
	}
}

/* As bpf/ *.bpf.c hand it on. */
static __u64 known_of(const union random_event *event)
{
	uint8_t kind = event->state.head.kind;

	switch (kind) {
	case EV_STATE:
	case EV_CONNECTION:
		return filter_move(kind, &event->state);
	case EV_REQUEST:
		return filter_told(kind, event->request.from, event->request.to, 0);
	case EV_TIMEWAIT:
		return 0;
	case EV_ERROR:
		return filter_event(kind, event->error.err);
	case EV_LIMIT:
		return filter_event(kind, event->limit.err & 0xff);
	default:
		return filter_event(kind, 0);
	}
}

/* What user space has learnt of them. */
static void learn_cgroups(void)
{
	for (uint64_t id = 1; id < 3; id++)
		cgroups[id - 1] = (struct filter_cgroup){ id, filter_push_cgroup(&f, &kernel, &infos[id - 1]) };
}

/* As decode.c makes it of an event of some kind. */
static bool random_record(struct ev_sock *s, struct record *r, __u64 *known)
{
	static const struct decode_env env = { no_clock, no_reason, NULL };
	static const uint8_t kinds[] = { EV_STATE, EV_RETRANSMIT, EV_RESET, EV_ERROR, EV_TIMEWAIT, EV_DROP,
					 EV_ACCEPT, EV_CONNECTION, EV_LIMIT, EV_REQUEST, EV_LISTENER };
	union random_event event;

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
	random_move(&event);
	*known = known_of(&event);
	if (!decode(&event.state.head, &env, r))
		return false;
	if (s->cgroup && s->cgroup < 3) {
		r->has |= HAS_CGROUP;
		r->cgroup = &infos[s->cgroup - 1];
	}
	return true;
}

static void test_never_refuses_what_is_wanted(void **state)
{
	unsigned int refused = 0, taken = 0;
	struct ev_sock s;
	struct record r;
	char text[8192];
	__u64 known;

	(void)state;
	for (int i = 0; i < 4000; i++) {
		random_filter(text, 4);
		if (strlen(text) > FILTER_TEXT_MAX)
			continue;
		push(text);
		learn_cgroups();
		for (int n = 0; n < 100; n++) {
			struct filter_subject subject = { .record = &r };
			bool wants;

			if (!random_record(&s, &r, &known))
				continue;
			wants = filter_wants(&kernel, &s, known);
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
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_sets),
		cmocka_unit_test(test_cgroups),
		cmocka_unit_test(test_followed),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_never_refuses_what_is_wanted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
