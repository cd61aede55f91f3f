// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * flood.c - SYNs from invented addresses at one listener, as fast as one thread
 * sends them, beside somebody who opens and closes connections to another. On
 * loopback in a network namespace of its own; what answers goes nowhere. Prints one
 * JSON object: what was sent, and what the kernel counted of it.
 *
 *   flood [-s SECONDS] [-p PORT] [-b BACKLOG] [-c SYNCOOKIES] [-k KEEP_MS]
 *         [-g FILE] [-q]
 *     -k   how long the listener is there before and after
 *     -g   and before that, until there is such a file   -q   quiet: the neighbour alone
 */
#include <arpa/inet.h>
#include <err.h>
#include <net/if.h>
#include <net/route.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
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

#define AT_ONCE	64

struct plan {
	double seconds;
	uint16_t port;
	int backlog;
	const char *cookies;
	int keep_ms;
	const char *gate;
	bool quiet;
};

struct segment {
	struct iphdr ip;
	struct tcphdr tcp;
};

_Static_assert(sizeof(struct segment) == 40, "without a hole");

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void nap_ms(int ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&t, NULL);
}

static void put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	if (!f || fputs(text, f) < 0 || fclose(f))
		err(1, "%s", path);
}

/* Everything is reached over lo, and what is not ours ends there. */
static void own_namespace(const struct plan *p)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	struct rtentry route = { .rt_dev = "lo", .rt_flags = RTF_UP };
	struct sockaddr any = { .sa_family = AF_INET };
	int fd;

	if (unshare(CLONE_NEWNET))
		err(1, "unshare");
	route.rt_dst = route.rt_genmask = any;
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &lo) || ioctl(fd, SIOCADDRT, &route))
		err(1, "lo up");
	close(fd);
	put("/proc/sys/net/ipv4/tcp_syncookies", p->cookies);
}

static int listener(int backlog, uint16_t *port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(*port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || bind(fd, (void *)&at, len) || listen(fd, backlog) ||
	    getsockname(fd, (void *)&at, &len))
		err(1, "listen");
	*port = ntohs(at.sin_port);
	return fd;
}

/* Both ends of one connection after another; RST, so that no port stays taken. */
static void neighbour(int fd, uint16_t port, double until, volatile uint64_t *done)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct linger abort_it = { .l_onoff = 1 };

	prctl(PR_SET_NAME, "neighbour");
	while (now() < until) {
		int near = socket(AF_INET, SOCK_STREAM, 0), far;

		setsockopt(near, SOL_SOCKET, SO_LINGER, &abort_it, sizeof(abort_it));
		if (connect(near, (void *)&to, sizeof(to)))
			err(1, "connect");
		far = accept(fd, NULL, NULL);
		close(near);
		close(far);
		++*done;
	}
	_exit(0);
}

/* RFC 1071, of the pseudo header and a segment without data. */
static uint16_t checksum(const struct segment *s)
{
	const uint16_t *words = (const void *)&s->tcp, *ends = (const void *)&s->ip.saddr;
	uint32_t sum = htons(IPPROTO_TCP) + htons(sizeof(s->tcp));

	for (size_t i = 0; i < sizeof(s->tcp) / 2; i++)
		sum += words[i];
	for (int i = 0; i < 4; i++)
		sum += ends[i];
	sum = (sum & 0xffff) + (sum >> 16);
	return ~(sum + (sum >> 16));
}

/* 198.18.0.0/15 is for benchmarks (RFC 2544). No two SYNs are of one connection. */
static void fill(struct segment *s, uint16_t port, uint64_t n)
{
	*s = (struct segment){
		.ip = { .version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_TCP,
			.tot_len = htons(sizeof(*s)), .saddr = htonl(0xc6120000 + (n & 0x1ffff)),
			.daddr = htonl(INADDR_LOOPBACK) },
		.tcp = { .source = htons(1024 + (n >> 17 & 0x7fff)), .dest = htons(port), .doff = 5,
			 .seq = htonl(n), .syn = 1, .window = htons(65535) },
	};
	s->tcp.check = checksum(s);
}

static uint64_t flood(uint16_t port, double until)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
	struct segment segments[AT_ONCE];
	struct mmsghdr messages[AT_ONCE];
	struct iovec data[AT_ONCE];
	uint64_t sent = 0;

	if (fd < 0)
		err(1, "raw socket");
	memset(messages, 0, sizeof(messages));
	for (int i = 0; i < AT_ONCE; i++) {
		data[i] = (struct iovec){ &segments[i], sizeof(segments[i]) };
		messages[i].msg_hdr = (struct msghdr){ .msg_name = &to, .msg_namelen = sizeof(to),
						       .msg_iov = &data[i], .msg_iovlen = 1 };
	}
	while (now() < until) {
		int n;

		for (int i = 0; i < AT_ONCE; i++)
			fill(&segments[i], port, sent + i);
		n = sendmmsg(fd, messages, AT_ONCE, 0);
		if (n < 0)
			err(1, "sendmmsg");
		sent += n;
	}
	close(fd);
	return sent;
}

/* The values of TcpExt, which has its names in a line before. */
static void print_counters(void)
{
	static const char *const wanted[] = { "ListenDrops", "ListenOverflows", "SyncookiesSent",
					      "TCPReqQFullDrop" };
	char names[8192], values[8192], *n, *v, *at_n, *at_v;
	FILE *f = fopen("/proc/self/net/netstat", "r");

	if (!f || !fgets(names, sizeof(names), f) || !fgets(values, sizeof(values), f))
		err(1, "netstat");
	fclose(f);
	n = strtok_r(names, " \n", &at_n);
	v = strtok_r(values, " \n", &at_v);
	for (; n && v; n = strtok_r(NULL, " \n", &at_n), v = strtok_r(NULL, " \n", &at_v))
		for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
			if (!strcmp(n, wanted[i]))
				printf(",\"%s\":%s", n, v);
}

/* Segments that a full per-CPU queue (net.core.netdev_max_backlog) kept from arriving: TCP
 * has not seen them. */
static uint64_t not_arrived(void)
{
	FILE *f = fopen("/proc/self/net/dev", "r");
	unsigned long long dropped = 0;
	char line[512];

	if (!f)
		err(1, "/proc/self/net/dev");
	while (fgets(line, sizeof(line), f))
		sscanf(line, " lo: %*u %*u %*u %llu", &dropped);
	fclose(f);
	return dropped;
}

static void run(const struct plan *p)
{
	volatile uint64_t *done = mmap(NULL, sizeof(*done), PROT_READ | PROT_WRITE,
				       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint16_t port = p->port, beside = 0;
	int fd, other, status;
	uint64_t sent = 0, cookie = 0;
	socklen_t len = sizeof(cookie);
	struct stat ns;
	double until;
	pid_t pid;

	own_namespace(p);
	fd = listener(p->backlog, &port);
	other = listener(128, &beside);
	if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len) || stat("/proc/self/ns/net", &ns))
		err(1, "listener");
	while (p->gate && access(p->gate, F_OK))
		nap_ms(20);
	nap_ms(p->keep_ms);
	until = now() + p->seconds;
	pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (!pid)
		neighbour(other, beside, until, done);
	if (!p->quiet)
		sent = flood(port, until);
	if (waitpid(pid, &status, 0) != pid || status)
		errx(1, "the neighbour failed");
	printf("{\"netns\":%lu,\"port\":%u,\"cookie\":\"%llx\",\"seconds\":%g,\"sent\":%llu,"
	       "\"not_arrived\":%llu,\"neighbour\":%llu", (unsigned long)ns.st_ino, port,
	       (unsigned long long)cookie, p->seconds, (unsigned long long)sent,
	       (unsigned long long)not_arrived(), (unsigned long long)*done);
	print_counters();
	printf("}\n");
	fflush(stdout);
	nap_ms(p->keep_ms);
}

int main(int argc, char **argv)
{
	struct plan p = { .seconds = 5, .backlog = 1024, .cookies = "0" };
	int c;

	signal(SIGPIPE, SIG_IGN);
	while ((c = getopt(argc, argv, "s:p:b:c:k:g:q")) != -1) {
		if (c == 's')
			p.seconds = atof(optarg);
		else if (c == 'p')
			p.port = atoi(optarg);
		else if (c == 'b')
			p.backlog = atoi(optarg);
		else if (c == 'c')
			p.cookies = optarg;
		else if (c == 'k')
			p.keep_ms = atoi(optarg);
		else if (c == 'g')
			p.gate = optarg;
		else if (c == 'q')
			p.quiet = true;
		else
			errx(2, "usage: flood [-s SECONDS] [-p PORT] [-b BACKLOG] [-c SYNCOOKIES] [-k KEEP_MS] "
			     "[-g FILE] [-q]");
	}
	alarm(120);
	run(&p);
	return 0;
}
