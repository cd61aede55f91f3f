// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "findings.h"

static struct listen_row listener(uint32_t queue, uint64_t drops)
{
	return (struct listen_row){
		.now = { .sock = { .family = 4, .lport = 80, .owner = { .pid = 7, .comm = "nginx",
									.source = EVO_SNAPSHOT } },
			 .queues = { .accept_queue = queue, .backlog = 511, .somaxconn = 4096 },
			 .drops = drops },
		.netns_refused = UINT64_MAX, .peak = queue, .looks = 11, .seen = true,
		.full = queue > 511 ? 11 : 0, .near = queue > 383 ? 11 : 0,
	};
}

static struct stall_row stall(uint32_t count, const char *comm)
{
	struct stall_row row = { .verdict = { STALL_CLOSE_WAIT, 61000, true }, .count = count,
				 .oldest = { .sock = { .family = 4, .rport = 443,
						       .raddr = { 10, 0, 0, 2 } } } };

	row.oldest.sock.owner.source = EVO_SNAPSHOT;
	row.oldest.sock.owner.pid = 2201;
	memcpy(row.oldest.sock.owner.comm, comm, strlen(comm));
	return row;
}

/* Of a recording, from --since on: it was wrong in that time. */
static void test_what_is_over(void **state)
{
	struct stall_row rows[2] = { stall(10, "java"), stall(20, "java") };
	struct stall_rows all = { .rows = rows, .rows_len = 2 };
	struct findings f = { 0 };

	(void)state;
	rows[1].over = true;
	assert_true(findings_stalls(&f, &all));
	assert_int_equal(f.len, 2);
	assert_null(strstr(f.all[0].text, "over since"));
	assert_non_null(strstr(f.all[1].text, "; over since"));
	findings_free(&f);
}

static void test_worst_first(void **state)
{
	struct listen_row ok = listener(0, 0), near = listener(400, 0), drop = listener(512, 48);
	struct stall_row few = stall(10, "java"), many = stall(1893, "java");
	struct findings f = { 0 };

	(void)state;
	assert_true(findings_listener(&f, &ok));
	assert_int_equal(f.len, 0);
	assert_int_equal(findings_worst(&f), LEVEL_OK);
	assert_true(findings_stall(&f, &few));
	assert_true(findings_listener(&f, &near));
	assert_int_equal(findings_worst(&f), LEVEL_WARNING);
	assert_true(findings_stall(&f, &many));
	assert_true(findings_listener(&f, &drop));
	assert_true(findings_sort(&f));
	assert_int_equal(f.len, 4);
	assert_int_equal(findings_worst(&f), LEVEL_CRITICAL);
	assert_string_equal(f.all[0].word, "DROP");
	assert_string_equal(f.all[0].subject, "0.0.0.0:80 nginx[7]");
	assert_non_null(strstr(f.all[0].text, "<=48 refused, accept queue 512/511"));
	assert_string_equal(f.all[1].text, "1,893 close-wait, oldest >=61.0s: peer closed, that was "
					   "read, close() not called");
	assert_string_equal(f.all[1].subject, "java[2201] > 10.0.0.2:443");
	assert_int_equal(f.all[2].weight, 10);
	assert_string_equal(f.all[3].word, "near");
	findings_free(&f);
}

static void test_limits(void **state)
{
	struct limit_row row = { .kind = LIMIT_LOCAL_PORTS, .use = 79, .max = 100, .netns = 7,
				 .scope = "10.0.0.7:* > 10.0.0.20:5432" };
	struct findings f = { 0 };

	(void)state;
	assert_true(findings_limit(&f, &row));
	assert_int_equal(f.len, 0);
	row.use = 80;
	assert_true(findings_limit(&f, &row));
	assert_int_equal(findings_worst(&f), LEVEL_WARNING);
	row.use = 100;
	assert_true(findings_limit(&f, &row));
	assert_int_equal(f.all[1].level, LEVEL_CRITICAL);
	assert_string_equal(f.all[1].text, "local-ports 100/100 (net.ipv4.ip_local_port_range)");
	row.use = 0;
	row.has_failed = true;
	row.failed = 1930;
	assert_true(findings_limit(&f, &row));
	assert_int_equal(f.all[2].level, LEVEL_CRITICAL);
	assert_non_null(strstr(f.all[2].text, "0/100, failed 1,930 ("));
	row.use = 100;
	row.call = EVL_CONNECT;
	row.err = EADDRNOTAVAIL;
	strcpy(row.user, "php-fpm[3310]");
	assert_true(findings_limit(&f, &row));
	assert_string_equal(f.all[3].text, "1,930 connect() fail with EADDRNOTAVAIL, local-ports "
					   "100/100 (net.ipv4.ip_local_port_range)");
	assert_string_equal(f.all[3].subject, "10.0.0.7:* > 10.0.0.20:5432 php-fpm[3310]");
	/* The listeners tell it of theirs. */
	row = (struct limit_row){ .kind = LIMIT_SYN_QUEUE, .use = 100, .max = 100 };
	assert_true(findings_limit(&f, &row));
	assert_int_equal(f.len, 4);
	findings_free(&f);
}

static void test_hostile_name(void **state)
{
	struct stall_row row = stall(1, "\033[2J\033[31m\xff\xfe\xfd\xfc");
	struct findings f = { 0 };

	(void)state;
	row.server = true;
	row.oldest.sock.family = 6;
	memset(row.oldest.sock.laddr, 0xfe, sizeof(row.oldest.sock.laddr));
	assert_true(findings_stall(&f, &row));
	for (const char *c = f.all[0].subject; *c; c++)
		assert_true(*c >= ' ' && *c < 0x7f);
	row.oldest.sock.owner.source = EVO_NONE;
	assert_true(findings_stall(&f, &row));
	assert_non_null(strstr(f.all[1].subject, "(owner unknown)"));
	findings_free(&f);
}

/* Connections to port 80 of 10.0.0.0 (`first` 10) that nginx, 7, does not accept(). */
static struct stall_row waiting(uint8_t first)
{
	struct stall_row row = stall(512, "nginx");

	row.verdict.stall = STALL_ACCEPT;
	row.server = true;
	row.oldest.sock.lport = 80;
	row.oldest.sock.laddr[0] = first;
	row.oldest.sock.owner.pid = 7;
	return row;
}

/* At its RLIMIT_NOFILE nginx accepts nothing: the queue and who waits in it follow. */
static void test_one_incident_one_root(void **state)
{
	struct limit_row files = { .kind = LIMIT_OPEN_FILES, .use = 1024, .max = 1024, .pid = 7,
				   .has_failed = true, .failed = 16, .call = EVL_ACCEPT4,
				   .err = EMFILE, .scope = "nginx[7]" };
	struct listen_row full = listener(512, 48), others = listener(512, 900);
	struct stall_row waits = waiting(10), leak = stall(10, "java");
	struct findings f = { 0 };

	(void)state;
	others.now.sock.lport = 81;
	others.now.sock.owner.pid = 8;
	assert_true(findings_listener(&f, &full));
	assert_true(findings_listener(&f, &others));
	assert_true(findings_stall(&f, &waits));
	assert_true(findings_stall(&f, &leak));
	assert_true(findings_limit(&f, &files));
	findings_join(&f);
	assert_true(findings_sort(&f));
	assert_int_equal(f.len, 4);
	assert_int_equal(f.all[0].sock.lport, 81);
	assert_string_equal(f.all[0].because, "");
	assert_string_equal(f.all[1].word, "open-files");
	assert_string_equal(f.all[2].subject, "0.0.0.0:80 nginx[7]");
	assert_string_equal(f.all[2].because, "accept4 fails with EMFILE");
	assert_non_null(strstr(f.all[2].text, "; 512 wait for accept(), the oldest 61.0s"));
	assert_string_equal(f.all[3].word, "close-wait");
	assert_string_equal(f.all[3].because, "");
	findings_free(&f);
}

/* A client of that very host whose SYN finds the queue full is behind its root, too. */
static void test_clients_of_a_full_queue(void **state)
{
	struct limit_row files = { .kind = LIMIT_OPEN_FILES, .use = 1024, .max = 1024, .pid = 7,
				   .has_failed = true, .failed = 16, .call = EVL_ACCEPT4,
				   .err = EMFILE, .scope = "nginx[7]" };
	struct listen_row full = listener(512, 48);
	struct stall_row client = stall(3, "curl"), other = stall(900, "java");
	struct findings f = { 0 };

	(void)state;
	client.oldest.sock.rport = 80;
	strcpy(client.because, "full accept queue of nginx[7]");
	assert_true(findings_stall(&f, &client));
	assert_true(findings_stall(&f, &other));
	assert_true(findings_listener(&f, &full));
	findings_join(&f);
	assert_true(findings_sort(&f));
	assert_int_equal(f.len, 3);
	assert_string_equal(f.all[0].kind, "listener");
	assert_string_equal(f.all[1].because, "full accept queue of nginx[7]");
	assert_string_equal(f.all[2].subject, "java[2201] > 10.0.0.2:443");
	findings_free(&f);
	assert_true(findings_stall(&f, &client));
	assert_true(findings_listener(&f, &full));
	assert_true(findings_limit(&f, &files));
	findings_join(&f);
	assert_true(findings_sort(&f));
	assert_int_equal(f.len, 3);
	assert_string_equal(f.all[0].kind, "limit");
	assert_string_equal(f.all[0].because, "");
	for (int i = 1; i < 3; i++)
		assert_string_equal(f.all[i].because, !strcmp(f.all[i].kind, "stall") ?
				    "full accept queue of nginx[7]" : "accept4 fails with EMFILE");
	findings_free(&f);
}

/* Neither another's queue, nor another's descriptors, nor a call that is not accept(). */
static void test_what_only_looks_like_one_incident(void **state)
{
	struct limit_row files = { .kind = LIMIT_OPEN_FILES, .use = 1024, .max = 1024, .pid = 9,
				   .has_failed = true, .failed = 16, .call = EVL_ACCEPT4,
				   .err = EMFILE, .scope = "java[9]" };
	struct listen_row full = listener(512, 48);
	struct stall_row waits = waiting(11);
	struct findings f = { 0 };

	(void)state;
	full.now.sock.laddr[0] = 10;
	assert_true(findings_listener(&f, &full));
	assert_true(findings_stall(&f, &waits));
	assert_true(findings_limit(&f, &files));
	files.pid = 7;
	files.call = EVL_SOCKET;
	assert_true(findings_limit(&f, &files));
	findings_join(&f);
	assert_int_equal(f.len, 4);
	for (size_t i = 0; i < f.len; i++)
		assert_string_equal(f.all[i].because, "");
	findings_free(&f);
}

static size_t lines(const struct listen_row *listeners, size_t n, const struct stall_row *waits,
		    size_t *folded)
{
	struct findings f = { 0 };
	size_t len;

	for (size_t i = 0; i < n; i++)
		assert_true(findings_listener(&f, &listeners[i]));
	assert_true(findings_stall(&f, waits));
	findings_join(&f);
	*folded = n;
	for (size_t i = 0; i < n; i++)
		if (strstr(f.all[i].text, "wait for accept()"))
			*folded = i;
	len = f.len;
	findings_free(&f);
	return len;
}

static void test_whose_accept_queue(void **state)
{
	struct listen_row at[2] = { listener(512, 48), listener(512, 48) };
	struct stall_row waits = waiting(10);
	size_t folded;

	(void)state;
	/* Of any address, and of its very own. */
	at[1].now.sock.laddr[0] = 10;
	assert_int_equal(lines(at, 2, &waits, &folded), 2);
	assert_int_equal(folded, 1);
	/* At several: not all are of that one. */
	waits.many_local = true;
	assert_int_equal(lines(&at[1], 1, &waits, &folded), 2);
	assert_int_equal(lines(&at[0], 1, &waits, &folded), 1);
	/* By IPv6 nobody comes to any address of IPv4. */
	waits.oldest.sock.family = 6;
	assert_int_equal(lines(&at[0], 1, &waits, &folded), 2);
	at[0].now.sock.family = 6;
	waits.oldest.sock.family = 4;
	assert_int_equal(lines(&at[0], 1, &waits, &folded), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_over),
		cmocka_unit_test(test_worst_first),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_hostile_name),
		cmocka_unit_test(test_one_incident_one_root),
		cmocka_unit_test(test_clients_of_a_full_queue),
		cmocka_unit_test(test_what_only_looks_like_one_incident),
		cmocka_unit_test(test_whose_accept_queue),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
