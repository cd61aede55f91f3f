// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <linux/neighbour.h>
#include <string.h>

#include "stall_track.h"

#define S 1000000000ULL

struct heard {
	struct stall_row rows[256];
	enum stall_phase phases[256];
	size_t n;
};

static void hear(void *ctx, const struct stall_row *row, enum stall_phase phase)
{
	struct heard *h = ctx;

	assert_true(h->n < 256);
	h->rows[h->n] = *row;
	h->phases[h->n++] = phase;
}

static struct stall_row group(uint32_t pid, uint16_t port, uint32_t count)
{
	return (struct stall_row){
		.oldest.sock = { .netns = 1, .family = 4, .rport = port,
				 .owner = { .pid = pid, .source = EVO_SNAPSHOT } },
		.verdict = { STALL_CLOSE_WAIT, 60000, true }, .count = count,
	};
}

static struct heard look(struct stall_track *t, struct stall_row *rows, size_t n, uint64_t at)
{
	struct heard h = { .n = 0 };

	assert_true(stall_track_look(t, rows, n, at, hear, &h));
	return h;
}

static void test_a_life(void **state)
{
	struct stall_track *t = stall_track_open();
	struct stall_row row = group(7, 80, 12);
	struct heard h = look(t, &row, 1, 100 * S);

	(void)state;
	assert_int_equal(h.n, 1);
	assert_int_equal(h.phases[0], STALL_START);
	assert_false(h.rows[0].has_growth);
	for (int second = 101; second < 160; second++) {
		row = group(7, 80, 12 + (second - 100) / 4);
		assert_int_equal(look(t, &row, 1, second * S).n, 0);
		assert_int_equal(row.has_growth, second >= 110);
	}
	row = group(7, 80, 27);
	h = look(t, &row, 1, 160 * S);
	assert_int_equal(h.n, 1);
	assert_int_equal(h.phases[0], STALL_ONGOING);
	assert_int_equal(h.rows[0].growth_per_min, 15);
	row = group(7, 80, 64);			/* doubled, and ten more */
	h = look(t, &row, 1, 165 * S);
	assert_int_equal(h.n, 1);
	h = look(t, NULL, 0, 166 * S);
	assert_int_equal(h.n, 1);
	assert_int_equal(h.phases[0], STALL_END);
	assert_int_equal(h.rows[0].count, 64);
	assert_int_equal(look(t, NULL, 0, 167 * S).n, 0);
	row = group(7, 80, 1);			/* anew: another one */
	h = look(t, &row, 1, 168 * S);
	assert_int_equal(h.phases[0], STALL_START);
	assert_false(h.rows[0].has_growth);
	stall_track_close(t);
}

static void test_groups_beside_each_other(void **state)
{
	struct stall_track *t = stall_track_open();
	struct stall_row rows[] = { group(7, 80, 3), group(9, 80, 2), group(7, 443, 1) };
	struct stall_row fewer[] = { group(9, 80, 2), group(8, 80, 5), group(7, 443, 1) };
	struct heard h = look(t, rows, 3, S);

	(void)state;
	assert_int_equal(h.n, 3);
	assert_int_equal(h.rows[0].count, 3);	/* most first */
	h = look(t, fewer, 3, 2 * S);
	assert_int_equal(h.n, 2);
	assert_int_equal(h.phases[0], STALL_END);
	assert_int_equal(h.rows[0].oldest.sock.owner.pid, 7);
	assert_int_equal(h.rows[0].count, 3);
	assert_int_equal(h.phases[1], STALL_START);
	assert_int_equal(h.rows[1].oldest.sock.owner.pid, 8);
	stall_track_close(t);
}

/* As many peers as there are ports: not as many records a second. */
static void test_many_at_once(void **state)
{
	struct stall_track *t = stall_track_open();
	struct stall_row rows[100];
	struct heard h;

	(void)state;
	for (int i = 0; i < 100; i++)
		rows[i] = group(7, 1000 + i, 1 + (i == 99));
	h = look(t, rows, 100, S);
	assert_int_equal(h.n, STALL_STARTS_MAX);
	assert_int_equal(h.rows[0].count, 2);
	h = look(t, rows, 100, 2 * S);
	assert_int_equal(h.n, 100 - STALL_STARTS_MAX);
	assert_int_equal(look(t, rows, 100, 3 * S).n, 0);
	assert_int_equal(look(t, NULL, 0, 4 * S).n, 100);
	/* Who was not told does not end. */
	look(t, rows, 100, 5 * S);
	assert_int_equal(look(t, NULL, 0, 6 * S).n, STALL_STARTS_MAX);
	stall_track_close(t);
}

static void test_words(void **state)
{
	struct stall_row row = group(7, 80, 1893);
	char text[320];
	uint64_t ns;

	(void)state;
	assert_string_equal(stall_phase_name(STALL_START), "start");
	assert_string_equal(stall_phase_name(STALL_PHASES), "unknown");
	assert_false(stall_rows_emfile(&row, &ns));
	row.has_growth = true;
	row.growth_per_min = 38;
	row.files = 1931;
	row.files_max = 4096;
	row.waiting = 2;
	assert_true(stall_rows_emfile(&row, &ns));
	assert_int_equal(ns / S / 60, 56);
	assert_string_equal(stall_rows_evidence(&row, text, sizeof(text)),
			    "peer closed, that was read, close() not called, +38/min; 1,931 of 4,096 "
			    "descriptors, EMFILE in about 56m58s; 2 others wait for it");
	row.waiting = 1;
	assert_non_null(strstr(stall_rows_evidence(&row, text, sizeof(text)), "; 1 other waits for it"));
	row.files_max = UINT64_MAX;
	assert_false(stall_rows_emfile(&row, &ns));
	row.files_max = 4096;
	row.verdict.stall = STALL_ACCEPT;
	assert_non_null(strstr(stall_rows_advice(&row, text, sizeof(text)), "does not accept()"));
	row.files = 4096;
	assert_non_null(strstr(stall_rows_advice(&row, text, sizeof(text)), "tcptrail limits pid 7"));
	row.growth_per_min = -3;
	assert_false(stall_rows_emfile(&row, &ns));
}

/* Whoever is root in a container names its interfaces. */
static void test_hostile_interface(void **state)
{
	struct stall_row row = { .verdict = { STALL_SYN, 3000, false },
				 .path = { .known = true, .family = 4, .next_hop = { 10, 0, 0, 9 },
					   .neighbour = NUD_FAILED, .interface = "eth0.7" } };
	char text[256];

	(void)state;
	stall_rows_advice(&row, text, sizeof(text));
	assert_non_null(strstr(text, "ip neigh show dev eth0.7"));
	strcpy(row.path.interface, "a;reboot");
	assert_null(strstr(stall_rows_advice(&row, text, sizeof(text)), "reboot"));
	strcpy(row.path.interface, "\033[2J");
	assert_null(strchr(stall_rows_advice(&row, text, sizeof(text)), '\033'));
	stall_path_text(&row.path, text, sizeof(text));
	assert_non_null(strstr(text, "routed by "));
	assert_null(strchr(text, '\033'));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_life),
		cmocka_unit_test(test_groups_beside_each_other),
		cmocka_unit_test(test_many_at_once),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_hostile_interface),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
