// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "failed_calls.h"

#define SECOND_NS 1000000000ULL

static struct record failed(enum ev_limit_call call, enum ev_limit_name name, uint32_t err)
{
	struct record r = { .kind = REC_LIMIT, .method = EVM_FENTRY, .count = 1,
			    .has = HAS_OWNER | HAS_ERRNO | HAS_NETNS, .pid = 7, .netns = 3, .err = err,
			    .limit = { .call = call, .name = name, .has_value = true, .value = 64,
				       .has_use = true, .use = 64, .set_by = "RLIMIT_NOFILE" } };

	return r;
}

static void at(struct record *r, uint64_t wall_ns)
{
	r->wall_ns = wall_ns;
}

static struct record listener(struct record r)
{
	r.has |= HAS_COOKIE | HAS_LADDR | HAS_LPORT;
	r.cookie = 0x1001;
	r.family = 4;
	r.lport = 80;
	r.role = EVR_LISTENER;
	return r;
}

static void test_a_sum_says_what_its_last_call_said(void **state)
{
	struct record one = listener(failed(EVL_ACCEPT4, EVL_OPEN_FILES, EMFILE)), sum = one;
	struct failed_calls *f = failed_calls_open(true);

	(void)state;
	sum.has |= HAS_WINDOW;
	sum.window_ns = SECOND_NS;
	sum.method = EVM_NONE;
	sum.limit = (struct record_limit){ .call = EVL_ACCEPT4, .name = EVL_OPEN_FILES };
	at(&sum, SECOND_NS);
	failed_calls_complete(f, &sum);
	assert_false(sum.limit.has_value);	/* nothing is known yet */
	one.has |= HAS_QUEUES;
	one.accept_queue.length = 41;
	at(&one, 2 * SECOND_NS);
	failed_calls_complete(f, &one);
	at(&sum, 2 * SECOND_NS + 1);
	failed_calls_complete(f, &sum);
	assert_true(sum.limit.has_value);
	assert_int_equal(sum.limit.value, 64);
	assert_int_equal(sum.method, EVM_FENTRY);
	assert_true(sum.has & HAS_QUEUES);
	assert_int_equal(sum.accept_queue.length, 41);
	sum.limit = (struct record_limit){ .call = EVL_ACCEPT4, .name = EVL_OPEN_FILES };
	at(&sum, 9 * SECOND_NS);
	failed_calls_complete(f, &sum);
	assert_false(sum.limit.has_value);	/* too long ago */
	sum.pid = 8;
	at(&sum, 2 * SECOND_NS);
	failed_calls_complete(f, &sum);
	assert_false(sum.limit.has_value);	/* another's */
	failed_calls_close(f);
}

static void test_the_full_queue_of_a_failing_accept(void **state)
{
	struct record one = listener(failed(EVL_ACCEPT4, EVL_OPEN_FILES, EMFILE));
	struct record drop = listener((struct record){ .kind = REC_DROP, .netns = 3, .has = HAS_NETNS,
						       .drop = { .reason = EVD_ACCEPT_QUEUE } });
	struct failed_calls *f = failed_calls_open(true);
	struct record other;

	(void)state;
	at(&drop, SECOND_NS);
	failed_calls_explain(f, &drop);
	assert_null(drop.because);
	at(&one, 2 * SECOND_NS);
	failed_calls_complete(f, &one);
	at(&drop, 3 * SECOND_NS);
	failed_calls_explain(f, &drop);
	assert_string_equal(drop.because, "accept4 fails with EMFILE");
	other = drop;
	other.because = NULL;
	other.drop.reason = EVD_SYN_QUEUE;
	at(&other, 3 * SECOND_NS);
	failed_calls_explain(f, &other);
	assert_null(other.because);
	other.drop.reason = EVD_ACCEPT_QUEUE;
	other.cookie = 0x2002;
	other.lport = 81;
	at(&other, 3 * SECOND_NS);
	failed_calls_explain(f, &other);
	assert_null(other.because);
	other.lport = 80;			/* MPTCP: by its address */
	at(&other, 3 * SECOND_NS);
	failed_calls_explain(f, &other);
	assert_non_null(other.because);
	other.because = NULL;
	at(&other, 9 * SECOND_NS);
	failed_calls_explain(f, &other);
	assert_null(other.because);
	failed_calls_close(f);
}

/* What is forgotten is the oldest. */
static void test_bounded(void **state)
{
	struct record drop = listener((struct record){ .kind = REC_DROP, .netns = 3, .has = HAS_NETNS,
						       .drop = { .reason = EVD_ACCEPT_QUEUE } });
	struct failed_calls *f = failed_calls_open(true);

	(void)state;
	for (uint32_t i = 1; i <= 1000; i++) {
		struct record r = listener(failed(EVL_ACCEPT, EVL_OPEN_FILES, EMFILE));

		r.pid = r.cookie = r.lport = i;
		at(&r, SECOND_NS + i);
		failed_calls_complete(f, &r);
	}
	drop.cookie = drop.lport = 1;
	at(&drop, 2 * SECOND_NS);
	failed_calls_explain(f, &drop);
	assert_null(drop.because);
	drop.cookie = drop.lport = 1000;
	at(&drop, 2 * SECOND_NS);
	failed_calls_explain(f, &drop);
	assert_string_equal(drop.because, "accept fails with EMFILE");
	failed_calls_close(f);
}

/* The range of our own namespace, which needs no privilege. */
static void test_ports(void **state)
{
	struct record r = failed(EVL_CONNECT, EVL_LOCAL_PORTS, EADDRNOTAVAIL);
	struct failed_calls *f = failed_calls_open(true);
	unsigned int low, high;
	struct stat st;
	FILE *file = fopen("/proc/sys/net/ipv4/ip_local_port_range", "r");

	(void)state;
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%u %u", &low, &high), 2);
	fclose(file);
	assert_int_equal(stat("/proc/self/ns/net", &st), 0);
	r.netns = st.st_ino;
	r.limit.has_value = r.limit.has_use = false;
	at(&r, SECOND_NS);
	failed_calls_complete(f, &r);
	assert_true(r.limit.has_value && r.limit.has_use);
	assert_int_equal(r.limit.low, low);
	assert_int_equal(r.limit.high, high);
	assert_true(r.limit.value && r.limit.value <= high - low + 1);
	r.limit.has_value = false;
	r.limit.own_range = true;
	at(&r, SECOND_NS);
	failed_calls_complete(f, &r);
	assert_false(r.limit.has_value);
	failed_calls_close(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_sum_says_what_its_last_call_said),
		cmocka_unit_test(test_the_full_queue_of_a_failing_accept),
		cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_ports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
