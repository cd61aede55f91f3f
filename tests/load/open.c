// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * open.c - many open connections: SOCKETS sockets in NAMESPACES namespaces, held
 * by PROCESSES processes, until stdin ends.
 *
 *   open NAMESPACES PROCESSES SOCKETS
 *
 * Says "open N" when all are. OPTMEM_MAX in the environment: net.core.optmem_max of
 * the namespaces, where each has its own (Linux 6.12).
 */
#include <arpa/inet.h>
#include <err.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static void own_namespace(void)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	const char *optmem = getenv("OPTMEM_MAX");
	FILE *f;
	int fd;

	if (unshare(CLONE_NEWNET))
		err(1, "unshare");
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &lo))
		err(1, "lo up");
	close(fd);
	if (!optmem)
		return;
	f = fopen("/proc/sys/net/core/optmem_max", "w");
	if (f && (fputs(optmem, f) < 0 || fclose(f)))
		err(1, "optmem_max");
}

/* Pairs of a client and the socket that accept() returned. */
static void open_pairs(long pairs)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	if (listener < 0 || bind(listener, (void *)&a, sizeof(a)) || listen(listener, 128) ||
	    getsockname(listener, (void *)&a, &len))
		err(1, "listen");
	for (long i = 0; i < pairs; i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		if (fd < 0 || connect(fd, (void *)&a, sizeof(a)) || accept(listener, NULL, NULL) < 0)
			err(1, "pair %ld", i);
	}
}

static void hold(long pairs, int done)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	open_pairs(pairs);
	if (write(done, "x", 1) != 1)
		err(1, "pipe");
	for (;;)
		pause();
}

/* The parent of a namespace's processes. */
static void house(long processes, long pairs, int done)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	own_namespace();
	for (long i = 0; i < processes; i++) {
		pid_t pid = fork();

		if (pid < 0)
			err(1, "fork");
		if (!pid)
			hold(pairs, done);
	}
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	struct rlimit files = { 65536, 65536 };
	long namespaces, processes, sockets;
	int done[2];
	char c;

	if (argc != 4)
		errx(2, "usage: open NAMESPACES PROCESSES SOCKETS");
	namespaces = atol(argv[1]);
	processes = atol(argv[2]);
	sockets = atol(argv[3]);
	setrlimit(RLIMIT_NOFILE, &files);
	if (pipe(done))
		err(1, "pipe");
	for (long i = 0; i < namespaces; i++) {
		pid_t pid = fork();

		if (pid < 0)
			err(1, "fork");
		if (!pid)
			house(processes / namespaces, sockets / processes / 2, done[1]);
	}
	for (long i = 0; i < processes; i++)
		if (read(done[0], &c, 1) != 1)
			err(1, "pipe");
	printf("open %ld\n", processes * (sockets / processes / 2 * 2));
	fflush(stdout);
	while (getchar() != EOF)
		;
	return 0;
}
