// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * load.c - short connections over loopback, as many as the machine can make:
 * connect, accept, close. In a network namespace of its own, bounded by a count
 * or a time. Prints one JSON object with what it did, as a truth to compare with.
 *
 *   load [-n COUNT] [-s SECONDS] [-c CPU] [-r] [-R] [-E] [-a ADDRESSES] [-H] [-L]
 *     -n   connections (default 10000)       -s   stop after that many seconds
 *     -c   pin client and server to one CPU  -r   RPS on lo, to every CPU
 *     -R   end each by RST (SO_LINGER 0)     -a   rotate over 127.0.0.1..N
 *     -E   echo: COUNT bytes there and back, one by one, over one connection
 *     -H   keep the namespace (and so the TIME-WAITs) until stdin ends
 *     -L   tell how long connect() and accept() took; accept() of a connection that waits
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct plan {
	long connections;
	double seconds;
	int cpu;
	bool rps;
	bool reset;
	bool echo;
	bool hold;
	unsigned int addresses;
	struct times *connects, *accepts;	/* NULL: not asked for */
};

/* The first so many; shared with the server's process. */
#define TIMES_MAX 262144

struct times {
	size_t len;
	uint32_t ns[TIMES_MAX];
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static struct times *times_new(void)
{
	void *t = mmap(NULL, sizeof(struct times), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (t == MAP_FAILED)
		err(1, "mmap");
	return t;
}

static void times_add(struct times *t, double begun)
{
	double ns = (now() - begun) * 1e9;

	if (t->len < TIMES_MAX)
		t->ns[t->len++] = ns < UINT32_MAX ? (uint32_t)ns : UINT32_MAX;
}

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void times_print(const char *name, struct times *t)
{
	qsort(t->ns, t->len, sizeof(t->ns[0]), by_size);
	if (t->len)
		printf(",\"%s_ns\":{\"p50\":%u,\"p99\":%u}", name, t->ns[t->len / 2],
		       t->ns[t->len * 99 / 100]);
}

static void put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	if (!f || fputs(text, f) < 0 || fclose(f))
		err(1, "%s", path);
}

static void own_namespace(const struct plan *p)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	char mask[32];
	int fd;

	if (unshare(CLONE_NEWNET))
		err(1, "unshare");
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &lo))
		err(1, "lo up");
	close(fd);
	put("/proc/sys/net/ipv4/ip_local_port_range", "1024 65535");
	put("/proc/sys/net/ipv4/tcp_max_tw_buckets", "1000000");
	if (!p->rps)
		return;
	/* sysfs shows the namespace of whoever mounted it. */
	if (unshare(CLONE_NEWNS))
		err(1, "unshare");
	if (system("mount --make-rprivate / && mount -t sysfs sysfs /sys"))
		errx(1, "cannot mount sysfs");
	snprintf(mask, sizeof(mask), "%lx", (1UL << sysconf(_SC_NPROCESSORS_ONLN)) - 1);
	put("/sys/class/net/lo/queues/rx-0/rps_cpus", mask);
}

static void pin(int cpu)
{
	cpu_set_t set;

	if (cpu < 0)
		return;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		err(1, "cpu %d", cpu);
}

static int listener(uint16_t *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || bind(fd, (void *)&a, sizeof(a)) || listen(fd, 4096) ||
	    getsockname(fd, (void *)&a, &len))
		err(1, "listen");
	*port = ntohs(a.sin_port);
	return fd;
}

static int accept_one(const struct plan *p, int fd)
{
	struct pollfd waits = { .fd = fd, .events = POLLIN };
	double begun;
	int conn;

	if (!p->accepts)
		return accept(fd, NULL, NULL);
	poll(&waits, 1, -1);
	begun = now();
	conn = accept(fd, NULL, NULL);
	times_add(p->accepts, begun);
	return conn;
}

static void serve(const struct plan *p, int fd)
{
	char c;

	prctl(PR_SET_NAME, "load-server");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		int conn = accept_one(p, fd);

		if (conn < 0)
			err(1, "accept");
		while (read(conn, &c, 1) > 0)
			if (p->echo && write(conn, &c, 1) != 1)
				break;
		close(conn);
	}
}

static void connect_once(const struct plan *p, uint16_t port, long i)
{
	static const struct linger abort_it = { .l_onoff = 1 };
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	double begun = p->connects ? now() : 0;

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK + i % p->addresses);
	if (fd < 0 || connect(fd, (void *)&to, sizeof(to)))
		err(1, "connect %ld", i);
	if (p->connects)
		times_add(p->connects, begun);
	if (p->reset)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &abort_it, sizeof(abort_it));
	close(fd);
}

static long play(const struct plan *p, uint16_t port, double start)
{
	long i = 0;

	while (i < p->connections) {
		connect_once(p, port, i++);
		if (p->seconds > 0 && i % 64 == 0 && now() - start >= p->seconds)
			break;
	}
	return i;
}

/* Round trips over a connection that stays open. */
static long echo(const struct plan *p, uint16_t port, double start)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	long i = 0;
	char c = 0;

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || connect(fd, (void *)&to, sizeof(to)))
		err(1, "connect");
	while (i < p->connections) {
		if (write(fd, &c, 1) != 1 || read(fd, &c, 1) != 1)
			err(1, "echo");
		i++;
		if (p->seconds > 0 && i % 64 == 0 && now() - start >= p->seconds)
			break;
	}
	close(fd);
	return i;
}

static struct plan parse(int argc, char **argv)
{
	struct plan p = { .connections = 10000, .cpu = -1, .addresses = 1 };
	int c;

	while ((c = getopt(argc, argv, "n:s:c:rREa:HL")) != -1) {
		switch (c) {
		case 'n': p.connections = atol(optarg); break;
		case 's': p.seconds = atof(optarg); break;
		case 'c': p.cpu = atoi(optarg); break;
		case 'r': p.rps = true; break;
		case 'R': p.reset = true; break;
		case 'E': p.echo = true; break;
		case 'a': p.addresses = atoi(optarg); break;
		case 'H': p.hold = true; break;
		case 'L': p.connects = times_new(); p.accepts = times_new(); break;
		default: exit(2);
		}
	}
	if (p.connections < 1 || p.addresses < 1 || p.addresses > 65536)
		errx(2, "a count is out of range");
	return p;
}

/* Connections of this namespace that have not ended (/proc/net/tcp: all but TIME-WAIT, 06;
 * of a listener, 0A, its accept queue). */
static bool any_open(char line[256])
{
	FILE *f = fopen("/proc/self/net/tcp", "r");
	unsigned int state, queued;
	bool open = false;

	if (!f)
		err(1, "/proc/self/net/tcp");
	while (!open && fgets(line, 256, f))
		open = sscanf(line, " %*u: %*s %*s %x %*x:%x", &state, &queued) == 2 &&
		       state != 0x06 && (state != 0x0a || queued);
	fclose(f);
	return open;
}

/* The server closes the last ones after the client. Where a queue on the way was full, with
 * retransmissions, each of which holds up the others: who counts on all of them sees it. */
static void await_ends(void)
{
	double start = now();
	char line[256] = "";

	do {
		if (now() - start > 10) {
			warnx("the last connections do not end: %s", line);
			return;
		}
		usleep(10000);
	} while (any_open(line));
}

int main(int argc, char **argv)
{
	struct plan p = parse(argc, argv);
	double start, seconds;
	uint16_t port;
	struct stat ns;
	long made;
	pid_t server;
	int fd;

	own_namespace(&p);
	prctl(PR_SET_NAME, "load-client");
	if (stat("/proc/self/ns/net", &ns))
		err(1, "netns");
	fd = listener(&port);
	pin(p.cpu);
	server = fork();
	if (server < 0)
		err(1, "fork");
	if (!server)
		serve(&p, fd);
	close(fd);
	start = now();
	made = p.echo ? echo(&p, port, start) : play(&p, port, start);
	seconds = now() - start;
	printf("{\"netns\":%lu,\"port\":%u,\"client\":%d,\"server\":%d,\"connections\":%ld,"
	       "\"seconds\":%.6f,\"rate\":%.1f", (unsigned long)ns.st_ino, port, getpid(), server,
	       made, seconds, made / seconds);
	if (p.connects) {
		times_print("connect", p.connects);
		times_print("accept", p.accepts);
	}
	puts("}");
	fflush(stdout);
	while (p.hold && getchar() != EOF)
		;
	await_ends();
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	return 0;
}
