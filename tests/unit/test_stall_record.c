// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "stall_record.h"

static struct stall_row group(void)
{
	return (struct stall_row){
		.oldest = { .sock = { .netns = 7, .family = 4, .lport = 40000, .rport = 8443, .cookie = 9,
				      .uid = 33, .state = EVS_CLOSE_WAIT,
				      .owner = { .pid = 2201, .source = EVO_ACCEPT, .comm = "java" } },
			    .retrans_ms = STALLED_UNKNOWN, .unread = 17 },
		.verdict = { STALL_CLOSE_WAIT, 60000, true }, .count = 12, .waiting = 3,
		.growth_per_min = -4, .has_growth = true, .files = 5, .files_max = 6, .server = true,
		.many_local = true,
	};
}

static void test_a_group(void **state)
{
	struct stall_row row = group();
	struct record r;

	(void)state;
	stall_record(&row, STALL_START, &r);
	assert_int_equal(r.kind, REC_STALL);
	assert_int_equal(r.count, 12);
	assert_true(r.duration_ns == 60000000000 && r.duration_lower);
	assert_int_equal(r.has, HAS_STATE | HAS_DURATION | HAS_LADDR | HAS_RADDR | HAS_RPORT | HAS_NETNS |
			 HAS_UID | HAS_OWNER);
	row.count = 1;
	row.many_local = false;
	row.many_peers = true;
	row.oldest.sock.uid = -1;
	row.oldest.sock.owner.source = 0;
	stall_record(&row, STALL_START, &r);
	assert_int_equal(r.has, HAS_STATE | HAS_DURATION | HAS_LADDR | HAS_LPORT | HAS_NETNS | HAS_COOKIE);
}

static void test_recorded_it_is_the_same(void **state)
{
	struct stall_row row = group(), back_row;
	struct record r, back;
	struct rec_stall s;

	(void)state;
	for (int verdict = 0; verdict < STALLS; verdict++) {
		row.verdict.stall = verdict;
		stall_record(&row, STALL_END, &r);
		r.wall_ns = 42;
		stall_record_to(&r, &s);
		stall_record_from(&s, &back_row, &back);
		assert_memory_equal(&back_row.oldest, &row.oldest, sizeof(row.oldest));
		assert_int_equal(back_row.verdict.stall, verdict);
		assert_true(back_row.verdict.lower && back_row.has_growth && back_row.server &&
			    back_row.many_local && !back_row.many_peers);
		assert_int_equal(back_row.count, 12);
		assert_int_equal(back_row.waiting, 3);
		assert_int_equal(back_row.growth_per_min, -4);
		assert_int_equal(back_row.files, 5);
		assert_int_equal(back_row.files_max, 6);
		assert_ptr_equal(back.stall, &back_row);
		back.stall = r.stall;
		assert_memory_equal(&back, &r, sizeof(r));
	}
}

static void test_recorded_with_its_path(void **state)
{
	static const struct stall_path paths[] = {
		{ .known = false },
		{ .known = true, .interface = "eth0", .family = 4, .next_hop = { 10, 0, 0, 1 },
		  .gateway = true, .neighbour = 2 },
		{ .known = true, .no_route = true, .family = 6 },
	};
	struct stall_row row = group(), back_row;
	struct record r, back;
	struct rec_stall s;
	char said[160], again[160];

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		row.path = paths[i];
		stall_record(&row, STALL_START, &r);
		stall_record_to(&r, &s);
		stall_record_from(&s, &back_row, &back);
		assert_int_equal(back_row.path.known, paths[i].known);
		assert_int_equal(back_row.path.no_route, paths[i].no_route);
		assert_string_equal(stall_path_text(&back_row.path, again, sizeof(again)),
				    stall_path_text(&row.path, said, sizeof(said)));
	}
	/* One that was written before there was a path in it. */
	memset((char *)&s + offsetof(struct rec_stall, path), 0, sizeof(s.path));
	s.flags &= ~RECT_PATH;
	stall_record_from(&s, &back_row, &back);
	assert_false(back_row.path.known);
}

static void test_recorded_with_its_drop(void **state)
{
	struct stall_row row = group(), back_row;
	struct record r, back;
	struct rec_stall s;

	(void)state;
	row.oldest.seq = 4242;
	row.drop = (struct stall_drop){ 1500, DROPPED_IN, "IP_RPFILTER" };
	strcpy(row.because, "accept-waiting of nginx[7]");
	stall_record(&row, STALL_START, &r);
	stall_record_to(&r, &s);
	stall_record_from(&s, &back_row, &back);
	assert_memory_equal(&back_row.drop, &row.drop, sizeof(row.drop));
	assert_int_equal(back_row.oldest.seq, 4242);
	assert_string_equal(back_row.because, row.because);
	s.drop.where = DROPPED_WHERES;
	stall_record_from(&s, &back_row, &back);
	assert_int_equal(back_row.drop.where, DROPPED_NOT);
}

static void test_hostile_bytes(void **state)
{
	struct stall_row row;
	struct rec_stall s;
	struct record r;

	(void)state;
	memset(&s, 0xff, sizeof(s));
	stall_record_from(&s, &row, &r);
	assert_int_equal(row.verdict.stall, STALL_NONE);
	assert_int_equal(row.path.interface[sizeof(row.path.interface) - 1], 0);
	assert_int_equal(row.drop.reason[sizeof(row.drop.reason) - 1], 0);
	assert_int_equal(row.because[sizeof(row.because) - 1], 0);
	assert_true(row.path.family == 4 || row.path.family == 6);
	assert_true(r.stall_phase < STALL_PHASES && r.to < EVS_MAX && r.owner_source < EVO_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_group),
		cmocka_unit_test(test_recorded_it_is_the_same),
		cmocka_unit_test(test_recorded_with_its_path),
		cmocka_unit_test(test_recorded_with_its_drop),
		cmocka_unit_test(test_hostile_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
