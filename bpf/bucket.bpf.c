// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * bucket.bpf.c - token buckets, per owner, kind and reason: a tracer must not
 * amplify an attack (a busy accept4() loop makes 1.2 million errors a second).
 *
 * What a bucket holds back is counted, ever, in its `held`; user space tells
 * the difference once a second, so sums over `count` are exact.
 */
#include "bpf/tcptrail.bpf.h"

#define BUCKET_RATE	10	/* events a second, and the burst */
#define TOTAL_RATE	500	/* of all buckets together */
#define SECOND_NS	1000000000ULL

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

__hidden bool bucket_pass(__u8 kind, __u8 sub, __u16 reason, const struct ev_sock *sock,
			  __u64 now)
{
	struct ev_bucket_key key = { .reason = reason, .kind = kind, .sub = sub };
	__u32 zero = 0, slot = 1 + (kind & (EV_KIND_MAX - 1));
	struct ev_bucket *all = bpf_map_lookup_elem(&bucket_total, &zero);
	struct ev_bucket *b;

	key.pid = sock->owner.source ? sock->owner.pid : 0;
	if (kind == EV_DROP)
		key.cookie = sock->cookie;
	b = bucket_of(&key, sock);
	if (!b) {
		count(EVC_MAP_FULL);
		b = bpf_map_lookup_elem(&bucket_total, &slot);
		if (!b)
			return false;
	}
	if (draw(b, BUCKET_RATE, now) && all && draw(all, TOTAL_RATE, now))
		return true;
	__sync_fetch_and_add(&b->held, 1);
	return false;
}
