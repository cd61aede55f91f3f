// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "stall_path.h"

#include <arpa/inet.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "format.h"

/* A request, and the room that an answer needs. */
union message {
	struct nlmsghdr head;
	char bytes[4096];
};

static void add(union message *m, unsigned short type, const void *data, size_t len)
{
	struct rtattr *a = (void *)(m->bytes + NLMSG_ALIGN(m->head.nlmsg_len));

	a->rta_type = type;
	a->rta_len = RTA_LENGTH(len);
	memcpy(RTA_DATA(a), data, len);
	m->head.nlmsg_len = NLMSG_ALIGN(m->head.nlmsg_len) + RTA_ALIGN(a->rta_len);
}

/* The answer in place of the request. false: refused, and *err says why (0: nobody
 * answered). */
static bool ask(int sock, union message *m, int *err)
{
	struct nlmsgerr *refusal;
	ssize_t n;

	*err = 0;
	m->head.nlmsg_flags = NLM_F_REQUEST;
	if (send(sock, m, m->head.nlmsg_len, 0) < 0)
		return false;
	n = recv(sock, m, sizeof(*m), 0);
	if (n < (ssize_t)sizeof(m->head) || !NLMSG_OK(&m->head, n))
		return false;
	if (m->head.nlmsg_type != NLMSG_ERROR)
		return true;
	refusal = NLMSG_DATA(&m->head);
	*err = refusal->error;
	return false;
}

static void take_route(const union message *m, struct stall_path *p)
{
	const struct rtmsg *route = NLMSG_DATA(&m->head);
	size_t len = RTM_PAYLOAD(&m->head);
	int index;

	p->known = true;
	p->no_route = route->rtm_type == RTN_UNREACHABLE || route->rtm_type == RTN_BLACKHOLE ||
		      route->rtm_type == RTN_PROHIBIT;
	for (const struct rtattr *a = RTM_RTA(route); RTA_OK(a, len); a = RTA_NEXT(a, len)) {
		if (a->rta_type == RTA_GATEWAY) {
			memcpy(p->next_hop, RTA_DATA(a), p->family == 4 ? 4 : 16);
			p->gateway = true;
		} else if (a->rta_type == RTA_OIF) {
			memcpy(&index, RTA_DATA(a), sizeof(index));
			if (!if_indextoname(index, p->interface))
				p->interface[0] = '\0';
		}
	}
}

static void ask_route(int sock, const struct ev_sock *s, struct stall_path *p)
{
	size_t len = p->family == 4 ? 4 : 16;
	union message m = { .head = { .nlmsg_len = NLMSG_LENGTH(sizeof(struct rtmsg)),
				      .nlmsg_type = RTM_GETROUTE } };
	struct rtmsg *route = NLMSG_DATA(&m.head);
	int err, index = s->ifindex;

	route->rtm_family = p->family == 4 ? AF_INET : AF_INET6;
	route->rtm_dst_len = route->rtm_src_len = len * 8;
	add(&m, RTA_DST, s->raddr, len);
	add(&m, RTA_SRC, s->laddr, len);
	if (index)
		add(&m, RTA_OIF, &index, sizeof(index));
	if (ask(sock, &m, &err))
		take_route(&m, p);
	else
		p->known = p->no_route = err != 0;
}

/* Linux 5.0: one of them, instead of a dump. */
static void ask_neighbour(int sock, struct stall_path *p)
{
	union message m = { .head = { .nlmsg_len = NLMSG_LENGTH(sizeof(struct ndmsg)),
				      .nlmsg_type = RTM_GETNEIGH } };
	struct ndmsg *neighbour = NLMSG_DATA(&m.head);
	int err;

	neighbour->ndm_family = p->family == 4 ? AF_INET : AF_INET6;
	neighbour->ndm_ifindex = if_nametoindex(p->interface);
	add(&m, NDA_DST, p->next_hop, p->family == 4 ? 4 : 16);
	if (neighbour->ndm_ifindex && ask(sock, &m, &err))
		p->neighbour = ((struct ndmsg *)NLMSG_DATA(&m.head))->ndm_state;
}

void stall_path_look(const struct ev_sock *s, struct stall_path *p)
{
	static const struct timeval patience = { .tv_usec = 200000 };
	int sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	*p = (struct stall_path){ .family = s->family };
	memcpy(p->next_hop, s->raddr, sizeof(p->next_hop));
	if (sock < 0)
		return;
	setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	ask_route(sock, s, p);
	if (p->known && !p->no_route)
		ask_neighbour(sock, p);
	close(sock);
}

const char *stall_path_neighbour(const struct stall_path *p)
{
	static const struct {
		uint16_t state;
		const char *name;
	} names[] = {
		{ NUD_INCOMPLETE, "INCOMPLETE" }, { NUD_REACHABLE, "REACHABLE" }, { NUD_STALE, "STALE" },
		{ NUD_DELAY, "DELAY" }, { NUD_PROBE, "PROBE" }, { NUD_FAILED, "FAILED" },
		{ NUD_NOARP, "NOARP" }, { NUD_PERMANENT, "PERMANENT" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (p->neighbour & names[i].state)
			return names[i].name;
	return NULL;
}

bool stall_path_no_neighbour(const struct stall_path *p)
{
	return p->neighbour & (NUD_INCOMPLETE | NUD_FAILED);
}

const char *stall_path_text(const struct stall_path *p, char *buf, size_t len)
{
	const char *state = stall_path_neighbour(p);
	char hop[64], by[96] = "", name[4 * sizeof(p->interface) + 1], *port;

	buf[0] = '\0';
	if (!p->known)
		return buf;
	if (p->no_route) {
		snprintf(buf, len, ", no route");
		return buf;
	}
	format_endpoint(p->family, p->next_hop, true, 0, false, hop, sizeof(hop));
	port = strrchr(hop, ':');	/* ":*" */
	if (port)
		*port = '\0';
	if (p->interface[0])
		snprintf(by, sizeof(by), ", routed by %s",
			 format_plain((const uint8_t *)p->interface, sizeof(p->interface), name,
				      sizeof(name)));
	if (state && stall_path_no_neighbour(p))
		snprintf(buf, len, "%s, but %s%s does not answer there (%s)", by,
			 p->gateway ? "the gateway " : "", hop, state);
	else if (state)
		snprintf(buf, len, "%s, %s %s %s", by, p->gateway ? "gateway" : "neighbour", hop, state);
	else
		snprintf(buf, len, "%s", by);
	return buf;
}

bool stall_path_plain_interface(const struct stall_path *p)
{
	return p->interface[0] &&
	       !p->interface[strspn(p->interface, "abcdefghijklmnopqrstuvwxyz"
						  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.@-")];
}
