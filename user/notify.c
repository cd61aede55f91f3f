// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "notify.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "value.h"

#define STATUS_PERIOD_NS	10000000000ULL

/* A path, or after '@' a name in the abstract namespace. */
static bool address_of(struct notify *n, const char *name)
{
	size_t len = name ? strlen(name) : 0;

	if ((len < 2 || (name[0] != '/' && name[0] != '@')) || len >= sizeof(n->at.sun_path))
		return false;
	n->at.sun_family = AF_UNIX;
	memcpy(n->at.sun_path, name, len + 1);
	n->at_len = offsetof(struct sockaddr_un, sun_path) + len + 1;
	if (name[0] == '@') {
		n->at.sun_path[0] = '\0';
		n->at_len--;
	}
	return true;
}

/* The watchdog's time, in microseconds, when it is meant for us. */
static void take_watchdog(struct notify *n, const char *usec, const char *pid)
{
	uint64_t us, whose;

	n->period_ns = STATUS_PERIOD_NS;
	if (!usec || !value_number(usec, 1, UINT64_MAX / 1000, &us))
		return;
	if (pid && (!value_number(pid, 1, INT32_MAX, &whose) || whose != (uint64_t)getpid()))
		return;
	n->watchdog = true;
	if (us * 1000 / 2 < n->period_ns)
		n->period_ns = us * 1000 / 2;
}

void notify_open(struct notify *n)
{
	static const struct timeval second = { .tv_sec = 1 };

	*n = (struct notify){ .fd = -1 };
	take_watchdog(n, getenv("WATCHDOG_USEC"), getenv("WATCHDOG_PID"));
	if (address_of(n, getenv("NOTIFY_SOCKET")))
		n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (n->fd >= 0)
		setsockopt(n->fd, SOL_SOCKET, SO_SNDTIMEO, &second, sizeof(second));
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

void notify_close(struct notify *n)
{
	if (n->fd >= 0)
		close(n->fd);
	n->fd = -1;
}

/* Nothing to be done where it fails: who is not there needs no word. */
static void tell(const struct notify *n, const char *text, int flags)
{
	if (n->fd >= 0)
		sendto(n->fd, text, strlen(text), flags | MSG_NOSIGNAL, (const void *)&n->at, n->at_len);
}

void notify_ready(struct notify *n, const char *status)
{
	char text[256];

	snprintf(text, sizeof(text), "READY=1\nSTATUS=%s\n", status);
	tell(n, text, 0);
}

bool notify_due(struct notify *n, uint64_t now_ns)
{
	if (n->fd < 0 || now_ns < n->due_ns)
		return false;
	n->due_ns = now_ns + n->period_ns;
	return true;
}

void notify_alive(struct notify *n, const char *status)
{
	char text[256];

	snprintf(text, sizeof(text), "%sSTATUS=%s\n", n->watchdog ? "WATCHDOG=1\n" : "", status);
	tell(n, text, MSG_DONTWAIT);
}

void notify_stopping(struct notify *n)
{
	tell(n, "STOPPING=1\n", MSG_DONTWAIT);
}
