/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * kernel_filter.h - what of a filter the BPF programs decide before they make a
 * record: clauses, all of which have to hold, of atoms, one of which has to. What is not
 * known yet holds: user space asks the whole filter again (filter_eval.c) with what it
 * learnt since, so this only saves work. Made by user/filter_push.c, whose tests run
 * the very code that the kernel side runs.
 */
#ifndef TCPTRAIL_KERNEL_FILTER_H
#define TCPTRAIL_KERNEL_FILTER_H

#ifndef __bpf__
#include <linux/types.h>
#include <stdbool.h>
#endif

#include "bpf/event.h"

#define FILTER_PIDS_MAX		16
/* The verifier follows each through every call: 22,000 instructions of the million that a
 * program may take, for one in the state program (Linux 6.18). */
#define FILTER_ATOMS_MAX	16

enum filter_atom_what {
	/* words[0] to words[1] */
	ATOM_NETNS = 1, ATOM_FAMILY, ATOM_LPORT, ATOM_RPORT, ATOM_PID, ATOM_TREE, ATOM_UID,
	/* words under masks */
	ATOM_LADDR, ATOM_RADDR, ATOM_COMM,
};

struct filter_atom {
	__u8 what;		/* enum filter_atom_what */
	__u8 negated;
	__u8 last;		/* of its clause */
	__u8 family;		/* addresses: 4 or 6 */
	__u32 words[4];		/* addresses in network order */
	__u32 masks[4];
};

struct kernel_filter {
	__u32 atoms_len;	/* 0: no filter */
	struct filter_atom atoms[FILTER_ATOMS_MAX];
	__u32 pids[FILTER_PIDS_MAX];	/* followed, with their children (ATOM_TREE) */
	__u32 pids_len;
	__u8 follow;		/* none but owners that are followed: -- COMMAND */
	__u8 pad[3];
};

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
static inline __attribute__((always_inline)) int
filter_atom_address(const volatile struct filter_atom *a, const struct ev_sock *s, bool local)
{
	const __u32 *words = (const void *)(local ? s->laddr : s->raddr);

	if (!s->family)
		return ATOM_UNKNOWN;
	if (s->family != a->family)
		return ATOM_NO;
	if (!(words[0] | words[1] | words[2] | words[3]) && !(local && s->role == EVR_LISTENER))
		return ATOM_UNKNOWN;
	return filter_atom_words(a, words) ? ATOM_YES : ATOM_NO;
}

static inline __attribute__((always_inline)) int
filter_atom_ask(const volatile struct filter_atom *a, const struct ev_sock *s)
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
	case ATOM_LADDR:
		return filter_atom_address(a, s, true);
	case ATOM_RADDR:
		return filter_atom_address(a, s, false);
	case ATOM_COMM:
		if (!s->owner.source)
			return ATOM_UNKNOWN;
		return filter_atom_words(a, s->owner.comm) ? ATOM_YES : ATOM_NO;
	default:
		return ATOM_UNKNOWN;
	}
}

static inline __attribute__((always_inline)) bool
filter_wants(const volatile struct kernel_filter *f, const struct ev_sock *s)
{
	bool met = false;

	if (f->follow && !(s->owner.source && s->owner.followed))
		return false;
	for (__u32 i = 0; i < FILTER_ATOMS_MAX; i++) {
		const volatile struct filter_atom *a = &f->atoms[i];

		if (i >= f->atoms_len)
			break;
		met = met || filter_atom_ask(a, s) != (a->negated ? ATOM_YES : ATOM_NO);
		if (a->last && !met)
			return false;
		if (a->last)
			met = false;
	}
	return true;
}

#endif /* TCPTRAIL_KERNEL_FILTER_H */
