/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * kernel_filter.h - what of a filter the BPF programs decide before they make a
 * record: clauses, all of which have to hold, of atoms, one of which has to. What is not
 * known yet holds: user space asks the whole filter again (filter_eval.c) with what it
 * learnt since, so this only saves work. Made by user/filter_push.c, asked by
 * filter_ask.h.
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
	ATOM_DEV, ATOM_ERRNO,
	/* words under masks */
	ATOM_LADDR, ATOM_RADDR, ATOM_COMM,
	/* one of the prefixes of set words[0] */
	ATOM_LADDR_SET, ATOM_RADDR_SET,
	/* bits of words[0] */
	ATOM_ROLE, ATOM_STATE, ATOM_FROM, ATOM_TO,
	/* enum ev_kind: bits of words[0] surely, of words[1] maybe */
	ATOM_EVENT,
	/* a bit of struct filter_cgroup.answers, of the term words[0] of the filter */
	ATOM_CGROUP,
};

#define FILTER_SET_4	1	/* filter_atom.family of a set: which it has */
#define FILTER_SET_6	2

struct filter_atom {
	__u8 what;		/* enum filter_atom_what */
	__u8 negated;
	__u8 last;		/* of its clause */
	__u8 family;		/* addresses: 4 or 6; of a set: FILTER_SET_* */
	__u32 words[4];		/* addresses in network order */
	__u32 masks[4];
};

struct kernel_filter {
	__u32 atoms_len;	/* 0: no filter */
	struct filter_atom atoms[FILTER_ATOMS_MAX];
	__u32 pids[FILTER_PIDS_MAX];	/* followed, with their children (ATOM_TREE) */
	__u32 pids_len;
	__u8 follow;		/* none but owners that are followed: -- COMMAND */
	__u8 asks_event;	/* an atom asks filter_move() or filter_event() */
	__u8 asks_cgroup;
	__u8 pad;
};

/* A prefix of a set: the key of a trie (BPF_MAP_TYPE_LPM_TRIE), whose first word says how
 * many bits behind it count. */
struct filter_prefix {
	__u32 bits;		/* FILTER_PREFIX_BITS and those of the prefix */
	__u16 set;
	__u16 family;		/* 4 or 6 */
	__u8 address[16];
};

#define FILTER_PREFIX_BITS	32
#define FILTER_PREFIXES_MAX	512

struct filter_prefixes {
	__u32 len;
	struct filter_prefix all[FILTER_PREFIXES_MAX];
};

/*
 * What the terms of cgroups say of one, by user space, which knows its path. A place is
 * taken once and never given to another, and its answers are there once they are not 0: it
 * is written while it is read.
 */
struct filter_cgroup {
	__u64 id;		/* 0: free */
	__u64 answers;		/* FILTER_CGROUP_KNOWN, 1 << place of the atom; 0: not yet */
};

#define FILTER_CGROUPS		4096	/* a power of two */
#define FILTER_CGROUP_TRIES	4	/* places of one */
#define FILTER_CGROUP_KNOWN	(1ULL << 63)

static inline __attribute__((always_inline)) __u32 filter_cgroup_place(__u64 id, __u32 attempt)
{
	return ((id * 0x9e3779b97f4a7c15ULL >> 32) + attempt) & (FILTER_CGROUPS - 1);
}

/* What is known of an event beside its socket, in one register: a global BPF function
 * takes it so. 0: nothing. */
#define FILTER_KIND(event)	((event) & 0xff)
#define FILTER_FROM(event)	((event) >> 8 & 0xff)
#define FILTER_TO(event)	((event) >> 16 & 0xff)
#define FILTER_ERRNO(event)	((__u32)((event) >> 32))
#define FILTER_MOVES		(1ULL << 24)	/* from and to are known */

/* One that is no transition. `err`: 0: it has none. */
static inline __attribute__((always_inline)) __u64 filter_event(__u8 kind, __u32 err)
{
	return kind | (__u64)err << 32;
}

/* A transition as it will be told: see filter_move(). */
static inline __attribute__((always_inline)) __u64 filter_told(__u8 kind, __u8 from, __u8 to,
							       __u32 err)
{
	return filter_event(kind, to == EVS_CLOSE ? err : 0) | FILTER_MOVES | from << 8 | to << 16;
}

/*
 * A transition of a full socket, or its end. Nothing is known of FIN-WAIT-2 or CLOSING ->
 * CLOSED: it may be told as the entry into TIME-WAIT, or later (user/cause.c). Nor of what
 * user space needs for other records than its own: ports (portfill.h), listeners that had
 * none, connections that take over the addresses of one in TIME-WAIT (twpoll.h).
 */
static inline __attribute__((always_inline)) __u64 filter_move(__u8 kind, const struct ev_state *e)
{
	__u8 from = e->from, to = e->to;

	if (to == EVS_CLOSE && (from == EVS_FIN_WAIT2 || from == EVS_CLOSING))
		return 0;
	if (kind == EV_STATE &&
	    (from == EVS_SYN_SENT || from == EVS_LISTEN || to == EVS_SYN_SENT || to == EVS_LISTEN ||
	     to == EVS_ESTABLISHED || (e->stored && e->stored != from)))
		return 0;
	return filter_told(kind, from, to, e->err);
}

#endif /* TCPTRAIL_KERNEL_FILTER_H */
