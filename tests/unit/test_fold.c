// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fold.h"

static const struct fold_made all = { true, true };

static void step(struct queue *q, uint64_t cookie, uint8_t from, uint8_t to, uint32_t facts)
{
	struct ev_state e = { .head = { .kind = EV_STATE, .size = sizeof(e) }, .from = from, .to = to,
			      .facts = facts, .sock = { .cookie = cookie, .owner.pid = 7 } };

	assert_true(queue_push(q, &e, sizeof(e)));
}

static void life(struct queue *q, uint64_t cookie, uint32_t facts)
{
	struct ev_connection c = { .end = { .head = { .kind = EV_CONNECTION, .size = sizeof(c) },
					    .from = EVS_SYN_SENT, .to = EVS_CLOSE, .facts = facts,
					    .sock = { .cookie = cookie, .owner.pid = 7 } } };

	assert_true(queue_push(q, &c, sizeof(c)));
}

static void limit(struct queue *q, uint32_t pid)
{
	struct ev_limit e = { .head = { .kind = EV_LIMIT, .size = sizeof(e) }, .call = EVL_CONNECT,
			      .limit = EVL_LOCAL_PORTS, .sock.owner.pid = pid };

	assert_true(queue_push(q, &e, sizeof(e)));
}

static void failed(struct queue *q, uint64_t cookie)
{
	step(q, cookie, EVS_CLOSE, EVS_SYN_SENT, 0);
	step(q, cookie, EVS_SYN_SENT, EVS_CLOSE, EVF_NOTHING_SENT);
	life(q, cookie, EVF_NOTHING_SENT);
}

static size_t left(struct queue *q)
{
	size_t n = 0;

	for (size_t i = 0; i < queue_len(q); i++)
		n += queue_at(q, i)->kind != 0;
	return n;
}

static bool told(void *ctx, uint32_t pid)
{
	return pid == *(uint32_t *)ctx;
}

static void test_beside_its_limit(void **state)
{
	struct queue *q = queue_open();
	uint32_t nobody = 0;

	(void)state;
	failed(q, 1);
	fold_no_ports(q, queue_len(q), all, told, &nobody);
	assert_int_equal(left(q), 3);	/* no route, say */
	limit(q, 8);
	fold_no_ports(q, queue_len(q), all, told, &nobody);
	assert_int_equal(left(q), 4);
	limit(q, 7);
	failed(q, 2);
	fold_no_ports(q, queue_len(q), all, told, &nobody);
	assert_int_equal(left(q), 2);
	queue_close(q);
}

static void test_of_one_told_lately(void **state)
{
	struct queue *q = queue_open();
	uint32_t pid = 7;

	(void)state;
	for (uint64_t cookie = 1; cookie <= 100; cookie++)
		failed(q, cookie);
	fold_no_ports(q, queue_len(q), all, told, &pid);
	assert_int_equal(left(q), 0);
	queue_close(q);
}

static void test_all_of_it_or_nothing(void **state)
{
	struct queue *q = queue_open();
	uint32_t pid = 7;

	(void)state;
	step(q, 1, EVS_SYN_SENT, EVS_CLOSE, EVF_NOTHING_SENT);	/* its begin is told already */
	life(q, 1, EVF_NOTHING_SENT);
	step(q, 2, EVS_CLOSE, EVS_SYN_SENT, 0);
	step(q, 2, EVS_SYN_SENT, EVS_CLOSE, EVF_NOTHING_SENT);	/* its life is to come */
	fold_no_ports(q, queue_len(q), all, told, &pid);
	assert_int_equal(left(q), 4);
	queue_close(q);
}

static void test_what_was_sent(void **state)
{
	struct queue *q = queue_open();
	uint32_t pid = 7;

	(void)state;
	step(q, 1, EVS_CLOSE, EVS_SYN_SENT, 0);
	step(q, 1, EVS_SYN_SENT, EVS_CLOSE, 0);
	life(q, 1, 0);
	fold_no_ports(q, queue_len(q), all, told, &pid);
	assert_int_equal(left(q), 3);
	queue_close(q);
}

static void test_lives_alone(void **state)
{
	struct queue *q = queue_open();
	uint32_t pid = 7;

	(void)state;
	life(q, 1, EVF_NOTHING_SENT);
	life(q, 2, 0);
	fold_no_ports(q, queue_len(q), (struct fold_made){ .lives = true }, told, &pid);
	assert_int_equal(left(q), 1);
	queue_close(q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_beside_its_limit),
		cmocka_unit_test(test_of_one_told_lately),
		cmocka_unit_test(test_all_of_it_or_nothing),
		cmocka_unit_test(test_what_was_sent),
		cmocka_unit_test(test_lives_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
