// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "stage.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#ifndef SOCK_DESTROY
#define SOCK_DESTROY 21
#endif

void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "play: %s: %s\n", what, strerror(errno));
	_exit(1);
}

void go(struct end *e)
{
	must(write(e->to, "x", 1) == 1, "go");
}

void await(struct end *e)
{
	char c;

	must(read(e->from, &c, 1) == 1, "await");
}

void gate(void)
{
	const char *file = getenv("PLAY_GATE");

	while (file && access(file, F_OK))
		nap_ms(20);
}

int open_socket(const struct end *e)
{
	int fd = socket(e->family, SOCK_STREAM | SOCK_CLOEXEC, e->protocol);

	must(fd >= 0, "socket");
	return fd;
}

void option(int fd, int level, int name, int value)
{
	must(!setsockopt(fd, level, name, &value, sizeof(value)), "setsockopt");
}

static socklen_t loopback(const struct end *e, uint16_t port, struct sockaddr_storage *to)
{
	struct sockaddr_in *in = (void *)to;
	struct sockaddr_in6 *in6 = (void *)to;

	memset(to, 0, sizeof(*to));
	if (e->family == AF_INET) {
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		return sizeof(*in);
	}
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(port);
	inet_pton(AF_INET6, e->mapped ? "::ffff:127.0.0.1" : "::1", &in6->sin6_addr);
	return sizeof(*in6);
}

void bind_port(struct end *e, int fd, uint16_t port)
{
	struct sockaddr_storage at;
	socklen_t len = loopback(e, port, &at);

	option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	must(!bind(fd, (void *)&at, len), "bind");
}

int dial(struct end *e, int fd)
{
	struct sockaddr_storage to;
	socklen_t len = loopback(e, e->port, &to);

	return connect(fd, (void *)&to, len) ? errno : 0;
}

int dialled(struct end *e)
{
	int fd = open_socket(e);

	errno = dial(e, fd);
	must(!errno, "connect");
	truth(e, "client", fd);
	return fd;
}

int accepted(struct end *e)
{
	int fd = accept(e->listener, NULL, NULL);

	must(fd >= 0, "accept");
	truth(e, "server", fd);
	return fd;
}

void deaf(int fd, bool on)
{
	struct sock_filter drop = { .code = BPF_RET | BPF_K, .k = 0 };
	struct sock_fprog prog = { .len = 1, .filter = &drop };

	if (on)
		must(!setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)), "filter");
	else
		option(fd, SOL_SOCKET, SO_DETACH_FILTER, 0);
}

void queued(int listener, uint32_t n)
{
	struct tcp_info info;

	for (int i = 0; i < 500; i++) {
		socklen_t len = sizeof(info);

		must(!getsockopt(listener, IPPROTO_TCP, TCP_INFO, &info, &len), "TCP_INFO");
		if (info.tcpi_unacked == n)	/* of a listener (tcp_get_info()) */
			return;
		nap_ms(10);
	}
	must(false, "accept queue");
}

/* The filter is given the segment from its TCP header on. */
void deaf_to_acks(int fd)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 13),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, TH_SYN | TH_ACK),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TH_SYN, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0xffff),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog prog = { .len = 5, .filter = code };

	must(!setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)), "filter");
}

void sysctl_put(const char *name, const char *value)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/%s", name);
	f = fopen(path, "w");
	must(f && fputs(value, f) >= 0 && !fclose(f), path);
}

void read_to_end(int fd)
{
	char buf[256];

	while (read(fd, buf, sizeof(buf)) > 0)
		;
}

void nap_ms(int ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&t, NULL);
}

static uint16_t port_of(int fd, bool peer)
{
	struct sockaddr_storage at = { 0 };
	socklen_t len = sizeof(at);

	if (peer ? getpeername(fd, (void *)&at, &len) : getsockname(fd, (void *)&at, &len))
		return 0;
	/* In the same place for both families. */
	return ntohs(((struct sockaddr_in *)&at)->sin_port);
}

/* The name in hex: it may be hostile. */
static void comm_hex(char *out)
{
	char comm[17] = "";

	prctl(PR_GET_NAME, comm);
	for (size_t i = 0; comm[i]; i++)
		sprintf(out + 2 * i, "%02x", (unsigned char)comm[i]);
}

static unsigned long netns(void)
{
	struct stat st;

	must(!stat("/proc/self/ns/net", &st), "netns");
	return st.st_ino;
}

void truth(const struct end *e, const char *role, int fd)
{
	char line[512], comm[40] = "";
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);
	int n;

	must(!getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len), "SO_COOKIE");
	comm_hex(comm);
	n = snprintf(line, sizeof(line), "{\"scenario\":\"%s\",\"role\":\"%s\",\"cookie\":\"%llx\","
		     "\"pid\":%d,\"comm\":\"%s\",\"lport\":%u,\"rport\":%u,\"netns\":%lu}\n",
		     e->scenario, role, (unsigned long long)cookie, getpid(), comm,
		     port_of(fd, false), port_of(fd, true), netns());
	must(write(STDOUT_FILENO, line, n) == n, "truth");
}

void syns_sent(const struct end *e, int fd, uint16_t port)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);
	char line[256];
	int n;

	must(!getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len), "TCP_INFO");
	n = snprintf(line, sizeof(line), "{\"scenario\":\"%s\",\"role\":\"syns\",\"lport\":%u,"
		     "\"rport\":%u,\"syns\":%u,\"cookie\":null}\n", e->scenario, port_of(fd, false), port,
		     1 + info.tcpi_total_retrans);
	must(write(STDOUT_FILENO, line, n) == n, "truth");
}

/* RFC 1071, of the pseudo header of IPv4 and the segment. */
static uint16_t checksum(const struct tcphdr *tcp)
{
	uint32_t sum = htons(IPPROTO_TCP) + htons(sizeof(*tcp)), address = htonl(INADDR_LOOPBACK);
	uint16_t words[sizeof(*tcp) / 2];

	memcpy(words, tcp, sizeof(words));
	for (size_t i = 0; i < sizeof(words) / 2; i++)
		sum += words[i];
	sum += 2 * ((address & 0xffff) + (address >> 16));
	sum = (sum & 0xffff) + (sum >> 16);
	return ~(sum + (sum >> 16));
}

void stray(const struct end *e, uint8_t flags)
{
	static uint16_t port = STRAY_PORT;
	struct sockaddr_storage to;
	socklen_t len = loopback(e, 0, &to);	/* raw(7): no port, that is in the header */
	struct tcphdr tcp = { .th_sport = htons(port++), .th_dport = htons(e->port), .th_off = 5,
			      .th_flags = flags, .th_seq = htonl(1), .th_win = htons(65535) };
	int fd = socket(e->family, SOCK_RAW, IPPROTO_TCP);

	must(fd >= 0, "raw socket");
	if (e->family == AF_INET6)	/* RFC 3542 section 3.1: the kernel does it */
		option(fd, IPPROTO_IPV6, IPV6_CHECKSUM, offsetof(struct tcphdr, th_sum));
	else
		tcp.th_sum = checksum(&tcp);
	must(sendto(fd, &tcp, sizeof(tcp), 0, (void *)&to, len) == sizeof(tcp), "stray");
	close(fd);
}

void skip(const struct end *e, const char *why)
{
	char line[256];
	int n = snprintf(line, sizeof(line), "{\"scenario\":\"%s\",\"skip\":\"%s\"}\n", e->scenario, why);

	must(write(STDOUT_FILENO, line, n) == n, "skip");
}

bool destroy(int fd)
{
	struct {
		struct nlmsghdr head;
		struct inet_diag_req_v2 diag;
	} req = {
		.head = { .nlmsg_len = sizeof(req), .nlmsg_type = SOCK_DESTROY,
			  .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK },
		.diag = { .sdiag_family = AF_INET, .sdiag_protocol = IPPROTO_TCP,
			  .idiag_states = 0xfff },
	};
	struct sockaddr_in local, peer;
	socklen_t len = sizeof(local);
	struct {
		struct nlmsghdr head;
		struct nlmsgerr err;
		char rest[256];
	} answer = { 0 };
	uint64_t cookie = 0;
	int nl = socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG);

	must(nl >= 0 && !getsockname(fd, (void *)&local, &len), "getsockname");
	len = sizeof(peer);
	must(!getpeername(fd, (void *)&peer, &len), "getpeername");
	len = sizeof(cookie);
	must(!getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len), "SO_COOKIE");
	req.diag.id.idiag_sport = local.sin_port;
	req.diag.id.idiag_dport = peer.sin_port;
	req.diag.id.idiag_src[0] = local.sin_addr.s_addr;
	req.diag.id.idiag_dst[0] = peer.sin_addr.s_addr;
	req.diag.id.idiag_cookie[0] = cookie;
	req.diag.id.idiag_cookie[1] = cookie >> 32;
	must(send(nl, &req, sizeof(req), 0) == sizeof(req), "netlink");
	must(recv(nl, &answer, sizeof(answer), 0) > 0, "netlink");
	close(nl);
	return answer.head.nlmsg_type == NLMSG_ERROR && !answer.err.error;
}

/* The values of one protocol, in a table that has its names in a line before. */
static int counters(char *out, size_t room, const char *path, const char *proto,
		    const char *const *wanted)
{
	char names[8192], values[8192], *n, *v, *at_n, *at_v;
	FILE *f = fopen(path, "r");
	int len = 0;

	must(f, path);
	while (fgets(names, sizeof(names), f) && fgets(values, sizeof(values), f)) {
		if (strncmp(names, proto, strlen(proto)))
			continue;
		n = strtok_r(names, " \n", &at_n);
		v = strtok_r(values, " \n", &at_v);
		for (; n && v; n = strtok_r(NULL, " \n", &at_n), v = strtok_r(NULL, " \n", &at_v))
			for (const char *const *w = wanted; *w; w++)
				if (!strcmp(n, *w))
					len += snprintf(out + len, room - len, ",\"%s\":%s", n, v);
	}
	fclose(f);
	return len;
}

/* TIME-WAIT and FIN-WAIT-2, the states of mini-sockets. */
static int minis(char *out, size_t room, const char *path, bool first)
{
	unsigned int lport, rport, state;
	FILE *f = fopen(path, "r");
	char line[512];
	int len = 0;

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, " %*d: %*[0-9A-F]:%x %*[0-9A-F]:%x %x", &lport, &rport, &state) != 3 ||
		    (state != TCP_TIME_WAIT && state != TCP_FIN_WAIT2))
			continue;
		len += snprintf(out + len, room - len, "%s[%u,%u,%u]", first && !len ? "" : ",",
				lport, rport, state);
	}
	if (f)
		fclose(f);
	return len;
}

void kernel_says(const char *scenario, bool ended)
{
	static const char *const snmp[] = { "ActiveOpens", "PassiveOpens", "AttemptFails",
					    "EstabResets", "CurrEstab", NULL };
	static const char *const netstat[] = { "TCPTimeouts", "TCPTimeWaitOverflow", "ListenOverflows",
					       "ListenDrops", "TCPReqQFullDrop", "SyncookiesSent",
					       NULL };
	struct timespec now;
	char line[4096];
	int n;

	clock_gettime(CLOCK_REALTIME, &now);
	n = snprintf(line, sizeof(line), "{\"scenario\":\"%s\",\"ended\":%s,\"netns\":%lu,"
		     "\"at_ns\":%llu", scenario, ended ? "true" : "false", netns(),
		     now.tv_sec * 1000000000ULL + now.tv_nsec);
	n += counters(line + n, sizeof(line) - n, "/proc/self/net/snmp", "Tcp:", snmp);
	n += counters(line + n, sizeof(line) - n, "/proc/self/net/netstat", "TcpExt:", netstat);
	n += snprintf(line + n, sizeof(line) - n, ",\"minis\":[");
	int v4 = minis(line + n, sizeof(line) - n, "/proc/self/net/tcp", true);
	n += v4;
	n += minis(line + n, sizeof(line) - n, "/proc/self/net/tcp6", !v4);
	n += snprintf(line + n, sizeof(line) - n, "]}\n");
	must(write(STDOUT_FILENO, line, n) == n, "kernel_says");
}
