// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "output.h"

static volatile sig_atomic_t stop;

static void put(struct output *out, const char *line)
{
	char *room = output_reserve(out, strlen(line));

	if (!room)
		return;
	memcpy(room, line, strlen(line));
	output_commit(out, strlen(line));
}

static void test_whole_lines(void **state)
{
	struct output *out;
	char buf[64];
	int p[2];

	(void)state;
	assert_int_equal(pipe(p), 0);
	out = output_open(p[1], NULL, 0);
	put(out, "one\n");
	put(out, "two\n");
	fcntl(p[0], F_SETFL, O_NONBLOCK);
	assert_int_equal(read(p[0], buf, sizeof(buf)), -1);	/* nothing before the flush */
	assert_int_equal(output_flush(out), 0);
	assert_int_equal(read(p[0], buf, sizeof(buf)), 8);
	assert_memory_equal(buf, "one\ntwo\n", 8);
	output_close(out);
	close(p[0]);
	close(p[1]);
}

static void expect_file(const char *path, const char *text)
{
	char buf[64] = "";
	int fd = open(path, O_RDONLY);

	assert_true(fd >= 0);
	assert_int_equal(read(fd, buf, sizeof(buf) - 1), strlen(text));
	assert_string_equal(buf, text);
	close(fd);
}

static void test_reopened_file(void **state)
{
	char dir[] = "/tmp/tcptrail-test.XXXXXX", path[64], old[64], missing[64];
	struct output *out;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/out", dir);
	snprintf(old, sizeof(old), "%s/out.1", dir);
	snprintf(missing, sizeof(missing), "%s/no/out", dir);
	assert_null(output_open_file(missing, NULL, 0));
	assert_int_equal(errno, ENOENT);
	out = output_open_file(path, NULL, 0);
	assert_non_null(out);
	put(out, "one\n");
	assert_int_equal(rename(path, old), 0);
	assert_int_equal(output_reopen(out, path), 0);	/* what was there goes to the old one */
	put(out, "two\n");
	assert_int_equal(output_reopen(out, missing), -ENOENT);
	put(out, "three\n");
	assert_int_equal(output_flush(out), 0);
	expect_file(old, "one\n");
	expect_file(path, "two\nthree\n");
	assert_int_equal(truncate(path, 0), 0);		/* copytruncate: no hole */
	put(out, "four\n");
	output_flush(out);
	expect_file(path, "four\n");
	output_close(out);
	unlink(path);
	unlink(old);
	rmdir(dir);
}

static void test_reader_gone(void **state)
{
	struct output *out;
	int p[2];

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe(p), 0);
	out = output_open(p[1], NULL, 0);
	close(p[0]);
	put(out, "one\n");
	put(out, "two\n");
	assert_int_equal(output_flush(out), -EPIPE);
	assert_null(output_reserve(out, 10));
	assert_int_equal(output_error(out), -EPIPE);
	assert_int_equal(output_lines_lost(out), 3);
	output_close(out);
	close(p[1]);
}

static void test_disk_full(void **state)
{
	int fd = open("/dev/full", O_WRONLY);
	struct output *out = output_open(fd, NULL, 0);

	(void)state;
	put(out, "one\n");
	assert_int_equal(output_flush(out), -ENOSPC);
	assert_int_equal(output_lines_lost(out), 1);
	output_close(out);
	close(fd);
}

/* A reader that stopped holds nobody once the stop is asked for. */
static void test_reader_stopped(void **state)
{
	static char line[4096];
	struct output *out;
	struct timespec begun, ended;
	int p[2];

	(void)state;
	memset(line, 'x', sizeof(line));
	memcpy(line + sizeof(line) - 2, "\n", 2);
	assert_int_equal(pipe(p), 0);
	fcntl(p[1], F_SETPIPE_SZ, 4096);
	stop = 1;
	out = output_open(p[1], &stop, 100);
	for (int i = 0; i < 8; i++)
		put(out, line);
	clock_gettime(CLOCK_MONOTONIC, &begun);
	assert_int_equal(output_flush(out), -ETIMEDOUT);
	clock_gettime(CLOCK_MONOTONIC, &ended);
	assert_true(ended.tv_sec - begun.tv_sec < 5);
	assert_int_equal(output_lines_lost(out), 7);
	output_close(out);
	close(p[0]);
	close(p[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_lines),
		cmocka_unit_test(test_reopened_file),
		cmocka_unit_test(test_reader_gone),
		cmocka_unit_test(test_disk_full),
		cmocka_unit_test(test_reader_stopped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
