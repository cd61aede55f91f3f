// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "limit_rows.h"

static void test_nofile(void **state)
{
	static const char text[] =
		"Limit                     Soft Limit           Hard Limit           Units     \n"
		"Max cpu time              unlimited            unlimited            seconds   \n"
		"Max open files            1024                 524288               files     \n";
	uint64_t soft, hard;

	(void)state;
	assert_true(limit_parse_nofile(text, &soft, &hard));
	assert_int_equal(soft, 1024);
	assert_int_equal(hard, 524288);
	assert_true(limit_parse_nofile("Max open files 7 unlimited files\n", &soft, &hard));
	assert_int_equal(hard, UINT64_MAX);
	assert_false(limit_parse_nofile("Max open files            1024", &soft, &hard));
	assert_false(limit_parse_nofile("Max open files  x y\n", &soft, &hard));
	assert_false(limit_parse_nofile("", &soft, &hard));
}

static void test_sockstat(void **state)
{
	static const char text[] = "sockets: used 131\nTCP: inuse 5 orphan 1 tw 20 alloc 7 mem 3\n"
				   "UDP: inuse 2 mem 4";
	uint64_t n;

	(void)state;
	assert_true(limit_parse_sockstat(text, "TCP:", "tw", &n));
	assert_int_equal(n, 20);
	assert_true(limit_parse_sockstat(text, "UDP:", "mem", &n));
	assert_int_equal(n, 4);
	assert_false(limit_parse_sockstat(text, "TCP:", "t", &n));
	assert_false(limit_parse_sockstat(text, "UDP:", "tw", &n));
	assert_false(limit_parse_sockstat("TCP: inuse 5 tw", "TCP:", "tw", &n));
	assert_false(limit_parse_sockstat("TCP: tw -1\n", "TCP:", "tw", &n));
}

static void test_memory_stat(void **state)
{
	static const char text[] = "anon 5464064\npercpu 1184\nsock 245760\nvmalloc 0\nsocket 5\n";
	uint64_t n;

	(void)state;
	assert_true(limit_parse_stat(text, "sock ", &n));
	assert_int_equal(n, 245760);
	assert_false(limit_parse_stat(text, "shmem ", &n));
	assert_false(limit_parse_stat("sock", "sock ", &n));
	assert_false(limit_parse_stat("sock -1\n", "sock ", &n));
}

static void test_netstat(void **state)
{
	static const char text[] = "TcpExt: SyncookiesSent TWKilled TCPTimeWaitOverflow\n"
				   "TcpExt: 1 2 18446744073709551615\nIpExt: InNoRoutes\nIpExt: 7\n";
	uint64_t n;

	(void)state;
	assert_true(limit_parse_netstat(text, "TcpExt:", "TCPTimeWaitOverflow", &n));
	assert_int_equal(n, UINT64_MAX);
	assert_true(limit_parse_netstat(text, "IpExt:", "InNoRoutes", &n));
	assert_int_equal(n, 7);
	assert_false(limit_parse_netstat(text, "TcpExt:", "TWKill", &n));
	assert_false(limit_parse_netstat("TcpExt: A B\nTcpExt: 1\n", "TcpExt:", "B", &n));
	assert_false(limit_parse_netstat("TcpExt: A B\n", "TcpExt:", "A", &n));
}

static void test_reserved(void **state)
{
	(void)state;
	assert_int_equal(limit_reserved("", 40000, 40029), 0);
	assert_int_equal(limit_reserved("\n", 40000, 40029), 0);
	assert_int_equal(limit_reserved("40000-40009,50000\n", 40000, 40029), 10);
	assert_int_equal(limit_reserved("1-65535", 40000, 40029), 30);
	assert_int_equal(limit_reserved("40029,40029-60000,8080", 40000, 40029), 2);
	assert_int_equal(limit_reserved("40005-40000", 40000, 40029), 0);
	assert_int_equal(limit_reserved("40000-", 40000, 40029), 0);
	assert_int_equal(limit_reserved("x,40000", 40000, 40029), 0);
}

static void test_order(void **state)
{
	struct limit_row half = { .kind = LIMIT_TIME_WAIT, .use = 50, .max = 100 };
	struct limit_row over = { .kind = LIMIT_OPEN_FILES, .use = 30, .max = 20, .hard = 20 };
	struct limit_row fails = { .kind = LIMIT_TIME_WAIT, .use = 1, .max = 100, .failed = 3,
				   .has_failed = true };
	struct limit_row fine = { .kind = LIMIT_ORPHANS, .use = 49, .max = 100 };
	struct limit_rows rows = { 0 };

	(void)state;
	assert_true(limit_rows_add(&rows, &fine));
	assert_true(limit_rows_add(&rows, &half));
	assert_true(limit_rows_add(&rows, &over));
	assert_true(limit_rows_add(&rows, &fails));
	limit_rows_sort(&rows);
	assert_int_equal(rows.all[0].failed, 3);
	assert_int_equal(limit_percent(&rows.all[1]), 150);
	assert_int_equal(limit_percent(&rows.all[2]), 50);
	assert_true(limit_in_trouble(&rows.all[2]));
	assert_false(limit_in_trouble(&rows.all[3]));
	limit_rows_free(&rows);
	limit_rows_sort(&rows);
	half.max = 0;
	assert_int_equal(limit_percent(&half), 100);
	half.use = half.max = UINT64_MAX;
	assert_int_equal(limit_percent(&half), 100);
	half.use = 1;
	assert_int_equal(limit_percent(&half), 0);
}

static void test_advice(void **state)
{
	struct limit_row row = { .kind = LIMIT_OPEN_FILES, .pid = 1188, .use = 1024, .max = 1024,
				 .has_hard = true, .hard = 524288 };
	char buf[256];

	(void)state;
	/* The soft one alone: the hard one stays what it is, now and in the unit. */
	limit_advice(&row, buf, sizeof(buf));
	assert_non_null(strstr(buf, "prlimit --pid 1188 --nofile=4096: (now)"));
	assert_non_null(strstr(buf, "LimitNOFILE=4096:524288 of its unit"));
	row.hard = 2048;
	assert_non_null(strstr(limit_advice(&row, buf, sizeof(buf)), "--nofile=2048: "));
	/* Not known: a value in the unit could lower it. */
	row.has_hard = false;
	limit_advice(&row, buf, sizeof(buf));
	assert_non_null(strstr(buf, "--nofile=4096: (now), LimitNOFILE= of its unit"));
	/* Both, and not above what a hard limit may be. */
	row.has_hard = true;
	row.hard = 1024;
	limit_advice(&row, buf, sizeof(buf));
	assert_non_null(strstr(buf, "prlimit --pid 1188 --nofile=4096:4096 (now, with "));
	assert_non_null(strstr(buf, "LimitNOFILE=4096 of its unit"));
	row.ceiling = 3000;
	assert_non_null(strstr(limit_advice(&row, buf, sizeof(buf)), "--nofile=3000:3000 "));
	assert_null(strstr(buf, "fs.nr_open"));
	row.ceiling = 1024;
	limit_advice(&row, buf, sizeof(buf));
	assert_non_null(strstr(buf, "sysctl -w fs.nr_open=4096; prlimit --pid 1188 "));
	assert_true(strlen(buf) < sizeof(buf) - 1);
	/* Not above what there can be. */
	row.max = row.hard = row.ceiling = 0x7fffff80;
	row.use = row.max;
	row.pid = 4194304;
	assert_non_null(strstr(limit_advice(&row, buf, sizeof(buf)), "fs.nr_open=2147483584; "));
	assert_true(strlen(buf) < sizeof(buf) - 1);
	row.max = row.hard = row.ceiling = 0x7fffffc0;
	assert_null(strstr(limit_advice(&row, buf, sizeof(buf)), "--nofile="));
	/* Of a recording: that process may be gone, or another. */
	row.max = row.use = row.hard = 1024;
	row.recorded = true;
	assert_null(strstr(limit_advice(&row, buf, sizeof(buf)), "--pid"));
	/* Neither its limits are known, nor whose: nothing is said of them. */
	row = (struct limit_row){ .kind = LIMIT_OPEN_FILES, .use = UINT64_MAX, .max = UINT64_MAX,
				  .has_failed = true, .failed = 1 };
	assert_non_null(strstr(limit_advice(&row, buf, sizeof(buf)), "/proc/PID/fd"));
	assert_null(strstr(limit_advice(&row, buf, sizeof(buf)), "are the same"));
	row.pid = 1188;
	assert_null(strstr(limit_advice(&row, buf, sizeof(buf)), "are the same"));
	row = (struct limit_row){ .kind = LIMIT_OPEN_FILES, .pid = 1188, .max = 1024,
				  .has_hard = true, .hard = 1024 };
	row.use = 1;
	assert_string_equal(limit_advice(&row, buf, sizeof(buf)), "");
	row = (struct limit_row){ .kind = LIMIT_LOCAL_PORTS, .use = 20, .max = 20, .time_wait = 11 };
	assert_non_null(strstr(limit_advice(&row, buf, sizeof(buf)), "tcp_tw_reuse=1"));
	row.time_wait = 10;
	assert_null(strstr(limit_advice(&row, buf, sizeof(buf)), "tcp_tw_reuse=1"));
	row = (struct limit_row){ .use = UINT32_MAX, .max = INT32_MAX / 2, .has_below = true,
				  .below = { INT32_MAX / 2, INT32_MAX / 2 } };
	for (int i = 0; i < LIMITS + 2; i++) {
		row.kind = i;
		row.set_by = i == LIMIT_NEIGHBOURS ? "net.ipv4.neigh.default.gc_thresh3" : NULL;
		assert_non_null(limit_name(i));
		assert_non_null(limit_set_by(&row));
		assert_true(strlen(limit_advice(&row, buf, sizeof(buf))) < sizeof(buf) - 1);
	}
}

/* A command with its value where more is the cure, none where it is not. */
static void test_commands(void **state)
{
	static const struct {
		struct limit_row row;
		const char *command;
	} table[] = {
		{ { .kind = LIMIT_FILE_MAX, .use = 90, .max = 100 },
		  "sysctl -w fs.file-max=200; " },
		{ { .kind = LIMIT_TIME_WAIT, .use = 8, .max = 8, .has_failed = true, .failed = 8 },
		  "sysctl -w net.ipv4.tcp_max_tw_buckets=16 " },
		{ { .kind = LIMIT_CONNTRACK, .use = 262144, .max = 262144 },
		  "sysctl -w net.netfilter.nf_conntrack_max=524288 " },
		{ { .kind = LIMIT_TCP_MEM, .use = 200, .max = 256, .has_below = true,
		    .below = { 128, 192 }, .ceiling = 512 },
		  "sysctl -w net.ipv4.tcp_mem=\"256 384 512\"; " },
		{ { .kind = LIMIT_NR_OPEN, .use = 900, .max = 1024, .has_hard = true,
		    .hard = 1024 },
		  "sysctl -w fs.nr_open=2048; " },
		{ { .kind = LIMIT_NEIGHBOURS, .use = 1024, .max = 1024, .has_below = true,
		    .below = { 0, 512 }, .set_by = "net.ipv6.neigh.default.gc_thresh3" },
		  "sysctl -w net.ipv6.neigh.default.gc_thresh2=1024 "
		  "net.ipv6.neigh.default.gc_thresh3=2048; " },
	};
	char buf[256];

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct limit_row row = table[i].row;

		assert_non_null(strstr(limit_advice(&row, buf, sizeof(buf)), table[i].command));
		/* Something failed far from the limit: that was not it. */
		row.use = row.max / 4;
		row.has_failed = true;
		row.failed = 1;
		assert_true(*limit_advice(&row, buf, sizeof(buf)));
		assert_null(strstr(buf, "sysctl -w"));
		/* Twice as much is more than there can be. */
		row = table[i].row;
		row.use = row.max = INT64_MAX;
		assert_null(strstr(limit_advice(&row, buf, sizeof(buf)), "sysctl -w"));
	}
}

static void test_what_more_does_not_cure(void **state)
{
	struct limit_row memory = { .kind = LIMIT_TCP_MEM, .use = 256, .max = 256,
				    .has_below = true, .below = { 128, 192 } };
	struct limit_row files = { .kind = LIMIT_NR_OPEN, .use = 600, .max = 1024,
				   .has_hard = true, .hard = 700 };
	struct limit_row neighbours = { .kind = LIMIT_NEIGHBOURS, .use = 9, .max = 9 };
	char buf[256];

	(void)state;
	/* How much memory there is is not known, or it is less. */
	assert_null(strstr(limit_advice(&memory, buf, sizeof(buf)), "sysctl -w"));
	memory.ceiling = 511;
	assert_null(strstr(limit_advice(&memory, buf, sizeof(buf)), "sysctl -w"));
	memory.ceiling = 512;
	memory.has_below = false;
	assert_null(strstr(limit_advice(&memory, buf, sizeof(buf)), "sysctl -w"));
	/* It gets no further than its own limit. */
	assert_non_null(strstr(limit_advice(&files, buf, sizeof(buf)), "700 is met first"));
	assert_null(strstr(buf, "sysctl -w"));
	/* Which table it is, and its other thresholds, are not known. */
	assert_null(strstr(limit_advice(&neighbours, buf, sizeof(buf)), "sysctl -w"));
}

static void test_neighbours(void **state)
{
	static const char text[] =
		"entries  allocs   table_fulls\n"
		"000003ff 0000026c 00000010\n"
		"000003ff 0000010e 00000001\n";
	uint64_t entries, fulls;

	(void)state;
	assert_true(limit_parse_cpus(text, "table_fulls", &entries, &fulls));
	assert_int_equal(entries, 1023);
	assert_int_equal(fulls, 17);
	assert_false(limit_parse_cpus("entries  allocs\n00000001 00000002\n", "table_fulls", &entries,
				      &fulls));
	assert_false(limit_parse_cpus("", "table_fulls", &entries, &fulls));
	assert_true(limit_parse_cpus("entries table_fulls\n7 z\n", "table_fulls", &entries, &fulls));
	assert_int_equal(fulls, 0);
}

static void test_buffers(void **state)
{
	const struct limit_sizes sizes = { .first = 131072, .most = 6 << 20, .option = 212992 };
	struct limit_row row = { .kind = LIMIT_RECV_BUFFER, .use = 3 << 20 };
	char buf[256];

	(void)state;
	limit_buffer(&row, 1 << 20, false, &sizes);
	assert_int_equal(row.max, 6 << 20);	/* what it may grow to, not what it is */
	assert_string_equal(limit_set_by(&row), "net.ipv4.tcp_rmem (autotuned)");
	assert_int_equal(limit_percent(&row), 50);
	assert_non_null(strstr(limit_advice(&row, buf, sizeof(buf)), "tcptrail stalls"));
	row.use = 131072;
	limit_buffer(&row, 131072, true, &sizes);
	assert_int_equal(row.max, 131072);
	assert_string_equal(limit_set_by(&row), "SO_RCVBUF");
	assert_non_null(strstr(limit_advice(&row, buf, sizeof(buf)), "6291456 (tcp_rmem)"));
	row.use = UINT64_MAX;			/* each of a namespace: none is known to be near */
	limit_buffer(&row, 6 << 20, false, &sizes);
	assert_false(limit_in_trouble(&row));
}

static void test_syn_queue(void **state)
{
	struct ev_queues q = { .backlog = 128, .syn_queue = 64, .somaxconn = 4096,
			       .max_syn_backlog = 128, .syncookies = 1 };
	struct limit_row row = { .lport = 80 };
	char buf[256];

	(void)state;
	/* tcp_max_syn_backlog is no limit with cookies. */
	assert_true(limit_syn_queue(&row, &q, q.syn_queue));
	assert_string_equal(limit_name(row.kind), "syn-queue");
	assert_int_equal(row.max, 128);
	assert_string_equal(limit_set_by(&row), "listen()");
	limit_advice(&row, buf, sizeof(buf));
	assert_non_null(strstr(buf, "beyond it a SYN gets a cookie"));
	assert_non_null(strstr(buf, "ss -tn state syn-recv sport = :80"));
	assert_null(strstr(buf, "sysctl"));
	q.syncookies = 0;
	assert_true(limit_syn_queue(&row, &q, q.syn_queue));
	assert_int_equal(row.max, 96);
	assert_string_equal(limit_set_by(&row), "net.ipv4.tcp_max_syn_backlog (3/4)");
	assert_non_null(strstr(limit_advice(&row, buf, sizeof(buf)),
			       "sysctl -w net.ipv4.tcp_syncookies=1 "));
	/* The smaller of the two. */
	q.backlog = q.somaxconn = 96;
	assert_true(limit_syn_queue(&row, &q, q.syn_queue));
	assert_string_equal(limit_set_by(&row), "listen(), net.core.somaxconn");
	q.syncookies = 2;
	assert_false(limit_syn_queue(&row, &q, 0));
}

static void test_the_nearest_stay(void **state)
{
	struct limit_row kept[2], row = { .max = 100 };
	size_t len = 0;

	(void)state;
	for (uint64_t use = 10; use <= 50; use += 10) {
		row.use = use == 30 ? 90 : use;
		limit_keep_nearest(kept, &len, 2, &row);
	}
	assert_int_equal(len, 2);
	assert_int_equal(kept[0].use + kept[1].use, 90 + 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nofile),
		cmocka_unit_test(test_sockstat),
		cmocka_unit_test(test_memory_stat),
		cmocka_unit_test(test_netstat),
		cmocka_unit_test(test_reserved),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_advice),
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_what_more_does_not_cure),
		cmocka_unit_test(test_neighbours),
		cmocka_unit_test(test_buffers),
		cmocka_unit_test(test_syn_queue),
		cmocka_unit_test(test_the_nearest_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
