// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* test_accept_rates.c - a figure is of a time in which it was counted without a break. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "accept_rates.h"
#include "recording.h"

#define SECOND 1000000000ULL

/* What the kernel side would say. */
struct said {
	bool known;
	struct accept_counts counts;
	struct listener_key at;
	uint64_t until_ns;
	int asked;
};

static bool say(void *ctx, const struct listener_key *at, uint64_t until_ns,
		struct accept_counts *counts)
{
	struct said *s = ctx;

	s->asked++;
	s->until_ns = until_ns;
	s->at = *at;
	*counts = s->counts;
	return s->known;
}

static struct record refused(uint16_t port)
{
	return (struct record){ .kind = REC_DROP, .has = HAS_LPORT | HAS_LADDR, .netns = 3,
				.family = 4, .laddr = { 10, 0, 0, 1 }, .lport = port, .count = 1 };
}

static struct record drop_at(struct accept_rates *a, uint16_t port, uint64_t ms)
{
	struct record r = refused(port);

	accept_rates_complete(a, &r, 1000 * SECOND + ms * 1000000);
	return r;
}

static void test_of_the_last_second_or_more(void **state)
{
	struct said s = { .known = true, .counts = { .accepts = 500 } };
	struct accept_rates *a = accept_rates_open(say, &s);
	struct record r;

	(void)state;
	r = drop_at(a, 80, 0);
	assert_false(r.has & HAS_ACCEPTS);	/* since when? */
	assert_int_equal(s.at.netns, 3);
	assert_int_equal(s.until_ns, 1010 * SECOND);
	assert_int_equal(s.at.port, 80);
	assert_memory_equal(s.at.addr, r.laddr, 16);
	s.counts.accepts = 507;
	assert_false(drop_at(a, 80, 999).has & HAS_ACCEPTS);
	r = drop_at(a, 80, 1100);
	assert_true(r.has & HAS_ACCEPTS);
	assert_int_equal(r.drop.accepts, 7);
	assert_int_equal(r.drop.accepts_ns, 1100000000);
	/* The same until the next is whole; in a flood not asked for each. */
	s.counts.accepts = 600;
	s.asked = 0;
	for (uint64_t ms = 1101; ms < 1600; ms++)
		assert_int_equal(drop_at(a, 80, ms).drop.accepts, 7);
	assert_in_range(s.asked, 1, 5);
	r = drop_at(a, 80, 4100);
	assert_int_equal(r.drop.accepts, 93);
	assert_false(r.has & HAS_SYNS);
	assert_int_equal(r.drop.accepts_ns, 3000000000);
	assert_int_equal(drop_at(a, 80, 6000).drop.accepts, 0);
	accept_rates_close(a);
}

/* Nobody counted in between. */
static void test_syns_where_they_are_seen(void **state)
{
	struct said s = { .known = true, .counts = { .accepts = 5, .syns = 70, .has_syns = true } };
	struct accept_rates *a = accept_rates_open(say, &s);
	struct record r;

	(void)state;
	drop_at(a, 80, 0);
	s.counts.syns = 170;
	r = drop_at(a, 80, 1000);
	assert_true(r.has & HAS_SYNS);
	assert_int_equal(r.drop.syns, 100);
	s.counts.syns = 3;		/* another listener at that address */
	assert_false(drop_at(a, 80, 2000).has & (HAS_SYNS | HAS_ACCEPTS));
	accept_rates_close(a);
}

static void test_not_over_a_break(void **state)
{
	struct said s = { .known = true, .counts = { .accepts = 500 } };
	struct accept_rates *a = accept_rates_open(say, &s);

	(void)state;
	drop_at(a, 80, 0);
	assert_true(drop_at(a, 80, 2000).has & HAS_ACCEPTS);
	s.counts.accepts = 501;
	assert_false(drop_at(a, 80, 12000).has & HAS_ACCEPTS);
	assert_true(drop_at(a, 80, 13000).has & HAS_ACCEPTS);
	s.counts.accepts = 0;		/* another listener at that address */
	assert_false(drop_at(a, 80, 15000).has & HAS_ACCEPTS);
	s.known = false;
	assert_false(drop_at(a, 80, 17000).has & HAS_ACCEPTS);
	accept_rates_close(a);
}

static void test_each_listener_its_own(void **state)
{
	struct said s = { .known = true };
	struct accept_rates *a = accept_rates_open(say, &s);
	struct record r;

	(void)state;
	for (uint16_t port = 1; port <= 64; port++)
		drop_at(a, port, port);
	s.counts.accepts = 5;
	for (uint16_t port = 1; port <= 64; port++)
		assert_true(drop_at(a, port, 2000 + port).has & HAS_ACCEPTS);
	drop_at(a, 65, 3000);	/* in the place of the one that was asked for first */
	assert_true(drop_at(a, 2, 3001).has & HAS_ACCEPTS);
	assert_false(drop_at(a, 1, 3002).has & HAS_ACCEPTS);
	r = refused(80);
	r.has = 0;		/* polled, of several listeners */
	s.asked = 0;
	accept_rates_complete(a, &r, 1000 * SECOND);
	assert_int_equal(s.asked, 0);
	accept_rates_close(a);
}

static void test_of_a_recording(void **state)
{
	struct rec_accepts item = { .accepts = 3, .window_ns = SECOND, .syns = 5, .has_syns = 1 };
	struct accept_rates *a = accept_rates_open(NULL, NULL);
	struct record r = refused(80);

	(void)state;
	accept_rates_recorded(a, &item);
	accept_rates_complete(a, &r, 0);
	assert_true(r.has & HAS_ACCEPTS);
	assert_int_equal(r.drop.accepts, 3);
	assert_true(r.has & HAS_SYNS);
	assert_int_equal(r.drop.syns, 5);
	assert_false(drop_at(a, 80, 0).has & HAS_ACCEPTS);	/* it was of one */
	item.window_ns = 0;
	accept_rates_recorded(a, &item);
	assert_false(drop_at(a, 80, 0).has & HAS_ACCEPTS);
	/* A sum has its own. */
	item.window_ns = SECOND;
	accept_rates_recorded(a, &item);
	r = refused(80);
	r.has |= HAS_WINDOW | HAS_ACCEPTS;
	r.drop.accepts = 8;
	accept_rates_complete(a, &r, 0);
	assert_int_equal(r.drop.accepts, 8);
	accept_rates_close(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_of_the_last_second_or_more),
		cmocka_unit_test(test_syns_where_they_are_seen),
		cmocka_unit_test(test_not_over_a_break),
		cmocka_unit_test(test_each_listener_its_own),
		cmocka_unit_test(test_of_a_recording),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
