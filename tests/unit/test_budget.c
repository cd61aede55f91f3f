// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "budget.h"

#define S 1000000000ULL

static struct record step(enum ev_tcp_state from, enum ev_tcp_state to, enum cause cause)
{
	return (struct record){ .kind = REC_STATE, .from = from, .to = to, .cause = cause };
}

static void test_lines_a_second(void **state)
{
	struct record opened = step(EVS_SYN_SENT, EVS_ESTABLISHED, CAUSE_SYN_ACK_RECEIVED);
	struct budget b = { .second = 1000 };
	char line[256];
	int shown = 0;

	(void)state;
	for (int i = 0; i < 1500; i++)
		shown += budget_show(&b, &opened);
	assert_int_equal(shown, BUDGET_LINES);
	assert_false(budget_summary(&b, 1000 * S + 999999999, 0, line, sizeof(line)));
	assert_true(budget_summary(&b, 1001 * S, 0, line, sizeof(line)));
	assert_non_null(strstr(line, "+1,500 opened -0 closed, 1,500 transitions; 1,300 lines hidden, 0 lost"));
	/* The next second has a budget of its own. */
	assert_true(budget_show(&b, &opened));
	assert_int_equal(b.opened, 1);
}

static void test_problems_are_never_hidden(void **state)
{
	struct record refused = step(EVS_SYN_SENT, EVS_CLOSE, CAUSE_RST_RECEIVED);
	struct record reset = { .kind = REC_RESET };
	struct budget b = { .second = 1000 };

	(void)state;
	for (int i = 0; i < 1000; i++) {
		assert_true(budget_show(&b, &refused));
		assert_true(budget_show(&b, &reset));
	}
	assert_int_equal(b.hidden, 0);
}

/* The end of TIME-WAIT, a listener and a refused connect() close no connection. */
static void test_closed(void **state)
{
	const struct record records[] = {
		step(EVS_FIN_WAIT2, EVS_TIME_WAIT, CAUSE_FIN_RECEIVED),
		step(EVS_TIME_WAIT, EVS_CLOSE, CAUSE_TIME_WAIT_EXPIRED),
		step(EVS_LAST_ACK, EVS_CLOSE, CAUSE_FIN_ACKED),
		step(EVS_LISTEN, EVS_CLOSE, CAUSE_CLOSE),
		step(EVS_SYN_SENT, EVS_CLOSE, CAUSE_TIMEOUT),
	};
	struct budget b = { .second = 1000 };

	(void)state;
	for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++)
		budget_show(&b, &records[i]);
	assert_int_equal(b.closed, 2);
	assert_int_equal(b.transitions, 5);
}

static void test_nothing_hidden_says_nothing(void **state)
{
	struct budget b = { .second = 1000 };
	char line[256];

	(void)state;
	assert_false(budget_summary(&b, 1001 * S, 0, line, sizeof(line)));
	assert_int_equal(b.second, 1001);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines_a_second),
		cmocka_unit_test(test_problems_are_never_hidden),
		cmocka_unit_test(test_closed),
		cmocka_unit_test(test_nothing_hidden_says_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
