// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* test_notify.c - against a socket as a service manager has one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <unistd.h>

#include "notify.h"

#define S 1000000000ull

/* `name` as in $NOTIFY_SOCKET. */
static int manager(const char *name)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	strncpy(at.sun_path, name, sizeof(at.sun_path) - 1);
	if (name[0] == '@')
		at.sun_path[0] = '\0';
	assert_int_equal(bind(fd, (void *)&at, offsetof(struct sockaddr_un, sun_path) + strlen(name) +
			      (name[0] == '/')), 0);
	assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
	return fd;
}

static const char *heard(int fd, char *buf, size_t len)
{
	ssize_t n = recv(fd, buf, len - 1, 0);

	buf[n > 0 ? n : 0] = '\0';
	return buf;
}

static void talk(const char *name)
{
	int fd = manager(name);
	struct notify n;
	char buf[512];

	setenv("WATCHDOG_USEC", "3000000", 1);
	notify_open(&n);
	assert_true(n.watchdog);
	assert_null(getenv("NOTIFY_SOCKET"));
	assert_null(getenv("WATCHDOG_USEC"));
	notify_ready(&n, "0 records");
	assert_string_equal(heard(fd, buf, sizeof(buf)), "READY=1\nSTATUS=0 records\n");
	assert_true(notify_due(&n, 100 * S));
	assert_false(notify_due(&n, 100 * S + S));
	assert_true(notify_due(&n, 101 * S + S / 2));	/* half the time */
	notify_alive(&n, "7 records");
	assert_string_equal(heard(fd, buf, sizeof(buf)), "WATCHDOG=1\nSTATUS=7 records\n");
	notify_stopping(&n);
	assert_string_equal(heard(fd, buf, sizeof(buf)), "STOPPING=1\n");
	notify_close(&n);
	close(fd);
}

static void test_path(void **state)
{
	char dir[] = "/tmp/tcptrail-notify.XXXXXX", path[64];

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/socket", dir);
	talk(path);
	unlink(path);
	rmdir(dir);
}

static void test_abstract(void **state)
{
	char name[64];

	(void)state;
	snprintf(name, sizeof(name), "@tcptrail-notify-%d", getpid());
	talk(name);
}

/* A name that fills sun_path is too long by its NUL; nobody is there; no socket. */
static void test_no_manager(void **state)
{
	static const char *const names[] = { "", "/", "relative", "@", "vsock:2:1",
					     "/nobody/listens/here" };
	char longest[sizeof(((struct sockaddr_un *)0)->sun_path) + 1];
	struct notify n;

	(void)state;
	unsetenv("NOTIFY_SOCKET");
	notify_open(&n);
	assert_int_equal(n.fd, -1);
	assert_false(notify_due(&n, S));
	notify_ready(&n, "");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		setenv("NOTIFY_SOCKET", names[i], 1);
		notify_open(&n);
		notify_ready(&n, "");
		notify_stopping(&n);
		notify_close(&n);
	}
	memset(longest, 'x', sizeof(longest) - 1);
	longest[0] = '/';
	longest[sizeof(longest) - 1] = '\0';
	setenv("NOTIFY_SOCKET", longest, 1);
	notify_open(&n);
	assert_int_equal(n.fd, -1);
}

/* Set for another process, or no number: no watchdog, a status now and then. */
static void test_watchdog_of_another(void **state)
{
	char name[64], buf[128];
	struct notify n;
	int fd;

	(void)state;
	snprintf(name, sizeof(name), "@tcptrail-other-%d", getpid());
	fd = manager(name);
	setenv("WATCHDOG_USEC", "1000000", 1);
	setenv("WATCHDOG_PID", "1", 1);
	notify_open(&n);
	assert_false(n.watchdog);
	assert_true(notify_due(&n, S));
	assert_false(notify_due(&n, 10 * S));
	notify_alive(&n, "x");
	assert_string_equal(heard(fd, buf, sizeof(buf)), "STATUS=x\n");
	notify_close(&n);
	setenv("NOTIFY_SOCKET", name, 1);
	setenv("WATCHDOG_USEC", "-1", 1);
	notify_open(&n);
	assert_false(n.watchdog);
	notify_close(&n);
	close(fd);
}

/* A manager that does not read: the tenth word waits no more than the first. */
static void test_never_waits(void **state)
{
	char name[64];
	struct notify n;
	int fd;

	(void)state;
	snprintf(name, sizeof(name), "@tcptrail-deaf-%d", getpid());
	fd = manager(name);
	notify_open(&n);
	alarm(5);
	for (int i = 0; i < 10000; i++)
		notify_alive(&n, "more than it takes");
	alarm(0);
	notify_close(&n);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_path),
		cmocka_unit_test(test_abstract),
		cmocka_unit_test(test_no_manager),
		cmocka_unit_test(test_watchdog_of_another),
		cmocka_unit_test(test_never_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
