// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * listener.bpf.c - who listens on a port: the owner of a connection until
 * accept() returns it.
 */
#include "bpf/tcptrail.bpf.h"
#include "bpf/listener.h"

__u64 accepts_until_ns = 0;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, struct listener_key);
	__type(value, struct listener);
} listeners SEC(".maps");

static __always_inline void key_of(struct listener_key *key, const struct ev_sock *s)
{
	__builtin_memset(key, 0, sizeof(*key));
	key->netns = s->netns;
	key->port = s->lport;
	key->family = s->family;
	__builtin_memcpy(key->addr, s->laddr, sizeof(key->addr));
}

__hidden int listener_add(const struct ev_sock *at, const struct ev_owner *owner)
{
	struct listener fresh = { .sockets = 1 };
	struct listener_key key;
	struct listener *l;

	if (!at->lport)
		return 0;		/* chosen after the hook: portfill.bpf.c comes back */
	key_of(&key, at);
	fresh.owner = *owner;
	l = bpf_map_lookup_elem(&listeners, &key);
	if (!l) {
		if (!bpf_map_update_elem(&listeners, &key, &fresh, BPF_NOEXIST))
			return 0;
		l = bpf_map_lookup_elem(&listeners, &key);
		if (!l) {
			count(EVC_MAP_FULL);
			return 0;
		}
	}
	__sync_fetch_and_add(&l->sockets, 1);
	if (l->owner.pid != owner->pid || !owner->source)
		l->mixed = 1;
	return 0;
}

__hidden int listener_del(const struct ev_sock *at)
{
	struct listener_key key;
	struct listener *l;

	key_of(&key, at);
	l = bpf_map_lookup_elem(&listeners, &key);
	if (!l)
		return 0;
	if (__sync_fetch_and_add(&l->sockets, -1) <= 1)
		bpf_map_delete_elem(&listeners, &key);
	return 0;
}

/* By what it listens on itself. */
__hidden int listener_syn(const struct ev_sock *at)
{
	struct listener_key key;
	struct listener *l;

	key_of(&key, at);
	l = bpf_map_lookup_elem(&listeners, &key);
	if (l)
		__sync_fetch_and_add(&l->syns, 1);
	return 0;
}

/* As listener_find() looks for it. */
__hidden int listener_accepted(const struct ev_sock *child, bool ipv6_socket)
{
	struct listener_key key;
	struct listener *l;

	key_of(&key, child);
	l = bpf_map_lookup_elem(&listeners, &key);
	if (!l) {
		__builtin_memset(key.addr, 0, sizeof(key.addr));
		if (ipv6_socket)
			key.family = 6;
		l = bpf_map_lookup_elem(&listeners, &key);
	}
	if (l)
		__sync_fetch_and_add(&l->accepts, 1);
	return 0;
}

static __always_inline bool take(struct listener_key *key, struct ev_owner *owner)
{
	struct listener *l = bpf_map_lookup_elem(&listeners, key);

	if (!l)
		return false;
	if (!l->mixed && l->owner.source) {
		*owner = l->owner;
		owner->source = EVO_LISTENER;
	}
	return true;
}

/* The address itself first, then any; an IPv6 socket with an IPv4 peer (family
 * 4 in the record) came from a dual-stack listener. */
__hidden bool listener_find(const struct ev_sock *child, bool ipv6_socket,
			    struct ev_owner *owner)
{
	struct listener_key key;

	key_of(&key, child);
	if (take(&key, owner))
		return true;
	__builtin_memset(key.addr, 0, sizeof(key.addr));
	if (ipv6_socket)
		key.family = 6;
	return take(&key, owner);
}
