// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "rollup.h"

#include <stdlib.h>
#include <string.h>

#include "decode.h"

/* Buckets are at most 4,096 and one of each kind (bpf/bucket.bpf.c). */
#define KNOWN_MAX 8192

/* What was told of it, by the lowest bit of the round's number. */
struct known {
	struct ev_bucket_key key;
	uint64_t held[2];
	uint32_t connections[2];
	uint32_t peers[2];
	uint32_t lower[2];
	bool used;
};

struct rollup {
	struct known *known;	/* open addressing */
	size_t len;
	uint32_t round;		/* the one that is over */
	uint64_t begun_ns;	/* the next one */
	uint64_t before_ns;	/* it */
	uint64_t total;
};

struct rollup *rollup_open(void)
{
	struct rollup *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->known = calloc(KNOWN_MAX, sizeof(*r->known));
	if (r->known)
		return r;
	free(r);
	return NULL;
}

void rollup_close(struct rollup *r)
{
	if (!r)
		return;
	free(r->known);
	free(r);
}

void rollup_begin(struct rollup *r, uint32_t round, uint64_t now_ns)
{
	r->round = round;
	r->before_ns = r->begun_ns;
	r->begun_ns = now_ns;
}

uint64_t rollup_total(const struct rollup *r)
{
	return r->total;
}

static struct known *find(struct rollup *r, const struct ev_bucket_key *key)
{
	size_t i = (key->pid * 2654435761u ^ key->reason * 40503u ^ key->kind << 4 ^ key->sub ^
		    key->cookie * 0x9e3779b97f4a7c15ULL >> 40);

	for (size_t n = 0; n < KNOWN_MAX; n++, i++) {
		struct known *k = &r->known[i % KNOWN_MAX];

		if (!k->used) {
			k->used = true;
			k->key = *key;
			return k;
		}
		if (!memcmp(&k->key, key, sizeof(*key)))
			return k;
	}
	return NULL;
}

/* Addresses only where all of the round are of one socket: none of it, and none of the
 * round that goes on, changed what the bucket has. */
static void fill_limit(const struct ev_bucket_key *key, const struct ev_bucket *b, bool one,
		       struct record *out)
{
	struct ev_sock owner_alone = { .owner = b->sock.owner, .uid = (uint32_t)-1 };

	decode_limit(key->sub, key->reason, out);
	decode_sock(one ? &b->sock : &owner_alone, out);
	if (!key->pid)
		out->has &= ~HAS_OWNER;
}

static void fill(const struct ev_bucket_key *key, const struct ev_bucket *b, bool one,
		 struct record *out)
{
	memset(out, 0, sizeof(*out));
	out->method = EVM_TP_BTF;
	switch (key->kind) {
	case EV_RETRANSMIT:
		out->kind = REC_RETRANSMIT;
		out->rexmit = key->sub;
		break;
	case EV_RESET:
		out->kind = REC_RESET;
		out->sent = key->sub;
		break;
	case EV_DROP:
		out->kind = key->reason == EVD_COOKIE ? REC_SYNCOOKIE : REC_DROP;
		out->drop.stage = key->sub;
		out->drop.reason = key->reason < EVD_MAX ? key->reason : EVD_OTHER;
		decode_sock(&b->sock, out);
		return;
	case EV_LIMIT:
		fill_limit(key, b, one, out);
		return;
	case EV_REQUEST:
		decode_sock(&b->sock, out);
		decode_requests(key->sub, key->reason, out);
		return;
	default:
		out->kind = REC_ERROR;
		out->err = key->reason;
		if (key->reason)
			out->has |= HAS_ERRNO;
		break;
	}
	if (!b->sock.owner.source || b->sock.owner.source >= EVO_MAX || !key->pid)
		return;
	out->has |= HAS_OWNER;
	out->pid = b->sock.owner.pid;
	out->owner_source = b->sock.owner.source;
	memcpy(out->comm, b->sock.owner.comm, sizeof(out->comm));
}

/* Of a drop: how many connections and peers its segments are. A key that found no
 * room in the kernel's map has no listener, and nothing of that is known. */
static void whose(struct known *k, const struct ev_bucket *b, unsigned int slot, struct record *out)
{
	if (k->key.kind == EV_DROP && b->sock.netns) {
		out->has |= HAS_PEERS;
		out->drop.connections = b->connections[slot] - k->connections[slot];
		out->drop.peers = b->peers[slot] - k->peers[slot];
		out->drop.peers_lower = b->lower[slot] != k->lower[slot];
	}
	k->connections[slot] = b->connections[slot];
	k->peers[slot] = b->peers[slot];
	k->lower[slot] = b->lower[slot];
}

bool rollup_bucket(struct rollup *r, const struct ev_bucket_key *key,
		   const struct ev_bucket *bucket, struct record *out)
{
	struct known *k = find(r, key);
	unsigned int slot = r->round & 1;

	if (!k || bucket->held[slot] <= k->held[slot])
		return false;
	fill(key, bucket, !memcmp(bucket->lower, k->lower, sizeof(k->lower)), out);
	whose(k, bucket, slot, out);
	out->count = bucket->held[slot] - k->held[slot];
	out->has |= HAS_WINDOW;
	out->window_ns = r->begun_ns - r->before_ns;
	r->total += out->count;
	k->held[slot] = bucket->held[slot];
	return true;
}
