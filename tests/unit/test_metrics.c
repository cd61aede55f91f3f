// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* test_metrics.c - sums are exact, and as many series as there are at most. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "metrics.h"
#include "options.h"

#define HOUR (3600 * 1000000000ULL)

static char *text_of(const struct metrics *m)
{
	struct metrics_own own = { .ring_fill = -1 };
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	assert_non_null(f);
	assert_true(metrics_print(m, &own, f));
	fclose(f);
	return text;
}

static void expect(const struct metrics *m, const char *line)
{
	char *text = text_of(m), whole[512];

	snprintf(whole, sizeof(whole), "\n%s\n", line);
	if (!strstr(text, whole))
		fail_msg("no line '%s' in:\n%s", line, text);
	free(text);
}

/* Of the lines that begin so: their number, and the sum of their values. */
static unsigned int lines_of(const struct metrics *m, const char *begin, unsigned long long *sum)
{
	char *text = text_of(m);
	unsigned int n = 0;

	*sum = 0;
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		if (strncmp(line, begin, strlen(begin)))
			continue;
		n++;
		*sum += strtoull(strrchr(line, ' '), NULL, 10);
	}
	free(text);
	return n;
}

static struct record refused(uint16_t port, uint64_t count, uint64_t wall_ns)
{
	struct record r = { .kind = REC_DROP, .has = HAS_LADDR | HAS_LPORT | HAS_OWNER | HAS_NETNS,
			    .wall_ns = wall_ns, .count = count, .family = 4, .laddr = { 10, 0, 0, 1 },
			    .lport = port, .netns = 4026531840, .comm = "nginx",
			    .drop = { .stage = EVG_SYN, .reason = EVD_ACCEPT_QUEUE } };

	return r;
}

static void test_listeners_are_bounded(void **state)
{
	struct metrics *m = metrics_open(EVENTS_ALL);
	unsigned long long sum;

	(void)state;
	for (unsigned int i = 0; i < 5000; i++) {
		struct record r = refused(1000 + i, 3, HOUR + i);

		metrics_take(m, &r);
	}
	assert_int_equal(lines_of(m, "tcptrail_listener_drops_total{", &sum), METRICS_LISTENERS + 1);
	assert_int_equal(sum, 15000);
	expect(m, "tcptrail_listener_drops_total{reason=\"accept-queue-full\",listener=\"10.0.0.1:1000\",netns=\"4026531840\",comm=\"nginx\"} 3");
	expect(m, "tcptrail_listener_drops_total{reason=\"accept-queue-full\",listener=\"other\"} 14808");
	expect(m, "tcptrail_drops_total{stage=\"syn\",reason=\"accept-queue-full\"} 15000");
	metrics_close(m);
}

/* A place is for the living; and no series ever counts backwards. */
static void test_a_quiet_listener_gives_way(void **state)
{
	struct metrics *m = metrics_open(EVENTS_ALL);
	struct record r;
	unsigned long long sum;

	(void)state;
	for (unsigned int i = 0; i < METRICS_LISTENERS; i++) {
		r = refused(1000 + i, 1, HOUR + i);
		metrics_take(m, &r);
	}
	r = refused(80, 1, HOUR + METRICS_LISTENER_NS - 1);
	metrics_take(m, &r);
	expect(m, "tcptrail_listener_drops_total{reason=\"accept-queue-full\",listener=\"other\"} 1");
	r = refused(80, 1, 2 * HOUR + METRICS_LISTENER_NS);
	metrics_take(m, &r);
	expect(m, "tcptrail_listener_drops_total{reason=\"accept-queue-full\",listener=\"10.0.0.1:80\",netns=\"4026531840\",comm=\"nginx\"} 1");
	expect(m, "tcptrail_listener_drops_total{reason=\"accept-queue-full\",listener=\"other\"} 1");
	assert_int_equal(lines_of(m, "tcptrail_listener_drops_total{reason=\"accept-queue-full\",listener=\"10.0.0.1:1000\"", &sum), 0);
	assert_int_equal(lines_of(m, "tcptrail_drops_total{", &sum), 15);
	assert_int_equal(sum, METRICS_LISTENERS + 2);
	metrics_close(m);
}

static void test_hostile_label_values(void **state)
{
	struct metrics *m = metrics_open(EVENTS_ALL);
	struct record r = refused(80, 7, HOUR);

	(void)state;
	memcpy(r.comm, "a\"b\\c\nd\xff}\0xx", 13);
	metrics_take(m, &r);
	expect(m, "tcptrail_listener_drops_total{reason=\"accept-queue-full\",listener=\"10.0.0.1:80\",netns=\"4026531840\",comm=\"a\\\"b\\\\x5cc\\\\x0ad\\\\xff}\"} 7");
	metrics_close(m);
}

static void test_counts_of_sums(void **state)
{
	struct metrics *m = metrics_open(EVENTS_ALL);
	struct record r = { .kind = REC_ERROR, .count = 1284, .has = HAS_ERRNO | HAS_WINDOW, .err = ECONNRESET };
	unsigned long long sum;
	char name[40];

	(void)state;
	metrics_take(m, &r);
	r.err = 4711;
	r.count = 2;
	metrics_take(m, &r);
	expect(m, "tcptrail_errors_total{errno=\"ECONNRESET\"} 1284");
	expect(m, "tcptrail_errors_total{errno=\"other\"} 2");
	/* Reasons of a kernel to come. */
	for (int i = 0; i < 200; i++) {
		struct record reset = { .kind = REC_RESET, .count = 5, .has = HAS_REASON, .sent = i & 1, .reason = name };

		snprintf(name, sizeof(name), "REASON_%d", i);
		metrics_take(m, &reset);
	}
	assert_int_equal(lines_of(m, "tcptrail_resets_total{", &sum), METRICS_REASONS + 2);
	assert_int_equal(sum, 1000);
	expect(m, "tcptrail_events_total{kind=\"reset\"} 1000");
	metrics_close(m);
}

static void test_histograms(void **state)
{
	struct metrics *m = metrics_open(EVENTS_ALL);
	struct record r = { .kind = REC_CONNECTION, .count = 1, .role = EVR_CLIENT, .cause = CAUSE_FIN_RECEIVED,
			    .from = EVS_FIN_WAIT2, .has = HAS_DURATION, .duration_ns = 1000000 };

	(void)state;
	r.life.in_ns[ev_life_place(EVS_SYN_SENT)] = 100000;
	metrics_take(m, &r);		/* at a bucket's end: in it */
	r.life.in_ns[ev_life_place(EVS_SYN_SENT)] = 100001;
	r.duration_ns = 1000001;
	metrics_take(m, &r);
	r.life.in_ns[ev_life_place(EVS_SYN_SENT)] = 3600000000000;
	r.duration_ns = 30 * 86400 * 1000000000ULL;
	metrics_take(m, &r);
	r.duration_lower = true;	/* its true age is not known */
	metrics_take(m, &r);
	expect(m, "tcptrail_handshake_duration_seconds_bucket{le=\"0.0001\"} 1");
	expect(m, "tcptrail_handshake_duration_seconds_bucket{le=\"0.00025\"} 2");
	expect(m, "tcptrail_handshake_duration_seconds_bucket{le=\"30\"} 2");
	expect(m, "tcptrail_handshake_duration_seconds_bucket{le=\"+Inf\"} 3");
	expect(m, "tcptrail_handshake_duration_seconds_count 3");
	expect(m, "tcptrail_handshake_duration_seconds_sum 3600.000200001");
	expect(m, "tcptrail_connection_duration_seconds_bucket{role=\"client\",le=\"0.001\"} 1");
	expect(m, "tcptrail_connection_duration_seconds_count{role=\"client\"} 3");
	expect(m, "tcptrail_connections_ended_total{role=\"client\",outcome=\"success\",cause=\"fin-received\"} 4");
	/* Never established: no handshake. */
	r.duration_lower = false;
	r.from = EVS_SYN_SENT;
	r.cause = CAUSE_TIMEOUT;
	metrics_take(m, &r);
	expect(m, "tcptrail_handshake_duration_seconds_count 3");
	expect(m, "tcptrail_connections_ended_total{role=\"client\",outcome=\"failure\",cause=\"timeout\"} 1");
	metrics_close(m);
}

static void test_limits(void **state)
{
	struct metrics *m = metrics_open(EVENTS_ALL);
	struct record r = { .kind = REC_LIMIT, .count = 16, .has = HAS_ERRNO | HAS_WINDOW, .err = EMFILE,
			    .limit = { .name = EVL_OPEN_FILES, .call = EVL_ACCEPT } };

	(void)state;
	expect(m, "tcptrail_limit_hits_total{limit=\"open-files\",call=\"accept4\",outcome=\"failed\"} 0");
	metrics_take(m, &r);
	r = (struct record){ .kind = REC_LIMIT, .count = 1, .limit = { .name = EVL_SOMAXCONN, .call = EVL_LISTEN } };
	metrics_take(m, &r);
	expect(m, "tcptrail_limit_hits_total{limit=\"open-files\",call=\"accept\",outcome=\"failed\"} 16");
	expect(m, "tcptrail_limit_hits_total{limit=\"somaxconn\",call=\"listen\",outcome=\"cut\"} 1");
	expect(m, "tcptrail_events_total{kind=\"limit\"} 17");
	metrics_close(m);
}

/* 0 would say that there are none. */
static void test_kinds_that_are_not_made(void **state)
{
	struct metrics *m = metrics_open(EVENTS_DROP);
	char *text = text_of(m);

	(void)state;
	assert_null(strstr(text, "tcptrail_transitions_total"));
	assert_null(strstr(text, "tcptrail_resets_total"));
	assert_non_null(strstr(text, "tcptrail_drops_total{stage=\"syn\",reason=\"accept-queue-full\"} 0\n"));
	free(text);
	metrics_close(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_listeners_are_bounded),
		cmocka_unit_test(test_a_quiet_listener_gives_way),
		cmocka_unit_test(test_hostile_label_values),
		cmocka_unit_test(test_counts_of_sums),
		cmocka_unit_test(test_histograms),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_kinds_that_are_not_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
