// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * play.c - plays scenarios of TCP on loopback, all at once, each in a network
 * namespace of its own, and prints what is true of each socket; at the end of
 * each, what the kernel says of its namespace.
 *
 *   play --list | --all | --before | NAME...
 *
 * --before plays those that open their sockets before the tracer starts; they go
 * on when the file that PLAY_GATE names exists, and end when it is gone.
 * PLAY_KEEP_MS: how long a namespace is watched after its sockets are closed;
 * PLAY_AT_ONCE: how many play.
 */
#include <err.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stage.h"

#define PATIENCE_S 60

static void own_namespace(void)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd;

	must(!unshare(CLONE_NEWNET), "unshare");
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	must(fd >= 0 && !ioctl(fd, SIOCSIFFLAGS, &lo), "lo up");
	close(fd);
}

static void name(const char *prefix, const char *scenario)
{
	char comm[16];

	snprintf(comm, sizeof(comm), "%s-%s", prefix, scenario);
	prctl(PR_SET_NAME, comm);
}

static void open_listener(struct end *e)
{
	struct sockaddr_storage at;
	socklen_t len = sizeof(at);

	e->listener = open_socket(e);
	if (e->mapped) {
		struct sockaddr_in6 any = { .sin6_family = AF_INET6 };

		option(e->listener, IPPROTO_IPV6, IPV6_V6ONLY, 0);
		must(!bind(e->listener, (void *)&any, sizeof(any)), "bind");
	} else {
		bind_port(e, e->listener, 0);
	}
	must(!listen(e->listener, 5), "listen");
	must(!getsockname(e->listener, (void *)&at, &len), "getsockname");
	e->port = ntohs(((struct sockaddr_in *)&at)->sin_port);
	truth(e, "listener", e->listener);
}

static pid_t server(const struct scenario *s, struct end *e)
{
	pid_t pid = fork();

	must(pid >= 0, "fork");
	if (pid)
		return pid;
	/* Those before the tracer wait until it has started. */
	alarm(s->before ? 3 * PATIENCE_S : PATIENCE_S);
	name("s", s->name);
	e->role = "server";
	if (!s->no_listener)
		open_listener(e);
	must(write(e->to, &e->port, sizeof(e->port)) == sizeof(e->port), "port");
	s->server(e);
	_exit(0);
}

static pid_t client(const struct scenario *s, struct end *e)
{
	pid_t pid = fork();

	must(pid >= 0, "fork");
	if (pid)
		return pid;
	alarm(s->before ? 3 * PATIENCE_S : PATIENCE_S);
	name("c", s->name);
	e->role = "client";
	must(read(e->from, &e->port, sizeof(e->port)) == sizeof(e->port), "port");
	s->client(e);
	_exit(0);
}

/* Both ends; the namespace stays until what is polled has been seen. */
static int stage(const struct scenario *s)
{
	struct end left = { .scenario = s->name, .family = s->family ? s->family : AF_INET,
			    .mapped = s->mapped, .protocol = s->protocol }, right = left;
	const char *keep = getenv("PLAY_KEEP_MS");
	int there[2], back[2], status, failed = 0;
	pid_t pids[2];

	own_namespace();
	if (s->prepare)
		s->prepare();
	must(!pipe(there) && !pipe(back), "pipe");
	left.to = there[1];
	left.from = back[0];
	right.to = back[1];
	right.from = there[0];
	pids[0] = server(s, &left);
	pids[1] = client(s, &right);
	for (int i = 0; i < 2; i++) {
		waitpid(pids[i], &status, 0);
		/* The scenario sigkill's client dies as it should. */
		if (!WIFEXITED(status) ? WTERMSIG(status) != SIGKILL : WEXITSTATUS(status))
			failed = 1;
	}
	nap_ms(keep ? atoi(keep) : 2500);
	kernel_says(s->name, !failed);
	return failed;
}

/* Namespaces stay until all scenarios are through: the kernel gives the number of
 * one that ended to the next. */
struct stages {
	int done[2];		/* a byte of each that is through */
	int hold[2];		/* end of file: go */
	int running;
};

static void play(const struct scenario *s, struct stages *all)
{
	pid_t pid = fork();
	int failed;
	char c;

	must(pid >= 0, "fork");
	all->running++;
	if (pid)
		return;
	close(all->hold[1]);
	failed = stage(s);
	must(write(all->done[1], "x", 1) == 1, "done");
	must(read(all->hold[0], &c, 1) == 0, "hold");
	_exit(failed);
}

static void one_is_through(struct stages *all)
{
	char c;

	must(read(all->done[0], &c, 1) == 1, "through");
	all->running--;
}

static int all_are_through(struct stages *all)
{
	const char *gate = getenv("PLAY_GATE");
	int status, failed = 0;

	while (all->running)
		one_is_through(all);
	while (gate && !access(gate, F_OK))
		nap_ms(20);
	close(all->hold[1]);
	while (wait(&status) > 0)
		failed |= status != 0;
	return failed;
}

int main(int argc, char **argv)
{
	bool all = argc == 2 && !strcmp(argv[1], "--all");
	bool before = argc == 2 && !strcmp(argv[1], "--before");
	bool list = argc == 2 && !strcmp(argv[1], "--list");
	int at_once = getenv("PLAY_AT_ONCE") ? atoi(getenv("PLAY_AT_ONCE")) : 100;
	struct stages stages = { .running = 0 };

	if (argc < 2)
		errx(2, "usage: play --list | --all | --before | NAME...");
	signal(SIGPIPE, SIG_IGN);
	alarm(10 * PATIENCE_S);
	must(!pipe(stages.done) && !pipe(stages.hold), "pipe");
	for (const struct scenario *s = scenarios; s->name; s++) {
		bool wanted = s->before ? before : all;

		for (int i = 1; i < argc; i++)
			wanted |= !strcmp(argv[i], s->name);
		if (list)
			puts(s->name);
		if (list || !wanted)
			continue;
		if (stages.running == at_once)
			one_is_through(&stages);
		play(s, &stages);
	}
	return all_are_through(&stages);
}
