/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * filter_ask.h - struct kernel_filter's answer. Who includes it says first where prefixes
 * and cgroups are looked up:
 *
 *   static bool filter_prefix_known(const struct filter_prefix *key);	the longest that fits
 *   static __u64 filter_cgroup_answers(__u64 id);			0: not known
 *
 * The kernel side in maps (sock.bpf.c), the tests of user space in arrays: they run the
 * very code that decides there.
 */
#ifndef TCPTRAIL_FILTER_ASK_H
#define TCPTRAIL_FILTER_ASK_H

#include "bpf/kernel_filter.h"

/* Does an atom hold, its negation aside? */
enum filter_atom_answer { ATOM_NO, ATOM_YES, ATOM_UNKNOWN };

static inline __attribute__((always_inline)) int
filter_atom_range(const volatile struct filter_atom *a, __u32 n, bool known)
{
	if (!known)
		return ATOM_UNKNOWN;
	return n >= a->words[0] && n <= a->words[1] ? ATOM_YES : ATOM_NO;
}

static inline __attribute__((always_inline)) bool
filter_atom_words(const volatile struct filter_atom *a, const void *bytes)
{
	const __u32 *words = bytes;

	return !(((words[0] ^ a->words[0]) & a->masks[0]) | ((words[1] ^ a->words[1]) & a->masks[1]) |
		 ((words[2] ^ a->words[2]) & a->masks[2]) | ((words[3] ^ a->words[3]) & a->masks[3]));
}

/* All zero: not chosen yet; but the local one of a listener means any, and is told so. */
static inline __attribute__((always_inline)) bool
filter_address_known(const struct ev_sock *s, const __u32 *words, bool local)
{
	return words[0] | words[1] | words[2] | words[3] || (local && s->role == EVR_LISTENER);
}

static inline __attribute__((always_inline)) int
filter_atom_address(const volatile struct filter_atom *a, const struct ev_sock *s, bool local)
{
	const __u32 *words = (const void *)(local ? s->laddr : s->raddr);

	if (!s->family)
		return ATOM_UNKNOWN;
	if (s->family != a->family)
		return ATOM_NO;
	if (!filter_address_known(s, words, local))
		return ATOM_UNKNOWN;
	return filter_atom_words(a, words) ? ATOM_YES : ATOM_NO;
}

static inline __attribute__((always_inline)) int
filter_atom_set(const volatile struct filter_atom *a, const struct ev_sock *s, bool local)
{
	const __u32 *words = (const void *)(local ? s->laddr : s->raddr);
	struct filter_prefix key = { .set = a->words[0], .family = s->family };

	if (!s->family)
		return ATOM_UNKNOWN;
	if (!(a->family & (s->family == 4 ? FILTER_SET_4 : FILTER_SET_6)))
		return ATOM_NO;
	if (!filter_address_known(s, words, local))
		return ATOM_UNKNOWN;
	key.bits = FILTER_PREFIX_BITS + (s->family == 4 ? 32 : 128);
	__builtin_memcpy(key.address, words, sizeof(key.address));
	return filter_prefix_known(&key) ? ATOM_YES : ATOM_NO;
}

static inline __attribute__((always_inline)) int
filter_atom_bits(const volatile struct filter_atom *a, __u32 n)
{
	return a->words[0] >> (n & 31) & 1 ? ATOM_YES : ATOM_NO;
}

static inline __attribute__((always_inline)) bool filter_is_move(__u64 event)
{
	__u8 kind = FILTER_KIND(event);

	return kind == EV_STATE || kind == EV_CONNECTION || kind == EV_REQUEST;
}

/* From or to: nothing else has them. */
static inline __attribute__((always_inline)) int
filter_atom_move(const volatile struct filter_atom *a, __u64 event, __u32 state)
{
	if (!event)
		return ATOM_UNKNOWN;
	return filter_is_move(event) ? filter_atom_bits(a, state) : ATOM_NO;
}

static inline __attribute__((always_inline)) int
filter_atom_state(const volatile struct filter_atom *a, const struct ev_sock *s, __u64 event)
{
	if (!event)
		return ATOM_UNKNOWN;
	if (filter_is_move(event))
		return filter_atom_bits(a, FILTER_TO(event));
	if (!s->state || s->state >= EVS_MAX)
		return ATOM_UNKNOWN;
	return filter_atom_bits(a, s->state == EVS_NEW_SYN_RECV ? EVS_SYN_RECV : s->state);
}

static inline __attribute__((always_inline)) int
filter_atom_event(const volatile struct filter_atom *a, __u64 event)
{
	__u32 bit = 1u << (FILTER_KIND(event) & 31);

	if (!event)
		return ATOM_UNKNOWN;
	if (a->words[0] & bit)
		return ATOM_YES;
	return a->words[1] & bit ? ATOM_UNKNOWN : ATOM_NO;
}

/* A socket that is not bound to an interface has none; a mini-socket does not tell. */
static inline __attribute__((always_inline)) int
filter_atom_dev(const volatile struct filter_atom *a, const struct ev_sock *s)
{
	if (s->ifindex)
		return filter_atom_range(a, s->ifindex, true);
	return s->family && s->uid != (__u32)-1 ? ATOM_NO : ATOM_UNKNOWN;
}

static inline __attribute__((always_inline)) int
filter_atom_cgroup(const struct ev_sock *s, __u32 place)
{
	__u64 answers = s->cgroup ? filter_cgroup_answers(s->cgroup) : 0;

	if (!answers)
		return ATOM_UNKNOWN;
	return answers >> (place & 31) & 1 ? ATOM_YES : ATOM_NO;
}

static inline __attribute__((always_inline)) int
filter_atom_ask(const volatile struct filter_atom *a, const struct ev_sock *s, __u64 event, __u32 i)
{
	switch (a->what) {
	case ATOM_NETNS:
		return filter_atom_range(a, s->netns, s->netns);
	case ATOM_FAMILY:
		return filter_atom_range(a, s->family, s->family);
	case ATOM_LPORT:
		return filter_atom_range(a, s->lport, s->family && s->lport);
	case ATOM_RPORT:
		return filter_atom_range(a, s->rport, s->family && s->rport);
	case ATOM_TREE:
		if (s->owner.source && s->owner.followed)
			return ATOM_YES;
		return filter_atom_range(a, s->owner.pid, s->owner.source);
	case ATOM_PID:
		return filter_atom_range(a, s->owner.pid, s->owner.source);
	case ATOM_UID:
		return filter_atom_range(a, s->uid, s->family && s->uid != (__u32)-1);
	case ATOM_DEV:
		return filter_atom_dev(a, s);
	case ATOM_ERRNO:
		if (event && !FILTER_ERRNO(event))
			return ATOM_NO;
		return filter_atom_range(a, FILTER_ERRNO(event), event);
	case ATOM_LADDR:
		return filter_atom_address(a, s, true);
	case ATOM_RADDR:
		return filter_atom_address(a, s, false);
	case ATOM_LADDR_SET:
		return filter_atom_set(a, s, true);
	case ATOM_RADDR_SET:
		return filter_atom_set(a, s, false);
	case ATOM_COMM:
		if (!s->owner.source)
			return ATOM_UNKNOWN;
		return filter_atom_words(a, s->owner.comm) ? ATOM_YES : ATOM_NO;
	case ATOM_ROLE:
		return s->role ? filter_atom_bits(a, s->role) : ATOM_UNKNOWN;
	case ATOM_STATE:
		return filter_atom_state(a, s, event);
	case ATOM_FROM:
		return filter_atom_move(a, event, FILTER_FROM(event));
	case ATOM_TO:
		return filter_atom_move(a, event, FILTER_TO(event));
	case ATOM_EVENT:
		return filter_atom_event(a, event);
	case ATOM_CGROUP:
		return filter_atom_cgroup(s, i);
	default:
		return ATOM_UNKNOWN;
	}
}

/* `event`: filter_move() or filter_event(), or 0. */
static inline __attribute__((always_inline)) bool
filter_wants(const volatile struct kernel_filter *f, const struct ev_sock *s, __u64 event)
{
	bool met = false;

	if (f->follow && !(s->owner.source && s->owner.followed))
		return false;
	for (__u32 i = 0; i < FILTER_ATOMS_MAX; i++) {
		const volatile struct filter_atom *a = &f->atoms[i];

		if (i >= f->atoms_len)
			break;
		met = met || filter_atom_ask(a, s, event, i) != (a->negated ? ATOM_YES : ATOM_NO);
		if (a->last && !met)
			return false;
		if (a->last)
			met = false;
	}
	return true;
}

#endif /* TCPTRAIL_FILTER_ASK_H */
