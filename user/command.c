// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "command.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Without a byte the tracer is gone, and so is the wish. An errno goes back; when it
 * could be executed, the end of the socket, which closes then. */
static void wait_and_execute(int hold, char *const *argv)
{
	char go;
	int err;

	signal(SIGPIPE, SIG_DFL);
	dup2(STDERR_FILENO, STDOUT_FILENO);
	if (recv(hold, &go, 1, 0) != 1)
		_exit(127);
	execvp(argv[0], argv);
	err = errno;
	send(hold, &err, sizeof(err), MSG_NOSIGNAL);
	_exit(127);
}

int command_start(struct command_run *c, char *const *argv)
{
	int ends[2], err;

	*c = (struct command_run){ .hold = -1 };
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		return -errno;
	c->pid = fork();
	if (!c->pid) {
		close(ends[1]);
		wait_and_execute(ends[0], argv);
	}
	err = errno;
	close(ends[0]);
	c->hold = ends[1];
	if (c->pid > 0)
		return 0;
	c->pid = 0;
	command_close(c);
	return -err;
}

int command_release(struct command_run *c)
{
	int err = 0;

	if (send(c->hold, "", 1, MSG_NOSIGNAL) != 1 ||
	    recv(c->hold, &err, sizeof(err), 0) != sizeof(err))
		err = 0;	/* executed; or killed, which command_ended() tells */
	command_close(c);
	return -err;
}

bool command_ended(struct command_run *c)
{
	if (c->pid && !c->ended && waitpid(c->pid, &c->status, WNOHANG) == c->pid)
		c->ended = true;
	return c->ended;
}

void command_close(struct command_run *c)
{
	if (c->hold >= 0)
		close(c->hold);
	c->hold = -1;
}
