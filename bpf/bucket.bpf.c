// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * bucket.bpf.c - token buckets, per owner, kind and reason: a tracer must not
 * amplify an attack (a busy accept4() loop makes 1.2 million errors a second).
 *
 * What a bucket holds back is counted in its `held`; user space tells the
 * difference once a second, so sums over `count` are exact.
 */
#include "bpf/tcptrail.bpf.h"

#define BUCKET_RATE	10	/* events a second, and the burst */
#define TOTAL_RATE	500	/* of all buckets together */
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
 * emitted or counted as held. */
static __always_inline bool draw(struct ev_bucket *b, __u32 rate, __u64 now)
{
	__u64 elapsed = now - b->refilled_ns;
	__u64 fresh;

	if (elapsed > SECOND_NS) {
		b->refilled_ns = now;
		b->tokens = rate;
	} else {
		fresh = elapsed * rate / SECOND_NS;
		if (fresh) {
			b->refilled_ns = now;
			b->tokens = b->tokens + fresh > rate ? rate : b->tokens + fresh;
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
	if (key->kind == EV_DROP)
		fresh.sock = *sock;
	else
		fresh.sock.owner = sock->owner;
	bpf_map_update_elem(&buckets, key, &fresh, BPF_NOEXIST);
	return bpf_map_lookup_elem(&buckets, key);
}

static __always_inline void key_of(struct ev_bucket_key *key, const struct ev_sock *sock)
{
	key->pid = sock->owner.source ? sock->owner.pid : 0;
	if (key->kind == EV_DROP)
		key->cookie = sock->cookie;
}

__hidden __u32 bucket_held(__u8 kind, __u8 sub, __u16 reason, const struct ev_sock *sock,
			   __u64 now)
{
	struct ev_bucket_key key = { .reason = reason, .kind = kind, .sub = sub };
	__u32 zero = 0, slot = 1 + (kind & (EV_KIND_MAX - 1));
	struct ev_bucket *all = bpf_map_lookup_elem(&bucket_total, &zero);
	__u32 round = *(volatile __u32 *)&bucket_round;
	struct ev_bucket *b;

	key_of(&key, sock);
	b = bucket_of(&key, sock);
	if (!b) {
		count(EVC_MAP_FULL);
		b = bpf_map_lookup_elem(&bucket_total, &slot);
		if (!b)
			return round;
	}
	if (draw(b, BUCKET_RATE, now) && all && draw(all, TOTAL_RATE, now))
		return 0;
	__sync_fetch_and_add(&b->held[round & 1], 1);
	return round;
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
