// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * bucket.bpf.c - token buckets, per owner, kind and reason: a tracer must not
 * amplify an attack (a busy accept4() loop makes 1.2 million errors a second).
 *
 * What a bucket holds back is counted in its `held`; user space tells the
 * difference once a second, so sums over `count` are exact.
 */
#include "bpf/tcptrail.bpf.h"

#define BUCKET_RATE	10	/* events a second */
#define TOTAL_RATE	400	/* of all buckets together, but for */
#define REQUEST_RATE	100	/* requests not finished */
#define SECOND_NS	1000000000ULL

/* Written by user space alone; 0 would be "passed". */
__u32 bucket_round = 1;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 4096);
	__type(key, struct ev_bucket_key);
	__type(value, struct ev_bucket);
} buckets SEC(".maps");

/* One for all; held counts of keys that found no room, by kind. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1 + EV_KIND_MAX);
	__type(key, __u32);
	__type(value, struct ev_bucket);
} bucket_total SEC(".maps");

/* Races between CPUs may pass an event too many, never lose one: it is either
 * emitted or counted as held. The burst is one less than the rate: with what comes
 * back and the record of the sum a second has twice the rate at most. */
static __always_inline bool draw(struct ev_bucket *b, __u32 rate, __u64 now)
{
	__u32 burst = rate - 1;
	__u64 elapsed = now - b->refilled_ns;
	__u64 fresh;

	if (elapsed > SECOND_NS) {
		b->refilled_ns = now;
		b->tokens = burst;
	} else {
		fresh = elapsed * rate / SECOND_NS;
		if (fresh) {
			b->refilled_ns = now;
			b->tokens = b->tokens + fresh > burst ? burst : b->tokens + fresh;
		}
	}
	if (!b->tokens)
		return false;
	b->tokens--;
	return true;
}

static __always_inline struct ev_bucket *bucket_of(struct ev_bucket_key *key,
						   const struct ev_sock *sock)
{
	struct ev_bucket fresh = {};
	struct ev_bucket *b = bpf_map_lookup_elem(&buckets, key);

	if (b)
		return b;
	if (key->kind == EV_DROP || key->kind == EV_LIMIT || key->kind == EV_REQUEST)
		fresh.sock = *sock;
	else
		fresh.sock.owner = sock->owner;
	bpf_map_update_elem(&buckets, key, &fresh, BPF_NOEXIST);
	return bpf_map_lookup_elem(&buckets, key);
}

static __always_inline void key_of(struct ev_bucket_key *key, const struct ev_sock *sock)
{
	key->pid = sock->owner.source ? sock->owner.pid : 0;
	if (key->kind == EV_DROP || key->kind == EV_REQUEST)
		key->cookie = sock->cookie;
}

/* Of one owner's failed calls those of a round may be of several sockets. */
static __always_inline void note_socket(struct ev_bucket *b, const struct ev_sock *sock,
					__u32 round)
{
	const __u64 *l = (const void *)sock->laddr, *r = (const void *)sock->raddr;
	const __u64 *bl = (const void *)b->sock.laddr, *br = (const void *)b->sock.raddr;

	if (b->sock.netns == sock->netns && b->sock.rport == sock->rport &&
	    b->sock.lport == sock->lport && l[0] == bl[0] && l[1] == bl[1] && r[0] == br[0] &&
	    r[1] == br[1])
		return;
	__sync_fetch_and_add(&b->lower[round & 1], 1);
	b->sock = *sock;
}

/* Its own bucket, or where that found no room one for its kind; never NULL but on
 * paper. */
static __always_inline struct ev_bucket *bucket_find(struct ev_bucket_key *key,
						     const struct ev_sock *sock)
{
	__u32 slot = 1 + (key->kind & (EV_KIND_MAX - 1));
	struct ev_bucket *b;

	key_of(key, sock);
	b = bucket_of(key, sock);
	if (b)
		return b;
	count(EVC_MAP_FULL);
	return bpf_map_lookup_elem(&bucket_total, &slot);
}

__hidden __u32 bucket_held(__u8 kind, __u8 sub, __u16 reason, const struct ev_sock *sock,
			   __u64 now)
{
	struct ev_bucket_key key = { .reason = reason, .kind = kind, .sub = sub };
	__u32 round = *(volatile __u32 *)&bucket_round;
	struct ev_bucket *b = bucket_find(&key, sock);
	struct ev_bucket *all;
	__u32 zero = 0;

	if (!b)
		return round;
	all = bpf_map_lookup_elem(&bucket_total, &zero);
	if (draw(b, BUCKET_RATE, now) && all && draw(all, TOTAL_RATE, now))
		return 0;
	if (kind == EV_LIMIT)
		note_socket(b, sock, round);
	__sync_fetch_and_add(&b->held[round & 1], 1);
	return round;
}

__hidden int bucket_hold(__u8 kind, __u8 sub, __u16 reason, const struct ev_sock *sock)
{
	struct ev_bucket_key key = { .reason = reason, .kind = kind, .sub = sub };
	struct ev_bucket *b = bucket_find(&key, sock);

	if (b)
		__sync_fetch_and_add(&b->held[*(volatile __u32 *)&bucket_round & 1], 1);
	return 0;
}

struct ev_bucket unfinished = {};

__hidden bool bucket_request(__u64 now)
{
	return draw(&unfinished, REQUEST_RATE, now);
}

__hidden int bucket_repay(void)
{
	if (unfinished.tokens < REQUEST_RATE)
		unfinished.tokens++;
	return 0;
}

__hidden int bucket_figures(const struct ev_drop *e, __u32 round, __u32 bits)
{
	struct ev_bucket_key key = { .reason = e->reason, .kind = EV_DROP, .sub = e->stage };
	struct ev_bucket *b;

	key_of(&key, &e->sock);
	b = bpf_map_lookup_elem(&buckets, &key);
	if (!b)
		return 0;
	if (bits & TRY_NEW_CONNECTION)
		__sync_fetch_and_add(&b->connections[round & 1], 1);
	if (bits & TRY_NEW_PEER)
		__sync_fetch_and_add(&b->peers[round & 1], 1);
	if (bits & TRY_UNKNOWN)
		__sync_fetch_and_add(&b->lower[round & 1], 1);
	return 0;
}
