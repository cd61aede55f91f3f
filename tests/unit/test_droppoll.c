// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "droppoll.h"

#define NETNS 5

struct told {
	struct record r[9];
	size_t n;
};

static void take(void *ctx, struct record *r, uint64_t cgroup)
{
	struct told *t = ctx;

	assert_int_equal(cgroup, 0);
	assert_true(t->n < 9);
	t->r[t->n++] = *r;
}

/* One look: up to three listeners (cookies 1 to 3) by their sk_drops, -1: not there. */
static struct told look_born(struct droppoll *d, int a, int b, int c, struct netns_count count,
			     const struct netns_count *born)
{
	int drops[] = { a, b, c };
	struct told t = { .n = 0 };

	droppoll_look(d);
	for (unsigned int i = 0; i < 3; i++) {
		struct listening l = { .sock = { .cookie = i + 1, .netns = NETNS, .family = 4,
						 .lport = 80 + i, .role = EVR_LISTENER } };

		l.drops = drops[i];
		if (drops[i] >= 0)
			assert_true(droppoll_listener(d, &l));
	}
	assert_true(droppoll_netns(d, NETNS, &count, born));
	droppoll_looked(d, 1000, take, &t);
	return t;
}

static struct told look(struct droppoll *d, int a, int b, int c, struct netns_count count)
{
	return look_born(d, a, b, c, count, NULL);
}

/* One after the last listener was closed. */
static struct told look_ended(struct droppoll *d, struct netns_count count,
			      const struct netns_count *born)
{
	struct told t = { .n = 0 };

	droppoll_look(d);
	assert_true(droppoll_ended(d, NETNS, &count, born));
	droppoll_looked(d, 1000, take, &t);
	return t;
}

static struct told look_at_nothing(struct droppoll *d)
{
	struct told t = { .n = 0 };

	droppoll_look(d);
	droppoll_looked(d, 1000, take, &t);
	return t;
}

#define COUNT(drops, overflows, queue) ((struct netns_count){ .listen_drops = drops, \
	.listen_overflows = overflows, .reqq_full_drop = queue })

static void is(const struct record *r, uint64_t cookie, uint64_t count, enum ev_drop_reason reason,
	       uint64_t at_most)
{
	assert_int_equal(r->kind, REC_DROP);
	assert_int_equal(r->method, EVM_POLL);
	assert_int_equal(r->netns, NETNS);
	assert_int_equal(r->cookie, cookie);
	assert_int_equal(r->count, count);
	assert_int_equal(r->window_ns, 1000);
	assert_int_equal(r->drop.reason, reason);
	assert_int_equal(!!(r->has & HAS_AT_MOST), !!at_most);
	if (at_most)
		assert_int_equal(r->drop.at_most, at_most);
}

static void test_one_listener(void **state)
{
	struct droppoll *d = droppoll_open(false);
	struct told t;

	(void)state;
	assert_int_equal(look(d, 9, -1, -1, COUNT(9, 9, 0)).n, 0);	/* before us */
	assert_int_equal(look(d, 9, -1, -1, COUNT(9, 9, 0)).n, 0);
	t = look(d, 20, -1, -1, COUNT(19, 15, 3));	/* one of a scan, too */
	assert_int_equal(t.n, 3);
	is(&t.r[0], 1, 6, EVD_ACCEPT_QUEUE, 0);
	is(&t.r[1], 1, 3, EVD_SYN_QUEUE, 0);
	is(&t.r[2], 1, 1, EVD_UNKNOWN, 0);
	assert_int_equal(look(d, 20, -1, -1, COUNT(19, 15, 3)).n, 0);
	droppoll_close(d);
}

static void test_hooks_told_some(void **state)
{
	struct droppoll *d = droppoll_open(false);
	struct told t;

	(void)state;
	look(d, 0, 0, -1, COUNT(0, 0, 0));
	droppoll_told(d, 1, NETNS, EVD_ACCEPT_QUEUE, 4);
	droppoll_told(d, 99, 98, EVD_ACCEPT_QUEUE, 1);	/* nobody we know */
	t = look(d, 10, 0, -1, COUNT(10, 10, 0));
	assert_int_equal(t.n, 1);
	is(&t.r[0], 1, 6, EVD_ACCEPT_QUEUE, 0);
	/* One that was told after it had been counted is made up for. */
	droppoll_told(d, 1, NETNS, EVD_ACCEPT_QUEUE, 1);
	assert_int_equal(look(d, 10, 0, -1, COUNT(10, 10, 0)).n, 0);
	t = look(d, 13, 0, -1, COUNT(13, 13, 0));
	assert_int_equal(t.n, 1);
	is(&t.r[0], 1, 2, EVD_ACCEPT_QUEUE, 0);
	droppoll_close(d);
}

static void test_several_listeners(void **state)
{
	struct droppoll *d = droppoll_open(false);
	struct told t;

	(void)state;
	look(d, 0, 0, 0, COUNT(0, 0, 0));
	t = look(d, 0, 5, 0, COUNT(5, 5, 0));		/* it can only be the second */
	assert_int_equal(t.n, 1);
	is(&t.r[0], 2, 5, EVD_ACCEPT_QUEUE, 0);
	t = look(d, 3, 9, 0, COUNT(12, 12, 0));		/* all moved by refusals alone */
	assert_int_equal(t.n, 2);
	is(&t.r[0], 1, 3, EVD_ACCEPT_QUEUE, 0);
	is(&t.r[1], 2, 4, EVD_ACCEPT_QUEUE, 0);
	t = look(d, 7, 19, 0, COUNT(20, 20, 0));	/* 8 refused, 4 + 10 moved */
	assert_int_equal(t.n, 3);
	is(&t.r[0], 1, 0, EVD_ACCEPT_QUEUE, 4);
	is(&t.r[1], 2, 4, EVD_ACCEPT_QUEUE, 8);
	is(&t.r[2], 0, 4, EVD_ACCEPT_QUEUE, 0);
	droppoll_close(d);
}

/* Each cause is as often as its counter says, whichever listener it was. */
static void test_several_listeners_and_causes(void **state)
{
	struct droppoll *d = droppoll_open(false);
	struct told t;

	(void)state;
	look(d, 0, 0, 0, COUNT(0, 0, 0));
	t = look(d, 4, 10, 0, COUNT(8, 6, 1));		/* 14 moved */
	assert_int_equal(t.n, 9);
	is(&t.r[0], 1, 0, EVD_ACCEPT_QUEUE, 4);
	is(&t.r[1], 2, 2, EVD_ACCEPT_QUEUE, 6);
	is(&t.r[2], 0, 4, EVD_ACCEPT_QUEUE, 0);
	is(&t.r[3], 1, 0, EVD_SYN_QUEUE, 1);
	is(&t.r[4], 2, 0, EVD_SYN_QUEUE, 1);
	is(&t.r[5], 0, 1, EVD_SYN_QUEUE, 0);
	is(&t.r[6], 1, 0, EVD_UNKNOWN, 1);
	is(&t.r[7], 2, 0, EVD_UNKNOWN, 1);
	is(&t.r[8], 0, 1, EVD_UNKNOWN, 0);
	droppoll_close(d);
	d = droppoll_open(false);
	look(d, 0, 0, 0, COUNT(0, 0, 0));
	t = look(d, 7, 1, 0, COUNT(8, 0, 7));		/* all moved by refusals alone */
	assert_int_equal(t.n, 6);
	is(&t.r[0], 1, 6, EVD_SYN_QUEUE, 7);
	is(&t.r[1], 2, 0, EVD_SYN_QUEUE, 1);
	is(&t.r[2], 0, 1, EVD_SYN_QUEUE, 0);
	is(&t.r[3], 1, 0, EVD_UNKNOWN, 1);
	is(&t.r[4], 2, 0, EVD_UNKNOWN, 1);
	is(&t.r[5], 0, 1, EVD_UNKNOWN, 0);
	t = look(d, 7, 2, 0, COUNT(9, 0, 8));		/* none of it is left over for this one */
	assert_int_equal(t.n, 1);
	is(&t.r[0], 2, 1, EVD_SYN_QUEUE, 0);
	droppoll_close(d);
}

/* Bad segments that a hook knows are in sk_drops and refused by nobody. */
static struct told look_scanned(struct droppoll *d, uint64_t drops, uint64_t others, uint64_t two,
				struct netns_count count)
{
	struct listening l[2] = { { .sock = { .cookie = 1, .netns = NETNS }, .drops = drops, .others = others },
				  { .sock = { .cookie = 2, .netns = NETNS }, .drops = two } };
	struct told t = { .n = 0 };

	droppoll_look(d);
	for (unsigned int i = 0; i < 2; i++)
		assert_true(droppoll_listener(d, &l[i]));
	assert_true(droppoll_netns(d, NETNS, &count, NULL));
	droppoll_looked(d, 1000, take, &t);
	return t;
}

static void test_scanned(void **state)
{
	struct droppoll *d = droppoll_open(false);
	struct told t;

	(void)state;
	look_scanned(d, 50, 40, 0, COUNT(10, 10, 0));
	t = look_scanned(d, 153, 140, 5, COUNT(18, 18, 0));
	assert_int_equal(t.n, 2);
	is(&t.r[0], 1, 3, EVD_ACCEPT_QUEUE, 0);
	is(&t.r[1], 2, 5, EVD_ACCEPT_QUEUE, 0);
	/* One is counted in sk_drops before the look, and told after it. */
	t = look_scanned(d, 154, 140, 5, COUNT(18, 18, 0));
	assert_int_equal(t.n, 0);
	t = look_scanned(d, 155, 141, 5, COUNT(19, 19, 0));	/* and one is refused */
	assert_int_equal(t.n, 1);
	is(&t.r[0], 1, 1, EVD_ACCEPT_QUEUE, 0);
	/* It listens anew: what was known is not. */
	t = look_scanned(d, 158, 2, 5, COUNT(20, 20, 0));
	assert_int_equal(t.n, 1);
	is(&t.r[0], 1, 1, EVD_ACCEPT_QUEUE, 0);
	droppoll_close(d);
}

static void test_who_is_gone_may_have_been_it(void **state)
{
	struct droppoll *d = droppoll_open(false);
	struct told t;

	(void)state;
	look(d, 0, 0, -1, COUNT(0, 0, 0));
	t = look(d, 2, -1, -1, COUNT(6, 6, 0));
	assert_int_equal(t.n, 2);
	is(&t.r[0], 1, 0, EVD_ACCEPT_QUEUE, 2);
	is(&t.r[1], 0, 6, EVD_ACCEPT_QUEUE, 0);
	/* Came and went between two looks: more than the one that is there moved. */
	t = look(d, 3, -1, -1, COUNT(12, 12, 0));
	is(&t.r[t.n - 1], 0, 6, EVD_ACCEPT_QUEUE, 0);
	droppoll_close(d);
}

static void test_counted_after_the_namespace_was_read(void **state)
{
	struct droppoll *d = droppoll_open(false);
	struct told t;

	(void)state;
	look(d, 0, 0, -1, COUNT(0, 0, 0));
	assert_int_equal(look(d, 1, 0, -1, COUNT(0, 0, 0)).n, 0);
	t = look(d, 1, 1, -1, COUNT(1, 1, 0));	/* the first's, or the second's */
	assert_int_equal(t.n, 3);
	is(&t.r[0], 1, 0, EVD_ACCEPT_QUEUE, 1);
	is(&t.r[1], 2, 0, EVD_ACCEPT_QUEUE, 1);
	is(&t.r[2], 0, 1, EVD_ACCEPT_QUEUE, 0);
	droppoll_close(d);
}

static void test_new_namespace(void **state)
{
	struct netns_count born = COUNT(2, 2, 0);
	struct droppoll *d = droppoll_open(false);
	struct told t;

	(void)state;
	look_at_nothing(d);
	t = look_born(d, 7, -1, -1, COUNT(8, 8, 0), &born); /* in mid-flood: 6 when they were read */
	assert_int_equal(t.n, 1);
	is(&t.r[0], 1, 6, EVD_ACCEPT_QUEUE, 0);
	droppoll_close(d);
	d = droppoll_open(false);
	look_at_nothing(d);
	assert_int_equal(look(d, 7, -1, -1, COUNT(9, 9, 0)).n, 0);	/* begun before us */
	t = look(d, 9, -1, -1, COUNT(11, 11, 0));
	is(&t.r[0], 1, 2, EVD_ACCEPT_QUEUE, 0);
	droppoll_close(d);
}

/* What was refused between the last look and the end of the last listener. */
static void test_ended(void **state)
{
	struct netns_count born = COUNT(0, 0, 0);
	struct droppoll *d = droppoll_open(false);
	struct told t;

	(void)state;
	look(d, 0, -1, -1, COUNT(3, 3, 0));
	look(d, 4, -1, -1, COUNT(7, 7, 0));
	t = look_ended(d, COUNT(12, 12, 0), NULL);
	assert_int_equal(t.n, 1);
	is(&t.r[0], 0, 5, EVD_ACCEPT_QUEUE, 0);
	assert_int_equal(look_at_nothing(d).n, 0);
	/* The number of the namespace comes again; it came and went between two looks. */
	t = look_ended(d, COUNT(6, 6, 0), &born);
	assert_int_equal(t.n, 1);
	is(&t.r[0], 0, 6, EVD_ACCEPT_QUEUE, 0);
	/* Again, and it is there at the next look. */
	t = look_born(d, 2, -1, -1, COUNT(2, 2, 0), &born);
	assert_int_equal(t.n, 1);
	is(&t.r[0], 1, 2, EVD_ACCEPT_QUEUE, 0);
	droppoll_close(d);
}

/* One is closed, another one goes on: the look's own count is later. */
static void test_one_of_two_ended(void **state)
{
	struct netns_count at_the_end = COUNT(5, 5, 0);
	struct droppoll *d = droppoll_open(false);
	struct told t = { .n = 0 };
	struct listening l = { .sock = { .cookie = 2, .netns = NETNS }, .drops = 4 };
	struct netns_count now = COUNT(6, 6, 0);

	(void)state;
	look(d, 0, 0, -1, COUNT(0, 0, 0));
	droppoll_look(d);
	assert_true(droppoll_listener(d, &l));
	assert_true(droppoll_netns(d, NETNS, &now, NULL));
	assert_true(droppoll_ended(d, NETNS, &at_the_end, NULL));
	droppoll_looked(d, 1000, take, &t);
	assert_int_equal(t.r[0].count + t.r[1].count, 6);
	assert_int_equal(look_at_nothing(d).n, 0);
	droppoll_close(d);
}

/* By kprobes: what they saw is not told again, though the counters had it before the
 * record came; what they did not see is told once that is certain. */
static void test_not_seen(void **state)
{
	struct droppoll *d = droppoll_open(true);
	struct told t;

	(void)state;
	assert_int_equal(look(d, 0, -1, -1, COUNT(0, 0, 0)).n, 0);
	droppoll_told(d, 0, NETNS, EVD_ACCEPT_QUEUE, 3);
	droppoll_told(d, 0, NETNS, EVD_SYN_QUEUE, 1);
	assert_int_equal(look(d, 10, -1, -1, COUNT(10, 8, 2)).n, 0);
	droppoll_told(d, 0, NETNS, EVD_ACCEPT_QUEUE, 4);
	t = look(d, 10, -1, -1, COUNT(10, 8, 2));
	assert_int_equal(t.n, 2);
	is(&t.r[0], 1, 1, EVD_ACCEPT_QUEUE, 0);
	is(&t.r[1], 1, 1, EVD_SYN_QUEUE, 0);
	assert_true(t.r[0].has & HAS_NOT_SEEN);
	assert_int_equal(look(d, 10, -1, -1, COUNT(10, 8, 2)).n, 0);
	droppoll_close(d);
}

/* The same in a namespace that is new: its kprobes told before any look. And at its end:
 * what is told is one look late, too. */
static void test_seen_before_the_first_look(void **state)
{
	struct netns_count born = COUNT(0, 0, 0);
	struct droppoll *d = droppoll_open(true);
	struct told t;

	(void)state;
	look_at_nothing(d);
	droppoll_told(d, 0, NETNS, EVD_ACCEPT_QUEUE, 5);
	assert_int_equal(look_born(d, 7, -1, -1, COUNT(7, 7, 0), &born).n, 0);
	t = look_born(d, 7, -1, -1, COUNT(7, 7, 0), &born);
	assert_int_equal(t.n, 1);
	is(&t.r[0], 1, 2, EVD_ACCEPT_QUEUE, 0);
	assert_int_equal(look_ended(d, COUNT(9, 9, 0), &born).n, 0);
	droppoll_told(d, 0, NETNS, EVD_ACCEPT_QUEUE, 1);
	t = look_at_nothing(d);
	assert_int_equal(t.n, 1);
	is(&t.r[0], 0, 1, EVD_ACCEPT_QUEUE, 0);
	assert_int_equal(look_at_nothing(d).n, 0);
	droppoll_close(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_not_seen),
		cmocka_unit_test(test_seen_before_the_first_look),
		cmocka_unit_test(test_one_listener),
		cmocka_unit_test(test_hooks_told_some),
		cmocka_unit_test(test_several_listeners),
		cmocka_unit_test(test_several_listeners_and_causes),
		cmocka_unit_test(test_scanned),
		cmocka_unit_test(test_who_is_gone_may_have_been_it),
		cmocka_unit_test(test_counted_after_the_namespace_was_read),
		cmocka_unit_test(test_new_namespace),
		cmocka_unit_test(test_ended),
		cmocka_unit_test(test_one_of_two_ended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
