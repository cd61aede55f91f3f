// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * scenarios.c - one pair of functions a scenario; what has to be seen of each is
 * written down in expect.py.
 */
#include "stage.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif
#ifndef TCP_FASTOPEN_NO_COOKIE
#define TCP_FASTOPEN_NO_COOKIE 34
#endif

static const struct linger abort_it = { .l_onoff = 1 };

/* The server accepts, lets the client go on, closes when the client has. */
static void serve(struct end *e)
{
	int fd = accepted(e);

	go(e);
	read_to_end(fd);
	close(fd);
}

static void close_first(struct end *e)
{
	int fd = dialled(e);

	await(e);
	close(fd);
}

static void serve_closing_first(struct end *e)
{
	int fd = accepted(e);

	close(fd);
}

static void close_second(struct end *e)
{
	int fd = dialled(e);

	read_to_end(fd);
	close(fd);
}

static void half_close(struct end *e)
{
	int fd = dialled(e);

	await(e);
	must(!shutdown(fd, SHUT_WR), "shutdown");
	read_to_end(fd);
	close(fd);
}

static void serve_after_eof(struct end *e)
{
	int fd = accepted(e);

	go(e);
	read_to_end(fd);
	must(write(fd, "late", 4) == 4, "write");
	close(fd);
}

static void nobody(struct end *e)
{
	(void)e;
}

static void refused(struct end *e)
{
	int fd = open_socket(e);

	e->port = 1;
	must(dial(e, fd) == ECONNREFUSED, "connect was not refused");
	truth(e, "client", fd);
}

static void serve_deaf(struct end *e)
{
	deaf(e->listener, true);
	go(e);
	await(e);
}

static void syn_timeout(struct end *e)
{
	int fd = open_socket(e);

	await(e);
	option(fd, IPPROTO_TCP, TCP_SYNCNT, 1);
	must(dial(e, fd) == ETIMEDOUT, "connect did not time out");
	truth(e, "client", fd);
	go(e);
}

static void syn_user_timeout(struct end *e)
{
	int fd = open_socket(e);

	await(e);
	option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 1500);
	must(dial(e, fd) == ETIMEDOUT, "connect did not time out");
	truth(e, "client", fd);
	go(e);
}

static void cancelled(struct end *e)
{
	int fd = open_socket(e);

	await(e);
	must(!fcntl(fd, F_SETFL, O_NONBLOCK), "O_NONBLOCK");
	must(dial(e, fd) == EINPROGRESS, "connect did not wait");
	truth(e, "client", fd);
	nap_ms(100);
	close(fd);
	go(e);
}

static void one_port(void)
{
	sysctl_put("ip_local_port_range", "40000 40000");
}

static void no_port_left(struct end *e)
{
	int first, second;

	e->port = 39999;
	await(e);
	first = dialled(e);
	second = open_socket(e);
	must(dial(e, second) == EADDRNOTAVAIL, "a port was left");
	truth(e, "client", second);
	close(first);
}

/* Its listener has to be outside of the range. */
static void serve_on_39999(struct end *e)
{
	int fd;

	e->listener = open_socket(e);
	bind_port(e, e->listener, 39999);
	must(!listen(e->listener, 5), "listen");
	truth(e, "listener", e->listener);
	go(e);
	fd = accepted(e);
	read_to_end(fd);
	close(fd);
}

static void unread(struct end *e)
{
	int fd = dialled(e);

	must(write(fd, "data", 4) == 4, "write");
	go(e);
	read_to_end(fd);
	close(fd);
}

static void serve_without_reading(struct end *e)
{
	int fd = accepted(e);

	await(e);
	nap_ms(50);
	close(fd);
}

static void linger0(struct end *e)
{
	int fd = dialled(e);

	await(e);
	must(!setsockopt(fd, SOL_SOCKET, SO_LINGER, &abort_it, sizeof(abort_it)), "SO_LINGER");
	close(fd);
}

static void linger2(struct end *e)
{
	int fd = dialled(e);

	await(e);
	option(fd, IPPROTO_TCP, TCP_LINGER2, -1);
	close(fd);
}

static void exits(struct end *e)
{
	dialled(e);
	await(e);
	_exit(0);
}

static void is_killed(struct end *e)
{
	dialled(e);
	await(e);
	raise(SIGKILL);
}

static void serve_closing_late(struct end *e)
{
	int fd = accepted(e);

	go(e);
	read_to_end(fd);
	nap_ms(300);
	close(fd);
}

static void short_fin_timeout(void)
{
	sysctl_put("tcp_fin_timeout", "1");
}

static void serve_closing_too_late(struct end *e)
{
	int fd = accepted(e);

	go(e);
	read_to_end(fd);
	nap_ms(5000);
	close(fd);
}

static void reuse_time_wait(void)
{
	sysctl_put("tcp_tw_reuse", "1");
}

static void serve_twice(struct end *e)
{
	serve(e);
	serve(e);
}

/* Not closed before the server is: FIN-WAIT-2 never without a process. */
static void dial_from_41000(struct end *e)
{
	int fd = open_socket(e);

	bind_port(e, fd, 41000);
	errno = dial(e, fd);
	must(!errno, "connect");
	truth(e, "client", fd);
	await(e);
	must(!shutdown(fd, SHUT_WR), "shutdown");
	read_to_end(fd);
	close(fd);
}

static void same_port_again(struct end *e)
{
	dial_from_41000(e);
	nap_ms(1500);
	dial_from_41000(e);
}

static void no_time_wait(void)
{
	sysctl_put("tcp_max_tw_buckets", "0");
}

static void killed(struct end *e)
{
	int fd = dialled(e);

	await(e);
	if (!destroy(fd))
		skip(e, "this kernel has no SOCK_DESTROY");
	close(fd);
}

static void serve_nobody(struct end *e)
{
	await(e);
	await(e);
	close(e->listener);
	go(e);
}

static void two_in_the_queue(struct end *e)
{
	int first = dialled(e), second = dialled(e);

	nap_ms(100);
	go(e);
	go(e);
	await(e);
	nap_ms(50);
	close(first);
	close(second);
}

static void keepalive(struct end *e)
{
	int fd = dialled(e);

	await(e);
	option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	option(fd, IPPROTO_TCP, TCP_KEEPIDLE, 1);
	option(fd, IPPROTO_TCP, TCP_KEEPINTVL, 1);
	option(fd, IPPROTO_TCP, TCP_KEEPCNT, 1);
	read_to_end(fd);
	close(fd);
	nap_ms(100);	/* the timer's RST may still be under way: the peer has to be deaf */
	go(e);
}

static void user_timeout(struct end *e)
{
	int fd = dialled(e);

	await(e);
	option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 1000);
	must(write(fd, "data", 4) == 4, "write");
	read_to_end(fd);
	close(fd);
	go(e);
}

static void serve_going_deaf(struct end *e)
{
	int fd = accepted(e);

	deaf(fd, true);
	go(e);
	await(e);
	deaf(fd, false);
	close(fd);
	nap_ms(100);
}

static void fast_open_on(void)
{
	sysctl_put("tcp_fastopen", "519");	/* client, server, no cookie needed */
}

static void fast_open(struct end *e)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(e->port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = open_socket(e);

	await(e);
	option(fd, IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE, 1);
	must(sendto(fd, "data", 4, MSG_FASTOPEN, (void *)&to, sizeof(to)) == 4, "sendto");
	truth(e, "client", fd);
	await(e);
	close(fd);
}

static void serve_fast_open(struct end *e)
{
	option(e->listener, IPPROTO_TCP, TCP_FASTOPEN, 5);
	go(e);
	serve(e);
}

static void cookies_only(void)
{
	sysctl_put("tcp_syncookies", "2");
}

static void serve_by_a_child(struct end *e)
{
	int fd = accepted(e);
	pid_t child = fork();

	must(child >= 0, "fork");
	if (!child) {
		prctl(PR_SET_NAME, "another");
		close(e->listener);
		go(e);
		read_to_end(fd);
		close(fd);
		_exit(0);
	}
	close(fd);
	waitpid(child, NULL, 0);
}

/* The fd goes to a process that never called accept(). */
static void send_fd(int over, int fd)
{
	char room[CMSG_SPACE(sizeof(fd))] = "", c = 'x';
	struct iovec data = { &c, 1 };
	struct msghdr msg = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = room,
			      .msg_controllen = sizeof(room) };
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	must(sendmsg(over, &msg, 0) == 1, "sendmsg");
}

static int receive_fd(int over)
{
	char room[CMSG_SPACE(sizeof(int))], c;
	struct iovec data = { &c, 1 };
	struct msghdr msg = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = room,
			      .msg_controllen = sizeof(room) };
	int fd;

	must(recvmsg(over, &msg, 0) == 1 && CMSG_FIRSTHDR(&msg), "recvmsg");
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

static void serve_by_another(struct end *e)
{
	int pair[2], fd;
	pid_t child;

	must(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair), "socketpair");
	child = fork();
	must(child >= 0, "fork");
	if (!child) {
		prctl(PR_SET_NAME, "another");
		close(e->listener);
		fd = receive_fd(pair[1]);
		go(e);
		read_to_end(fd);
		close(fd);
		_exit(0);
	}
	fd = accepted(e);
	send_fd(pair[0], fd);
	close(fd);
	waitpid(child, NULL, 0);
}

/* One process listens, another accepts. */
static void accept_in_a_child(struct end *e)
{
	pid_t child = fork();

	must(child >= 0, "fork");
	if (!child) {
		prctl(PR_SET_NAME, "worker");
		serve(e);
		_exit(0);
	}
	waitpid(child, NULL, 0);
}

static void serve_through_the_gate(struct end *e)
{
	int fd = accepted(e);

	gate();
	go(e);
	read_to_end(fd);
	close(fd);
}

static void dial_after_the_gate(struct end *e)
{
	gate();
	close_first(e);
}

static void renamed(struct end *e)
{
	int fd = dialled(e);

	prctl(PR_SET_NAME, "another");
	await(e);
	close(fd);
}

static void hostile(struct end *e)
{
	prctl(PR_SET_NAME, "\033[31m\xff\n\"\\");
	close_first(e);
}

static void self_connect(struct end *e)
{
	int fd = open_socket(e);

	e->port = 42000;
	bind_port(e, fd, e->port);
	errno = dial(e, fd);
	must(!errno, "connect to itself");
	truth(e, "client", fd);
	close(fd);
}

/* Connections that do not wait for their answer; with what they hear dropped. */
static void dial_all(struct end *e, int *fds, int len, bool hear)
{
	for (int i = 0; i < len; i++) {
		fds[i] = open_socket(e);
		must(!fcntl(fds[i], F_SETFL, O_NONBLOCK), "O_NONBLOCK");
		if (!hear)
			deaf(fds[i], true);
		must(dial(e, fds[i]) == EINPROGRESS, "connect did not wait");
		truth(e, "client", fds[i]);
	}
}

/* Of these all have room: no other's SYN may come before the last one's final ACK. */
static void fill_with(struct end *e, int *fds, int len)
{
	dial_all(e, fds, len, true);
	go(e);
	await(e);
}

static void close_all(const int *fds, int len)
{
	for (int i = 0; i < len; i++)
		close(fds[i]);
}

/* When the others have been refused. */
static void serve_who_waits(struct end *e, int n)
{
	int fds[3];

	await(e);
	for (int i = 0; i < n; i++)
		fds[i] = accepted(e);
	go(e);
	for (int i = 0; i < n; i++) {
		read_to_end(fds[i]);
		close(fds[i]);
	}
}

/* The accept queue holds one more than the backlog: the other twelve are refused,
 * and refused again when their SYN is retransmitted after 1 s. */
static void serve_two(struct end *e, int backlog)
{
	must(!listen(e->listener, backlog), "listen");
	go(e);
	await(e);
	queued(e->listener, 2);
	go(e);
	serve_who_waits(e, 2);
}

static void serve_two_of_fourteen(struct end *e)
{
	serve_two(e, 1);
}

/* The application asks for enough, the namespace's limit clamps it. */
static void serve_two_by_somaxconn(struct end *e)
{
	serve_two(e, 100);
}

static void somaxconn_1(void)
{
	sysctl_put("../core/somaxconn", "1");
}

static void fourteen(struct end *e)
{
	int fds[14];

	await(e);
	fill_with(e, fds, 2);
	dial_all(e, fds + 2, 12, true);
	nap_ms(1300);
	close_all(fds + 2, 12);
	go(e);
	await(e);
	close_all(fds, 2);
}

/* The first asks before the accept queue is full and answers after: no room. (With a
 * backlog of 0 the SYN queue would be full, too, and a cookie answer the rest.) */
static void serve_three_of_four(struct end *e)
{
	must(!listen(e->listener, 2), "listen");
	go(e);
	await(e);
	queued(e->listener, 3);
	go(e);
	serve_who_waits(e, 3);
}

static void answers_too_late(struct end *e)
{
	int late, fds[3];

	await(e);
	dial_all(e, &late, 1, false);
	for (int i = 0; i < 3; i++)
		fds[i] = dialled(e);
	go(e);
	await(e);
	deaf(late, false);
	nap_ms(1600);		/* the SYN-ACK comes again after 1 s */
	must(!setsockopt(late, SOL_SOCKET, SO_LINGER, &abort_it, sizeof(abort_it)), "SO_LINGER");
	close(late);
	go(e);
	await(e);
	close_all(fds, 3);
}

static void abort_on_overflow(void)
{
	sysctl_put("tcp_abort_on_overflow", "1");
}

static void no_cookies(void)
{
	sysctl_put("tcp_syncookies", "0");
}

static void cookies_when_full(void)
{
	sysctl_put("tcp_syncookies", "1");
}

static void few_requests(void)
{
	no_cookies();
	sysctl_put("tcp_max_syn_backlog", "4");
}

static void serve_requests(struct end *e)
{
	must(!listen(e->listener, 1), "listen");
	go(e);
	await(e);
}

static void serve_more_requests(struct end *e)
{
	go(e);
	await(e);
}

static void six_requests(struct end *e)
{
	int fds[6];

	await(e);
	dial_all(e, fds, 6, false);
	nap_ms(100);
	close_all(fds, 6);
	go(e);
}

static void one_synack_again(void)
{
	sysctl_put("tcp_synack_retries", "1");
}

static void serve_nobody_at_all(struct end *e)
{
	go(e);
	await(e);
}

/* One SYN, whose answers are dropped: without a socket there they would meet with a RST.
 * They are sent at once and after 1 s; 2 s later the request is given up. */
static void asks_and_never_answers(struct end *e)
{
	int fd = open_socket(e);

	await(e);
	bind_port(e, fd, STRAY_PORT);
	deaf(fd, true);
	must(!listen(fd, 1), "listen");
	truth(e, "listener", fd);
	stray(e, TH_SYN);
	nap_ms(4000);
	go(e);
}

/* At its limit of descriptors: the connection waits until there is one. */
static void serve_at_emfile(struct end *e)
{
	struct rlimit old, none;

	must(!getrlimit(RLIMIT_NOFILE, &old), "getrlimit");
	none = old;
	none.rlim_cur = dup(e->listener);	/* the lowest free number */
	close(none.rlim_cur);
	must(!setrlimit(RLIMIT_NOFILE, &none), "setrlimit");
	for (int i = 0; i < 2; i++)
		must(accept4(e->listener, NULL, NULL, 0) < 0 && errno == EMFILE, "accept4");
	must(accept(e->listener, NULL, NULL) < 0 && errno == EMFILE, "accept");
	must(socket(AF_INET6, SOCK_STREAM, 0) < 0 && errno == EMFILE, "socket");
	must(socket(AF_UNIX, SOCK_STREAM, 0) < 0 && errno == EMFILE, "socket of AF_UNIX");
	must(!setrlimit(RLIMIT_NOFILE, &old), "setrlimit");
	serve(e);
}

/* The same of the whole host's, which only a guest has to itself; root is exempt. */
static void serve_at_enfile(struct end *e)
{
	const char *file_max = "../../fs/file-max";

	if (!getenv("PLAY_WHOLE_HOST")) {
		skip(e, "fs.file-max is of the whole host");
		serve(e);
		return;
	}
	sysctl_put(file_max, "0");	/* at 1 the count, kept by CPU, might read 0 */
	must(!seteuid(65534), "seteuid");
	must(accept4(e->listener, NULL, NULL, 0) < 0 && errno == ENFILE, "accept4");
	must(socket(AF_INET, SOCK_STREAM, 0) < 0 && errno == ENFILE, "socket");
	must(!seteuid(0), "seteuid");
	nap_ms(200);		/* it is looked up while it is that */
	sysctl_put(file_max, "100000");
	serve(e);
}

/* The port is taken: bind() to any other fails, to it or to a foreign address, too,
 * but not at a limit. */
static void no_port_to_bind(struct end *e)
{
	int first = open_socket(e), second = open_socket(e), third = open_socket(e);
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x0a010203) };

	bind_port(e, first, 0);
	errno = 0;
	must(bind(second, (void *)&at, sizeof(at)) && errno == EADDRNOTAVAIL, "a foreign address");
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	must(bind(second, (void *)&at, sizeof(at)) && errno == EADDRINUSE, "a port was left");
	at.sin_port = htons(40000);
	must(bind(third, (void *)&at, sizeof(at)) && errno == EADDRINUSE, "the same port");
	nap_ms(300);
}

static void serve_deferred(struct end *e)
{
	option(e->listener, IPPROTO_TCP, TCP_DEFER_ACCEPT, 5);
	go(e);
	serve(e);
}

/* Three of those that wait for their data find room, one after the other. */
static void serve_deferred_until_full(struct end *e)
{
	option(e->listener, IPPROTO_TCP, TCP_DEFER_ACCEPT, 5);
	must(!listen(e->listener, 2), "listen");
	go(e);
	for (int i = 1; i <= 3; i++) {
		await(e);
		queued(e->listener, i);
		go(e);
	}
	serve_who_waits(e, 3);
}

/* The first one's ACK says nothing, which is no refusal; when it speaks there is no room. */
static void speaks_when_full(struct end *e)
{
	int late, fds[3], rest[5];

	await(e);
	late = dialled(e);
	for (int i = 0; i < 3; i++) {
		fds[i] = dialled(e);
		must(write(fds[i], "data", 4) == 4, "write");
		go(e);
		await(e);
	}
	must(write(late, "data", 4) == 4, "write");
	dial_all(e, rest, 5, true);
	nap_ms(1300);
	close_all(rest, 5);
	must(!setsockopt(late, SOL_SOCKET, SO_LINGER, &abort_it, sizeof(abort_it)), "SO_LINGER");
	close(late);
	go(e);
	await(e);
	close_all(fds, 3);
}

/* ESTABLISHED here at once, and there with the first data. */
static void speaks_late(struct end *e)
{
	int fd;

	await(e);
	fd = dialled(e);
	nap_ms(300);
	must(write(fd, "data", 4) == 4, "write");
	await(e);
	close(fd);
}

/* SYN+FIN and no flag at all, as a scanner sends them: none is refused. */
static void fourteen_and_a_scan(struct end *e)
{
	int fds[14];

	await(e);
	fill_with(e, fds, 2);
	dial_all(e, fds + 2, 12, true);
	for (int i = 0; i < 20; i++)
		stray(e, i & 1 ? TH_SYN | TH_FIN : 0);
	nap_ms(1300);
	close_all(fds + 2, 12);
	go(e);
	await(e);
	close_all(fds, 2);
}

static int second_listener(struct end *e)
{
	int fd = open_socket(e);

	bind_port(e, fd, 39999);
	must(!listen(fd, 1), "listen");
	truth(e, "listener", fd);
	return fd;
}

/* Three and two find room. */
static void serve_at_two(struct end *e)
{
	int first = e->listener, second = second_listener(e), fds[5];

	must(!listen(first, 2), "listen");
	go(e);
	await(e);
	queued(first, 3);
	go(e);
	await(e);
	queued(second, 2);
	go(e);
	await(e);
	for (int i = 0; i < 5; i++) {
		e->listener = i < 3 ? first : second;
		fds[i] = accepted(e);
	}
	go(e);
	for (int i = 0; i < 5; i++) {
		read_to_end(fds[i]);
		close(fds[i]);
	}
}

static void eight_and_six(struct end *e)
{
	uint16_t first = e->port;
	int fds[14];

	await(e);
	fill_with(e, fds, 3);
	dial_all(e, fds + 3, 5, true);
	e->port = 39999;
	fill_with(e, fds + 8, 2);
	dial_all(e, fds + 10, 4, true);
	nap_ms(1300);		/* all SYNs of the rest came twice */
	for (int i = 0; i < 14; i++) {
		if (i < 3 || i == 8 || i == 9)
			continue;
		syns_sent(e, fds[i], i < 8 ? first : e->port);
		close(fds[i]);
	}
	go(e);
	await(e);
	close_all(fds, 3);
	close_all(fds + 8, 2);
}

/* One listener's accept queue is full, and another one's SYN queue. */
static void serve_two_beside_requests(struct end *e)
{
	second_listener(e);
	serve_two(e, 1);
}

static void six_and_six_requests(struct end *e)
{
	int fds[12];

	await(e);
	fill_with(e, fds, 2);
	dial_all(e, fds + 2, 4, true);
	e->port = 39999;
	dial_all(e, fds + 6, 6, false);
	nap_ms(1300);		/* a look sees both */
	close_all(fds + 2, 10);
	go(e);
	await(e);
	close_all(fds, 2);
}

/* A cookie answered the first one's SYN; its ACK is let through when there is no room
 * any more, with the data behind it. */
static void serve_after_a_cookie(struct end *e)
{
	must(!listen(e->listener, 2), "listen");
	deaf_to_acks(e->listener);
	go(e);
	await(e);
	deaf(e->listener, false);
	serve_three_of_four(e);
}

static void acks_too_late(struct end *e)
{
	int late, fds[3];

	await(e);
	late = dialled(e);
	go(e);
	await(e);
	for (int i = 0; i < 3; i++)
		fds[i] = dialled(e);
	go(e);
	await(e);
	must(write(late, "data", 4) == 4, "write");
	nap_ms(350);		/* away from its retransmissions, at 200 and 600 ms */
	must(!setsockopt(late, SOL_SOCKET, SO_LINGER, &abort_it, sizeof(abort_it)), "SO_LINGER");
	close(late);
	go(e);
	await(e);
	close_all(fds, 3);
}

const struct scenario scenarios[] = {
	{ "client-closes-first", serve, close_first },
	{ "ipv6", serve, close_first, .family = AF_INET6 },
	{ "v4-mapped", serve, close_first, .family = AF_INET6, .mapped = true },
	{ "server-closes-first", serve_closing_first, close_second },
	{ "half-close", serve_after_eof, half_close },
	{ "refused", nobody, refused, .no_listener = true },
	{ "syn-timeout", serve_deaf, syn_timeout },
	{ "syn-user-timeout", serve_deaf, syn_user_timeout },
	{ "cancelled", serve_deaf, cancelled },
	{ "connect-failed", serve_on_39999, no_port_left, .prepare = one_port, .no_listener = true },
	{ "unread-data", serve_without_reading, unread },
	{ "linger0", serve, linger0 },
	{ "linger2", serve_closing_late, linger2 },
	{ "exit", serve, exits },
	{ "sigkill", serve, is_killed },
	{ "orphan-then-fin", serve_closing_late, close_first },
	{ "orphan-timeout", serve_closing_too_late, close_first, .prepare = short_fin_timeout },
	{ "time-wait-reused", serve_twice, same_port_again, .prepare = reuse_time_wait },
	{ "time-wait-overflow", serve_after_eof, half_close, .prepare = no_time_wait },
	{ "killed", serve, killed },
	{ "listener-closed", serve_nobody, two_in_the_queue },
	{ "keepalive-timeout", serve_going_deaf, keepalive },
	{ "user-timeout", serve_going_deaf, user_timeout },
	{ "fast-open", serve_fast_open, fast_open, .prepare = fast_open_on },
	{ "syncookies", serve, close_first, .prepare = cookies_only },
	{ "fork", serve_by_a_child, close_first },
	{ "scm-rights", serve_by_another, close_first },
	{ "prefork", accept_in_a_child, close_first },
	{ "renamed", serve, renamed },
	{ "hostile-name", serve, hostile },
	{ "self-connect", nobody, self_connect, .no_listener = true },
	{ "mptcp", serve, close_first, .protocol = IPPROTO_MPTCP },
	{ "accept-queue-full", serve_two_of_fourteen, fourteen },
	{ "accept-queue-full-ipv6", serve_two_of_fourteen, fourteen, .family = AF_INET6 },
	{ "accept-queue-full-somaxconn", serve_two_by_somaxconn, fourteen, .prepare = somaxconn_1 },
	{ "accept-queue-full-no-cookies", serve_two_of_fourteen, fourteen, .prepare = no_cookies },
	{ "accept-queue-full-cookies-only", serve_two_of_fourteen, fourteen, .prepare = cookies_only },
	{ "accept-queue-full-scan", serve_two_of_fourteen, fourteen_and_a_scan },
	{ "two-listeners", serve_at_two, eight_and_six },
	{ "two-causes", serve_two_beside_requests, six_and_six_requests, .prepare = no_cookies },
	{ "defer-accept", serve_deferred, speaks_late },
	{ "cookie-ack-refused", serve_after_a_cookie, acks_too_late, .prepare = cookies_only },
	{ "final-ack-refused", serve_three_of_four, answers_too_late },
	{ "final-ack-reset", serve_three_of_four, answers_too_late, .prepare = abort_on_overflow },
	{ "defer-accept-full", serve_deferred_until_full, speaks_when_full },
	{ "syn-queue-full", serve_requests, six_requests, .prepare = no_cookies },
	{ "max-syn-backlog", serve_more_requests, six_requests, .prepare = few_requests },
	{ "syncookie-sent", serve_requests, six_requests, .prepare = cookies_when_full },
	{ "syn-ack-expired", serve_nobody_at_all, asks_and_never_answers, .prepare = one_synack_again },
	{ "syn-ack-expired-ipv6", serve_nobody_at_all, asks_and_never_answers,
	  .prepare = one_synack_again, .family = AF_INET6 },
	{ "accept-queue-full-somaxconn-ipv6", serve_two_by_somaxconn, fourteen, .prepare = somaxconn_1,
	  .family = AF_INET6 },
	{ "accept-queue-full-no-cookies-ipv6", serve_two_of_fourteen, fourteen, .prepare = no_cookies,
	  .family = AF_INET6 },
	{ "accept-queue-full-cookies-only-ipv6", serve_two_of_fourteen, fourteen,
	  .prepare = cookies_only, .family = AF_INET6 },
	{ "accept-queue-full-scan-ipv6", serve_two_of_fourteen, fourteen_and_a_scan, .family = AF_INET6 },
	{ "two-listeners-ipv6", serve_at_two, eight_and_six, .family = AF_INET6 },
	{ "cookie-ack-refused-ipv6", serve_after_a_cookie, acks_too_late, .prepare = cookies_only,
	  .family = AF_INET6 },
	{ "final-ack-refused-ipv6", serve_three_of_four, answers_too_late, .family = AF_INET6 },
	{ "final-ack-reset-ipv6", serve_three_of_four, answers_too_late, .prepare = abort_on_overflow,
	  .family = AF_INET6 },
	{ "defer-accept-full-ipv6", serve_deferred_until_full, speaks_when_full, .family = AF_INET6 },
	{ "accept-emfile", serve_at_emfile, close_first },
	{ "accept-enfile", serve_at_enfile, close_first },
	{ "bind-no-port", nobody, no_port_to_bind, .prepare = one_port, .no_listener = true },
	{ "open-before", serve_through_the_gate, close_first, .before = true },
	{ "listening-before", serve, dial_after_the_gate, .before = true },
	{ 0 },
};
