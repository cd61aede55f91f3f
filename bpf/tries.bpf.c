// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * tries.bpf.c - drops are segments: which try of its connection a segment was, and
 * how many connections and peers the segments of one round are.
 *
 * A connection is a 4-tuple and the sequence number of its SYN, which does not
 * change when the SYN is sent again (RFC 9293 section 3.4.1); a peer is an address
 * at one listener. Both are kept in tables that forget the oldest. What may have been
 * forgotten is not counted as new: the figures are lower bounds then, and say so.
 */
#include "bpf/tcptrail.bpf.h"

#define TABLE_MAX	16384

/*
 * Newer than this many insertions is never forgotten. The kernel's LRU takes from
 * the old end of its inactive list, which holds half of the table or more, less what
 * waits in the lists of the CPUs (kernel/bpf/bpf_lru_list.c).
 */
#define SURE		(TABLE_MAX / 8)

/* No two tries of a live connection are further apart (TCP_RTO_MAX). */
#define TRIES_APART_NS	120000000000ULL

/* A data segment stands for the final ACK as well, and is that near to it: nothing
 * has told its sender of a larger window than the SYN-ACK's. */
#define ISN_NEAR	65536

struct connection {
	__u32 isn;
	__u16 tries[EVG_MAX];	/* by stage */
	__u8 lower;		/* earlier ones may have been forgotten */
	__u8 pad;
	__u32 rounds[16];	/* the last it was counted in, by stage and reason */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, TABLE_MAX);
	__type(key, struct tries_key);
	__type(value, struct connection);
} tries SEC(".maps");

struct peer_key {
	__u8 raddr[16];
	__u64 cookie;		/* of the listener, where it has one */
	__u32 netns;
	__u16 lport;
	__u16 family;
};

struct peer {
	__u32 rounds[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, TABLE_MAX);
	__type(key, struct peer_key);
	__type(value, struct peer);
} peers SEC(".maps");

/* What a table is sure of. */
struct memory {
	__u64 inserted;
	__u64 mark_ns;		/* when that was a multiple of SURE */
	__u64 whole_ns;		/* CLOCK_MONOTONIC: nothing since then is forgotten */
};

static struct memory tries_memory;
static struct memory peers_memory;

/* Written by user space before the round's number. */
__u64 bucket_round_ns = 0;

/* true: there is room for one more in this round. */
static __always_inline bool admit(struct memory *m, __u64 now)
{
	__u64 n;

	if (m->whole_ns && m->whole_ns >= bucket_round_ns) {
		m->whole_ns = now;
		return false;
	}
	n = __sync_fetch_and_add(&m->inserted, 1) + 1;
	if (n % SURE == 0) {
		m->whole_ns = m->mark_ns;
		m->mark_ns = now;
	}
	return true;
}

/* Its entry, as a new one where this is another connection; NULL: not known. */
static __always_inline struct connection *find(const struct tries_key *key, __u32 isn, bool exact,
					       __u64 now)
{
	struct connection *c = bpf_map_lookup_elem(&tries, key);
	struct connection fresh = { .isn = isn };
	__u64 whole = tries_memory.whole_ns;

	if (c && (exact ? isn == c->isn : isn - c->isn + ISN_NEAR <= 2 * ISN_NEAR))
		return c;
	if (!c && !admit(&tries_memory, now))
		return NULL;
	/* The old one is there, so nothing of a later one is forgotten. */
	fresh.lower = !c && whole && now - whole < TRIES_APART_NS;
	bpf_map_update_elem(&tries, key, &fresh, BPF_ANY);
	return bpf_map_lookup_elem(&tries, key);
}

static __always_inline bool first_in(__u32 *rounds, const struct ev_drop *e, __u32 round)
{
	__u64 at = (e->stage & 1) << 3 | (e->reason & 7);

	/* Linux 6.1 knows no bounds of a 32-bit OR, and the compiler would drop the mask. */
	asm volatile("" : "+r"(at));
	at &= 15;
	if (rounds[at] == round)
		return false;
	rounds[at] = round;
	return true;
}

static __always_inline __u32 peer_bits(const struct ev_drop *e, __u32 round)
{
	struct peer_key key = { .cookie = e->sock.cookie, .netns = e->sock.netns,
				.lport = e->sock.lport, .family = e->sock.family };
	struct peer fresh = {}, *p;

	__builtin_memcpy(key.raddr, e->sock.raddr, sizeof(key.raddr));
	p = bpf_map_lookup_elem(&peers, &key);
	if (!p) {
		if (!admit(&peers_memory, e->head.ts_ns))
			return TRY_UNKNOWN;
		bpf_map_update_elem(&peers, &key, &fresh, BPF_NOEXIST);
		p = bpf_map_lookup_elem(&peers, &key);
	}
	if (!p)
		return TRY_UNKNOWN;
	return first_in(p->rounds, e, round) ? TRY_NEW_PEER : 0;
}

__hidden __u32 tries_of(struct ev_drop *e, const struct tries_key *key, __u32 isn, __u32 round)
{
	bool exact = e->stage == EVG_SYN || e->head.method != EVM_TP_BTF;
	struct connection *c = find(key, isn, exact, e->head.ts_ns);
	__u32 bits = 0;
	__u16 *tries;

	if (c) {
		tries = &c->tries[e->stage & 1];
		if (*tries != (__u16)-1)
			++*tries;
		e->tries = *tries;
		e->tries_lower = c->lower || *tries == (__u16)-1;
	}
	if (!round)
		return 0;
	if (!c)
		bits = TRY_UNKNOWN;
	else if (first_in(c->rounds, e, round))
		bits = TRY_NEW_CONNECTION;
	return bits | peer_bits(e, round);
}
