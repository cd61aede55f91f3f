// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "stall_drops.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void stall_drops_begin(struct stall_drops *d, uint64_t now_ns)
{
	d->len = 0;
	d->now_ns = now_ns;
}

bool stall_drops_take(struct stall_drops *d, const struct dropped_key *key,
		      const struct dropped *what)
{
	if (d->len == d->room) {
		size_t room = d->room ? 2 * d->room : 64;
		struct stall_dropped *all = realloc(d->all, room * sizeof(*all));

		if (!all)
			return false;
		d->all = all;
		d->room = room;
	}
	d->all[d->len++] = (struct stall_dropped){ *key, *what };
	return true;
}

/* The key has no padding. */
static int by_key(const void *a, const void *b)
{
	const struct stall_dropped *x = a, *y = b;

	return memcmp(&x->key, &y->key, sizeof(x->key));
}

void stall_drops_sort(struct stall_drops *d)
{
	if (d->len)
		qsort(d->all, d->len, sizeof(*d->all), by_key);
}

void stall_drops_free(struct stall_drops *d)
{
	free(d->all);
	*d = (struct stall_drops){ 0 };
}

static const struct dropped *find(const struct stall_drops *d, const struct ev_sock *s)
{
	struct stall_dropped key = { .key = { .netns = s->netns, .lport = s->lport,
					      .rport = s->rport, .family = s->family } };
	const struct stall_dropped *found;

	if (!d->len)
		return NULL;
	memcpy(key.key.laddr, s->laddr, sizeof(s->laddr));
	memcpy(key.key.raddr, s->raddr, sizeof(s->raddr));
	found = bsearch(&key, d->all, d->len, sizeof(*d->all), by_key);
	return found ? &found->what : NULL;
}

static uint32_t ago_ms(const struct stall_drops *d, const struct dropped *what)
{
	uint64_t ago = d->now_ns > what->ts_ns ? (d->now_ns - what->ts_ns) / 1000000 : 0;

	return ago < STALLED_UNKNOWN ? ago : STALLED_UNKNOWN;
}

/* That timer_ms is the rest of. That of probes is longer at each (tcp_probe0_when()). */
static uint64_t period_ms(const struct stalled *s)
{
	uint64_t ms = s->rto_ms;

	if (s->probing)
		ms <<= s->backoff & 31;
	return ms;
}

/* Since the last but one was sent: the last was a period less timer_ms ago, and the one before
 * no more than a period earlier. Of the last alone it would come and go with each. */
static bool recent(const struct stalled *s, uint32_t ago)
{
	uint64_t since = 2 * period_ms(s);

	return s->timer_ms != STALLED_UNKNOWN && s->timer_ms <= since && ago <= since - s->timer_ms;
}

static bool waits_for_answer(enum stall stall)
{
	return stall == STALL_SYN || stall == STALL_SYN_ACK || stall == STALL_RETRANSMITTING ||
	       stall == STALL_FIN || stall == STALL_ORPHAN || stall == STALL_DROPPED_HERE;
}

void stall_drops_explain(const struct stall_drops *d, const struct stalled *s,
			 struct stall_verdict *v, struct stall_drop *out)
{
	const struct dropped *what = waits_for_answer(v->stall) ? find(d, &s->sock) : NULL;
	const char *name;

	*out = (struct stall_drop){ 0 };
	if (!what || what->seq != s->seq || !recent(s, ago_ms(d, what)) ||
	    (what->where != DROPPED_OUT && s->sock.state != EVS_SYN_SENT))
		return;
	v->stall = STALL_DROPPED_HERE;
	out->where = what->where;
	out->ago_ms = ago_ms(d, what);
	name = d->name ? d->name(d->ctx, what->reason) : NULL;
	snprintf(out->reason, sizeof(out->reason), "%s", name ? name : "");
}

const char *stall_drop_text(const struct stall_drop *d, char *buf, size_t len)
{
	static const char *const ways[DROPPED_WHERES] = {
		[DROPPED_OUT] = "; dropped on its way out",
		[DROPPED_LOOPED] = "; dropped where it comes in by lo",
		[DROPPED_IN] = "; the SYN-ACK is dropped on its way in",
	};

	buf[0] = '\0';
	if (stall_drop_where(d))
		snprintf(buf, len, "%s%s%s", ways[d->where], d->reason[0] ? ": " : "", d->reason);
	return buf;
}

const char *stall_drop_where(const struct stall_drop *d)
{
	static const char *const words[DROPPED_WHERES] = {
		[DROPPED_OUT] = "out", [DROPPED_LOOPED] = "loopback", [DROPPED_IN] = "in",
	};

	return d->where < DROPPED_WHERES ? words[d->where] : NULL;
}

/* Names of enum skb_drop_reason (include/net/dropreason-core.h), by their begin. */
static const struct {
	const char *reason;
	const char *advice;
} against[] = {
	{ "NETFILTER_DROP", "a rule of this host drops it: nft list ruleset; iptables-save -c." },
	{ "IP_RPFILTER", "the way back to that address is by another interface than it came by: "
			 "ip route get; sysctl -ar rp_filter; asymmetric routing wants 2." },
	{ "NEIGH_", "nobody answers for the next hop: dead host, wrong subnet or VLAN.  ip neigh." },
	{ "QDISC_", "a queue of the interface drops it: tc -s qdisc." },
	{ "TC_", "a filter at the interface drops it: tc -s filter show, ingress and egress." },
	{ "BPF_CGROUP_", "a BPF program at its cgroup drops it: bpftool cgroup tree." },
	{ "XDP", "a program at the interface drops it: ip link; bpftool net." },
	{ "XFRM_POLICY", "an IPsec policy drops it: ip xfrm policy." },
	{ "IP_OUTNOROUTES", "there is no way to it: ip route; ip rule." },
};

const char *stall_drop_advice(const struct stall_drop *d)
{
	for (size_t i = 0; d->where && i < sizeof(against) / sizeof(against[0]); i++)
		if (!strncmp(d->reason, against[i].reason, strlen(against[i].reason)))
			return against[i].advice;
	return NULL;
}
