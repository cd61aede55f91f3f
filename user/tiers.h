/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * tiers.h - the facts we tell and, for each, the hooks that can know it, best
 * first. The loader tries them, doctor and the start record show the outcome.
 */
#ifndef TCPTRAIL_TIERS_H
#define TCPTRAIL_TIERS_H

#include <stdbool.h>
#include <stddef.h>

#include "bpf/event.h"

enum tier {
	TIER_AUTO,
	TIER_FENTRY,
	TIER_KPROBE,
	TIER_TRACEPOINT,
};

enum fact_id {
	FACT_STATE,
	FACT_UNDERSTUDY,
	FACT_MORE_COPIES,
	FACT_SOCK_END,
	FACT_SNAPSHOT,
	FACT_PORT,
	FACT_CENSUS,
	FACT_ACCEPT,
	FACT_ACCEPT_MPTCP,
	FACT_TW_ENTERED,
	FACT_TW_LEFT,
	FACT_TW_EXPIRED,
	FACT_TW_SEGMENT,
	FACT_TW_REUSED,
	FACT_FIN_WAIT_2,
	FACT_KILLED,
	FACT_RST_FLAG,
	FACT_RETRANSMIT,
	FACT_RETRANSMIT_SYNACK,
	FACT_RESET_SENT,
	FACT_RESET_RECEIVED,
	FACT_ERROR,
	FACT_DROP_SYN,
	FACT_DROP_ACK,
	FACT_DROP_COOKIE_ACK,
	FACT_LISTENERS,
	FACT_FOLLOW,
	FACT_STALLS,
	FACT_STALLS_ALONE,
	FACT_STALLS_DROPPED,
	FACT_LIMIT_ACCEPT,
	FACT_LIMIT_SOCKET,
	FACT_LIMIT_CONNECT,
	FACT_LIMIT_BIND,
	FACT_LIMIT_LISTEN,
	FACT_LIMIT_ALONE,
	FACT_BUFFERS,
	FACT_SYN_QUEUE,
	FACT_RELISTEN,
	FACT_SYNS,
	FACTS,
};

#define WAY_PROGS_MAX	2
#define WAYS_MAX	4

/* One way to know a fact. No programs: user space derives it. */
struct way {
	enum ev_method method;
	const char *progs[WAY_PROGS_MAX + 1];
};

struct fact {
	const char *name;
	bool required;			/* without it there is no tracer */
	bool sometimes;			/* not needed on every kernel */
	struct way ways[WAYS_MAX];	/* best first; method EVM_NONE ends them */
	const char *without;		/* what is lost on the last way, or without any */
	const char *remedy;		/* NULL: nothing an administrator can do */
};

/* What became of a fact on this kernel. */
struct outcome {
	const struct way *way;		/* NULL: none works */
	struct {
		enum ev_method method;
		const char *prog;
		int error;		/* -errno of the load or the attach */
	} refused[WAYS_MAX];		/* the better ways, and why not */
	size_t refused_len;
};

extern const struct fact facts[FACTS];

/* Does a forced tier leave this method out? */
bool tier_excludes(enum tier tier, enum ev_method method);

/* "fentry": the word of --probe. */
const char *tier_name(enum tier tier);

/* The second copy of a program, for where tracepoints are preemptible; NULL: none. Of the
 * programs of a way all have one, or none. */
const char *understudy_of(const char *program);

/* The tier that FACTS outcomes amount to: the best function hook in use. */
enum tier tier_of(const struct outcome *outcomes);

#endif /* TCPTRAIL_TIERS_H */
