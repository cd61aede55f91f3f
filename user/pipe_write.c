// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "pipe_write.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include "monotonic.h"

#define LOOK_MS		50	/* how often a wait looks at *stop */

static int64_t now_ms(void)
{
	return monotonic_ns() / 1000000;
}

/* Until the reader takes PIPE_BUF bytes without blocking; 0 or -errno. */
static int wait_for_reader(struct pipe_write *w, int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	for (;;) {
		int n = poll(&p, 1, LOOK_MS);

		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (!w->stop || !*w->stop)
			continue;
		if (!w->give_up_ms)
			w->give_up_ms = now_ms() + w->grace_ms;
		if (now_ms() >= w->give_up_ms)
			return -ETIMEDOUT;
	}
}

/* A pipe that poll(2) calls writable takes PIPE_BUF bytes at once; more could
 * block where no signal is looked at. */
ssize_t pipe_write_some(struct pipe_write *w, int fd, bool file, const char *from, size_t len)
{
	if (!file) {
		int err = wait_for_reader(w, fd);

		if (err)
			return err;
		if (len > PIPE_BUF)
			len = PIPE_BUF;
	}
	for (;;) {
		ssize_t n = write(fd, from, len);

		if (n >= 0)
			return n;
		if (errno != EINTR && errno != EAGAIN)
			return -errno;
	}
}
