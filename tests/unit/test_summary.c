// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* test_summary.c - every connection in one sum, and not more sums than there may be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "summary.h"

struct told {
	struct record records[SUMMARY_KEYS + RECORD_OUTCOMES + 1];
	struct record_summary sums[SUMMARY_KEYS + RECORD_OUTCOMES + 1];
	uint64_t cgroups[SUMMARY_KEYS + RECORD_OUTCOMES + 1];
	size_t len;
	uint64_t count;
};

static void keep(void *ctx, struct record *r, uint64_t cgroup)
{
	struct told *t = ctx;

	assert_true(t->len < sizeof(t->records) / sizeof(t->records[0]));
	assert_int_equal(r->kind, REC_SUMMARY);
	assert_int_equal(r->window_ns, 10);
	t->sums[t->len] = *r->summary;
	t->cgroups[t->len] = cgroup;
	t->records[t->len++] = *r;
	t->count += r->count;
}

static struct told told;

static struct told *tell(struct summary *s)
{
	memset(&told, 0, sizeof(told));
	summary_tell(s, 10, keep, &told);
	return &told;
}

static struct record client(uint32_t to, const char *comm)
{
	struct record r = { .kind = REC_CONNECTION, .count = 1, .role = EVR_CLIENT, .family = 4,
			    .has = HAS_LADDR | HAS_RADDR | HAS_LPORT | HAS_RPORT | HAS_OWNER | HAS_NETNS | HAS_DURATION,
			    .netns = 4026531840, .lport = 40000, .rport = 443, .pid = 7,
			    .from = EVS_FIN_WAIT2, .cause = CAUSE_FIN_RECEIVED, .duration_ns = 5000000 };

	memcpy(r.raddr, &to, sizeof(to));
	memcpy(r.comm, comm, strlen(comm));
	r.life.in_ns[ev_life_place(EVS_SYN_SENT)] = 100000;
	r.life.bytes_sent = 10;
	r.life.bytes_received = 1000;
	return r;
}

static struct record server(uint16_t port)
{
	struct record r = client(1, "nginx");

	r.role = EVR_SERVER;
	r.lport = port;
	r.rport = 50000 + port % 1000;		/* the peer's: in no key */
	r.has |= HAS_ACCEPT_WAIT;
	r.life.accept_wait_ns = 2000000;
	r.cause = CAUSE_FIN_ACKED;
	return r;
}

static void test_by_owner_service_outcome(void **state)
{
	struct summary *s = summary_open();
	struct record r = client(1, "curl");
	struct told *t;

	(void)state;
	for (int i = 0; i < 3; i++) {
		r.lport++;			/* another connection of the same kind */
		r.pid++;
		summary_take(s, &r, 77);
	}
	r.cause = CAUSE_TIMEOUT;
	r.from = EVS_SYN_SENT;
	summary_take(s, &r, 77);
	r = client(1, "curl");
	summary_take(s, &r, 78);		/* another cgroup */
	r = server(80);
	summary_take(s, &r, 0);
	r.kind = REC_STATE;
	summary_take(s, &r, 0);
	t = tell(s);
	assert_int_equal(t->len, 4);
	assert_int_equal(t->records[0].count, 3);
	assert_int_equal(t->cgroups[0], 77);
	assert_int_equal(t->sums[0].outcome, OUTCOME_SUCCESS);
	assert_int_equal(t->sums[0].handshake.count, 3);
	assert_in_range(t->sums[0].handshake.p50_ns, 100000, 106250);
	assert_int_equal(t->sums[0].bytes_sent, 30);
	assert_int_equal(t->sums[0].bytes_received, 3000);
	assert_int_equal(t->records[0].has, HAS_WINDOW | HAS_NETNS | HAS_OWNER | HAS_RADDR | HAS_RPORT);
	assert_int_equal(t->records[0].rport, 443);
	for (size_t i = 1; i < 4; i++) {
		bool failed = t->sums[i].outcome == OUTCOME_FAILURE;

		assert_int_equal(t->records[i].count, 1);
		if (t->records[i].role == EVR_SERVER) {
			assert_int_equal(t->records[i].lport, 80);
			assert_int_equal(t->records[i].has & (HAS_RADDR | HAS_RPORT), 0);
			assert_int_equal(t->sums[i].accept_wait.count, 1);
			assert_int_equal(t->sums[i].accept_wait.max_ns, 2000000);
			assert_int_equal(t->sums[i].handshake.count, 0);
		} else {
			assert_int_equal(t->cgroups[i], failed ? 77 : 78);
			assert_int_equal(t->sums[i].handshake.count, !failed);
		}
	}
	assert_int_equal(tell(s)->len, 0);	/* a window of its own */
	summary_close(s);
}

/* A crawler takes its share and no more; nothing is left out of the sums. */
static void test_bounded(void **state)
{
	struct summary *s = summary_open();
	struct told *t;
	struct record r;
	size_t servers = 0, rests = 0;

	(void)state;
	for (uint32_t i = 0; i < 100000; i++) {
		r = client(i, "crawler");
		summary_take(s, &r, 0);
	}
	for (uint16_t i = 0; i < 200; i++) {
		r = server(1000 + i);
		if (i % 2)
			r.cause = CAUSE_RST_RECEIVED;
		summary_take(s, &r, 0);
	}
	t = tell(s);
	assert_int_equal(t->count, 100200);
	for (size_t i = 0; i < t->len; i++) {
		servers += t->records[i].role == EVR_SERVER;
		rests += t->sums[i].rest;
	}
	assert_int_equal(servers, SUMMARY_KEYS - SUMMARY_CLIENTS);
	assert_int_equal(rests, 2);
	assert_true(t->sums[t->len - 1].rest && t->sums[t->len - 1].outcome == OUTCOME_FAILURE);
	assert_int_equal(t->records[t->len - 1].has, HAS_WINDOW);
	assert_int_equal(t->sums[t->len - 2].handshake.count, 100000 - SUMMARY_CLIENTS);
	summary_close(s);
}

/* What began before the start counts, without the times that nobody knows. */
static void test_lower_bounds_are_no_times(void **state)
{
	struct summary *s = summary_open();
	struct record r = client(1, "curl");
	struct told *t;

	(void)state;
	r.duration_lower = true;
	summary_take(s, &r, 0);
	t = tell(s);
	assert_int_equal(t->records[0].count, 1);
	assert_int_equal(t->sums[0].age.count, 0);
	assert_int_equal(t->sums[0].handshake.count, 0);
	summary_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_owner_service_outcome),
		cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_lower_bounds_are_no_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
