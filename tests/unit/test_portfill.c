// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "portfill.h"

#define NOW 1000000000ULL

/* What the kernel would say, and how often it was asked. */
struct kernel {
	enum portfill_answer answer;
	uint16_t port;
	size_t asked;
	int err;
};

static int ask(void *ctx, struct portfill_slot *slots, size_t len)
{
	struct kernel *k = ctx;

	k->asked += len;
	for (size_t i = 0; i < len; i++) {
		slots[i].answer = k->answer;
		slots[i].port = k->port;
	}
	return k->err;
}

static void push(struct queue *q, uint64_t cookie, unsigned int from, unsigned int to,
		 uint16_t lport)
{
	struct ev_state e = {
		.head = { .kind = EV_STATE, .size = sizeof(e), .ts_ns = NOW },
		.sock = { .cookie = cookie, .lport = lport, .netns = 1, .role = EVR_CLIENT },
		.from = from, .to = to,
	};

	assert_true(queue_push(q, &e, sizeof(e)));
}

static uint16_t lport(struct queue *q, size_t i)
{
	return ((struct ev_state *)queue_at(q, i))->sock.lport;
}

static void test_from_a_later_record(void **state)
{
	struct queue *q = queue_open();
	struct kernel k = { 0 };

	(void)state;
	push(q, 1, EVS_CLOSE, EVS_SYN_SENT, 0);
	push(q, 2, EVS_CLOSE, EVS_SYN_SENT, 0);
	push(q, 2, EVS_SYN_SENT, EVS_ESTABLISHED, 2222);
	push(q, 1, EVS_SYN_SENT, EVS_ESTABLISHED, 1111);
	assert_int_equal(portfill_run(q, ask, &k, NOW, false), 4);
	assert_int_equal(lport(q, 0), 1111);
	assert_int_equal(lport(q, 1), 2222);
	assert_int_equal(k.asked, 0);
	queue_close(q);
}

static void test_from_the_kernel(void **state)
{
	struct queue *q = queue_open();
	struct kernel k = { .answer = PORTFILL_PORT, .port = 4711 };

	(void)state;
	push(q, 1, EVS_CLOSE, EVS_SYN_SENT, 0);
	push(q, 9, EVS_CLOSE, EVS_LISTEN, 80);
	assert_int_equal(portfill_run(q, ask, &k, NOW, false), 2);
	assert_int_equal(lport(q, 0), 4711);
	assert_int_equal(k.asked, 1);
	queue_close(q);
}

static void test_order_holds_while_waiting(void **state)
{
	struct queue *q = queue_open();
	struct kernel k = { .answer = PORTFILL_GONE };

	(void)state;
	push(q, 5, EVS_SYN_SENT, EVS_ESTABLISHED, 5555);
	push(q, 1, EVS_CLOSE, EVS_SYN_SENT, 0);
	push(q, 6, EVS_SYN_SENT, EVS_ESTABLISHED, 6666);
	assert_int_equal(portfill_run(q, ask, &k, NOW, false), 1);
	/* Its next record is there at the next look. */
	queue_drop(q, 1);
	push(q, 1, EVS_SYN_SENT, EVS_CLOSE, 1111);
	assert_int_equal(portfill_run(q, ask, &k, NOW, false), 3);
	assert_int_equal(lport(q, 0), 1111);
	queue_close(q);
}

static void test_patience_ends(void **state)
{
	struct queue *q = queue_open();
	struct kernel k = { .answer = PORTFILL_NONE };

	(void)state;
	push(q, 1, EVS_CLOSE, EVS_SYN_SENT, 0);
	assert_int_equal(portfill_run(q, ask, &k, NOW, false), 0);
	assert_int_equal(portfill_run(q, ask, &k, NOW + PORTFILL_PATIENCE_NS, false), 1);
	assert_int_equal(lport(q, 0), 0);
	queue_close(q);
}

static void test_no_port_was_ever_chosen(void **state)
{
	struct queue *q = queue_open();
	struct kernel k = { .answer = PORTFILL_GONE };

	(void)state;
	push(q, 1, EVS_CLOSE, EVS_SYN_SENT, 0);
	push(q, 1, EVS_SYN_SENT, EVS_CLOSE, 0);
	assert_int_equal(portfill_run(q, ask, &k, NOW, false), 2);
	assert_int_equal(k.asked, 0);
	queue_close(q);
}

static void test_without_the_program(void **state)
{
	struct queue *q = queue_open();
	struct kernel k = { .err = -ENOENT };

	(void)state;
	push(q, 1, EVS_CLOSE, EVS_SYN_SENT, 0);
	assert_int_equal(portfill_run(q, ask, &k, NOW, false), 1);
	queue_close(q);
}

static void test_more_than_one_question_holds(void **state)
{
	struct queue *q = queue_open();
	struct kernel k = { .answer = PORTFILL_PORT, .port = 7 };

	(void)state;
	for (uint64_t i = 1; i <= 3 * PORTFILL_MAX + 5; i++)
		push(q, i, EVS_CLOSE, EVS_SYN_SENT, 0);
	push(q, 1, EVS_SYN_SENT, EVS_ESTABLISHED, 1111);
	assert_int_equal(portfill_run(q, ask, &k, NOW, false), queue_len(q));
	assert_int_equal(lport(q, 0), 1111);
	for (size_t i = 1; i < 3 * PORTFILL_MAX + 5; i++)
		assert_int_equal(lport(q, i), 7);
	assert_int_equal(k.asked, 3 * PORTFILL_MAX + 4);
	queue_close(q);
}

static void test_children_of_a_late_listener(void **state)
{
	struct ev_state child = {
		.head = { .kind = EV_STATE, .size = sizeof(child), .ts_ns = NOW },
		.sock = { .cookie = 3, .lport = 4711, .netns = 1, .role = EVR_SERVER },
		.from = EVS_SYN_RECV, .to = EVS_ESTABLISHED,
	};
	struct queue *q = queue_open();
	struct kernel k = { .answer = PORTFILL_PORT, .port = 4711 };
	struct ev_state *e;

	(void)state;
	push(q, 1, EVS_CLOSE, EVS_LISTEN, 0);
	e = (void *)queue_at(q, 0);
	e->sock.owner.pid = 42;
	e->sock.owner.source = EVO_LISTEN;
	assert_true(queue_push(q, &child, sizeof(child)));
	child.sock.netns = 2;
	assert_true(queue_push(q, &child, sizeof(child)));
	assert_int_equal(portfill_run(q, ask, &k, NOW, false), 3);
	e = (void *)queue_at(q, 1);
	assert_int_equal(e->sock.owner.pid, 42);
	assert_int_equal(e->sock.owner.source, EVO_LISTENER);
	e = (void *)queue_at(q, 2);
	assert_int_equal(e->sock.owner.source, EVO_NONE);
	queue_close(q);
}

/* With a filter in the kernel: no later record came, as it was refused. */
static void test_refused_later(void **state)
{
	struct queue *q = queue_open();
	struct kernel k = { .answer = PORTFILL_GONE };

	(void)state;
	push(q, 1, EVS_CLOSE, EVS_SYN_SENT, 0);
	push(q, 2, EVS_CLOSE, EVS_SYN_SENT, 0);
	push(q, 2, EVS_SYN_SENT, EVS_ESTABLISHED, 4711);
	push(q, 3, EVS_CLOSE, EVS_LISTEN, 0);
	assert_int_equal(portfill_run(q, ask, &k, NOW, true), 0);	/* it may yet come */
	assert_int_equal(portfill_run(q, ask, &k, NOW + PORTFILL_PATIENCE_NS, true), 4);
	assert_int_equal(queue_at(q, 0)->kind, 0);
	assert_int_equal(queue_at(q, 1)->kind, EV_STATE);
	assert_int_equal(queue_at(q, 3)->kind, EV_STATE);
	queue_close(q);
	q = queue_open();
	k.answer = PORTFILL_NONE;	/* it is there, without a port */
	push(q, 1, EVS_CLOSE, EVS_SYN_SENT, 0);
	assert_int_equal(portfill_run(q, ask, &k, NOW + PORTFILL_PATIENCE_NS, true), 1);
	assert_int_equal(queue_at(q, 0)->kind, EV_STATE);
	queue_close(q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_from_a_later_record),
		cmocka_unit_test(test_from_the_kernel),
		cmocka_unit_test(test_order_holds_while_waiting),
		cmocka_unit_test(test_patience_ends),
		cmocka_unit_test(test_no_port_was_ever_chosen),
		cmocka_unit_test(test_without_the_program),
		cmocka_unit_test(test_more_than_one_question_holds),
		cmocka_unit_test(test_children_of_a_late_listener),
		cmocka_unit_test(test_refused_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
