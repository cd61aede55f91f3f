/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* command.h - the program that is started to be traced: held until all is attached. */
#ifndef TCPTRAIL_COMMAND_H
#define TCPTRAIL_COMMAND_H

#include <stdbool.h>
#include <sys/types.h>

struct command_run {
	pid_t pid;		/* 0: none */
	int hold;		/* -1: released */
	int status;		/* of waitpid(2), once ended */
	bool ended;
};

/* Forks; the child waits. Its standard output is our standard error, so that records
 * stay whole. 0 or -errno. */
int command_start(struct command_run *c, char *const *argv);

/* Lets it execute, and waits until it does. 0 or -errno of execvp(3). */
int command_release(struct command_run *c);

/* Has it ended? Never waits. */
bool command_ended(struct command_run *c);

/* Ends what was never released; what runs goes on without us. */
void command_close(struct command_run *c);

#endif /* TCPTRAIL_COMMAND_H */
