// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "diag.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

void diag_addresses(const struct inet_diag_msg *m, uint32_t netns, struct ev_sock *s)
{
	const struct in6_addr *src = (const void *)m->id.idiag_src;
	const struct in6_addr *dst = (const void *)m->id.idiag_dst;
	bool mapped = m->idiag_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(dst);

	memset(s, 0, sizeof(*s));
	s->netns = netns;
	s->lport = ntohs(m->id.idiag_sport);
	s->rport = ntohs(m->id.idiag_dport);
	s->family = m->idiag_family == AF_INET || mapped ? 4 : 6;
	memcpy(s->laddr, (const char *)src + (mapped ? 12 : 0), s->family == 4 ? 4 : 16);
	memcpy(s->raddr, (const char *)dst + (mapped ? 12 : 0), s->family == 4 ? 4 : 16);
}

/* The request of before sock_diag is the one that takes both families at once
 * (inet_diag_dump_compat()): a walk over all sockets of the host costs the same. */
static int request(int sock, uint32_t states)
{
	struct {
		struct nlmsghdr head;
		struct inet_diag_req diag;
	} req = {
		.head = { .nlmsg_len = sizeof(req), .nlmsg_type = TCPDIAG_GETSOCK,
			  .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.diag = { .idiag_family = AF_INET, .idiag_states = states },
	};

	return send(sock, &req, sizeof(req), 0) < 0 ? -errno : 0;
}

int diag_dump(int sock, uint32_t states, uint32_t netns, diag_fn fn, void (*breathe)(void *ctx),
	      void *ctx)
{
	static const struct timeval patience = { .tv_sec = 1 };
	long buf[32768 / sizeof(long)];
	int err = request(sock, states);

	setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	while (!err) {
		ssize_t n = recv(sock, buf, sizeof(buf), 0);
		struct nlmsghdr *h = (void *)buf;

		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		if (breathe)
			breathe(ctx);
		for (; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
			if (h->nlmsg_type == NLMSG_DONE)
				return 0;
			if (h->nlmsg_type == NLMSG_ERROR)
				return -EIO;
			if (h->nlmsg_len >= NLMSG_LENGTH(sizeof(struct inet_diag_msg)))
				fn(ctx, NLMSG_DATA(h), netns);
		}
	}
	return err;
}
