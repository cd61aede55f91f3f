// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "decode.h"
#include "rec_codec.h"
#include "rec_run.h"

static void same_again(const struct record *r, uint32_t reason)
{
	struct rec_sum sum;
	struct record back;

	assert_true(rec_sum_of(r, reason, 77, &sum));
	assert_int_equal(sum.head.size, sizeof(sum));
	assert_int_equal(sum.sock.cgroup, 77);
	rec_sum_record(&sum, &back);
	if (!(r->has & HAS_UID))
		back.uid = r->uid;	/* void */
	assert_memory_equal(&back, r, sizeof(back));
}

/* As rollup.c makes them. */
static void sums_of_buckets(void **state)
{
	struct ev_sock s = { .cookie = 9, .netns = 4026531840, .uid = 33, .family = 4, .lport = 80,
			     .role = EVR_LISTENER, .state = EVS_LISTEN, .flags = EVSK_MIXED,
			     .owner = { .pid = 7, .source = EVO_LISTEN, .comm = "nginx" } };
	struct record drop = { 0 }, reset = { 0 }, error = { 0 }, retransmit = { 0 };
	struct record requests = { .count = 70000 };

	(void)state;
	decode_sock(&s, &drop);
	drop.kind = REC_DROP;
	drop.method = EVM_TP_BTF;
	drop.wall_ns = 5;
	drop.count = 1284;
	drop.window_ns = 1000000000;
	drop.has |= HAS_WINDOW | HAS_PEERS;
	drop.drop = (struct record_drop){ .stage = EVG_SYN, .reason = EVD_ACCEPT_QUEUE,
					  .connections = 611, .peers = 402, .peers_lower = true };
	same_again(&drop, 0);
	drop.has |= HAS_ACCEPTS;
	drop.drop.accepts = 12;
	drop.drop.accepts_ns = 1000000001;
	same_again(&drop, 0);
	drop.has |= HAS_SYNS;
	drop.drop.syns = 13;
	same_again(&drop, 0);
	drop.kind = REC_SYNCOOKIE;
	drop.drop.reason = EVD_COOKIE;
	same_again(&drop, 0);
	reset = (struct record){ .kind = REC_RESET, .count = 3, .sent = true, .has = HAS_WINDOW };
	same_again(&reset, 11);
	error = (struct record){ .kind = REC_ERROR, .count = 3, .err = ECONNRESET, .pid = 7,
				 .has = HAS_WINDOW | HAS_ERRNO | HAS_OWNER, .comm = "java",
				 .owner_source = EVO_ACCEPT };
	same_again(&error, 0);
	error = (struct record){ .kind = REC_LIMIT, .count = 3, .err = EMFILE, .pid = 7,
				 .has = HAS_WINDOW | HAS_ERRNO | HAS_OWNER, .comm = "nginx",
				 .owner_source = EVO_CALL };
	decode_limit(EVL_ACCEPT4, ev_limit_reason(EVL_OPEN_FILES, EMFILE), &error);
	same_again(&error, 0);
	retransmit = (struct record){ .kind = REC_RETRANSMIT, .count = 3, .rexmit = EVX_RTO,
				      .has = HAS_WINDOW };
	same_again(&retransmit, 0);
	decode_sock(&s, &requests);
	requests.has |= HAS_WINDOW;
	decode_requests(EVS_SYN_RECV, EVQ_UNKNOWN, &requests);
	same_again(&requests, 0);
	decode_requests(EVS_CLOSE, EVQ_LISTENER_CLOSED, &requests);
	same_again(&requests, 0);
}

/* As droppoll.c makes them. */
static void polled_drops(void **state)
{
	struct record r = { .kind = REC_DROP, .method = EVM_POLL, .count = 17, .window_ns = 9,
			    .role = EVR_LISTENER, .netns = 42,
			    .has = HAS_NETNS | HAS_WINDOW | HAS_NOT_SEEN,
			    .drop = { .reason = EVD_UNKNOWN } };

	(void)state;
	same_again(&r, 0);
	r.has |= HAS_QUEUES | HAS_AT_MOST;
	r.drop.at_most = 21;
	r.drop.queues = (struct ev_queues){ .accept_queue = 5, .backlog = 4, .somaxconn = 4096 };
	same_again(&r, 0);
}

static void hostile_sums_stay_in_bounds(void **state)
{
	struct rec_sum sum;
	struct record r;

	(void)state;
	memset(&sum, 0xff, sizeof(sum));
	for (int kind = 0; kind < 256; kind++) {
		sum.kind = kind;
		rec_sum_record(&sum, &r);
		assert_true(r.method < EVM_MAX && r.role < EVR_MAX);
		if (r.kind == REC_DROP)
			assert_true(r.drop.reason < EVD_MAX && r.drop.stage < EVG_MAX);
		else
			assert_false(r.has & (HAS_QUEUES | HAS_PEERS | HAS_AT_MOST));
	}
}

/* Nothing becomes what it is not. */
static void other_kinds_are_no_sums(void **state)
{
	struct record r = { .count = 1 };
	struct rec_sum sum;
	int sums = 0;

	(void)state;
	for (r.kind = 0; r.kind < REC_KINDS; r.kind++)
		sums += rec_sum_of(&r, 0, 0, &sum);
	assert_int_equal(sums, 7);
}

static void totals_of_other_versions(void **state)
{
	struct stream_totals t, back;
	uint64_t numbers[REC_TOTALS_MEMBERS + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(uint64_t); i++)
		((uint64_t *)&t)[i] = 100 + i;
	t.lost_recording = 0;
	rec_totals_numbers(&t, numbers);
	rec_totals_of(numbers, REC_TOTALS_MEMBERS, &back);
	assert_memory_equal(&back, &t, sizeof(t));
	/* The order is the format's. */
	assert_int_equal(numbers[0], t.printed);
	assert_int_equal(numbers[13], t.filtered);
	rec_totals_of(numbers, 3, &back);
	assert_int_equal(back.lost, t.lost);
	assert_int_equal(back.lost_ring, 0);
	rec_totals_of(numbers, REC_TOTALS_MEMBERS + 1, &back);
	assert_int_equal(back.filtered, t.filtered);
}

static void names_of_a_run(void **state)
{
	struct rec_run *r = rec_run_open(0x5f2c91aa);
	char fact[32];

	(void)state;
	rec_run_name(r, REC_TABLE_INFO, REC_INFO_HOST, "web\n\xff.1", 7);
	assert_string_equal(rec_run_host(r), "web??.1");
	assert_null(rec_run_info(r)->kernel);
	assert_string_equal(rec_run_info(r)->recorded_id, "5f2c91aa");
	rec_run_name(r, REC_TABLE_RESET, 11, "ABORT", 5);
	rec_run_name(r, REC_TABLE_RESET, UINT64_MAX, "X", 1);
	assert_string_equal(rec_run_reason(r, 11), "ABORT");
	assert_null(rec_run_reason(r, 12));
	assert_null(rec_run_reason(r, UINT32_MAX));
	/* Each part repeats them; more than there is room for are left out. */
	for (int i = 0; i < 100; i++) {
		snprintf(fact, sizeof(fact), "fact %d=tp_btf", i % 50);
		rec_run_name(r, REC_TABLE_HOOK, i, fact, strlen(fact));
	}
	rec_run_name(r, REC_TABLE_HOOK, 1, "=", 1);
	rec_run_name(r, REC_TABLE_HOOK, 1, "", 0);
	rec_run_name(r, 99, 1, "x", 1);
	rec_run_name(r, REC_TABLE_INFO, REC_INFO_MAX, "x", 1);
	assert_int_equal(rec_run_info(r)->hooks_len, 48);
	assert_string_equal(rec_run_info(r)->hooks[1].fact, "fact 1");
	assert_string_equal(rec_run_info(r)->hooks[1].method, "tp_btf");
	rec_run_close(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums_of_buckets),
		cmocka_unit_test(polled_drops),
		cmocka_unit_test(hostile_sums_stay_in_bounds),
		cmocka_unit_test(other_kinds_are_no_sums),
		cmocka_unit_test(totals_of_other_versions),
		cmocka_unit_test(names_of_a_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
