/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * stall_drops.h - segments that this host threw away itself, and which of the connections
 * that are stuck wait for an answer to one of them. Pure.
 */
#ifndef TCPTRAIL_STALL_DROPS_H
#define TCPTRAIL_STALL_DROPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/dropped.h"
#include "stall_rules.h"

#define STALL_REASON_LEN 40

struct stall_drop {
	uint32_t ago_ms;
	uint32_t where;			/* enum dropped_where; 0: none was seen */
	char reason[STALL_REASON_LEN];	/* "NETFILTER_DROP"; "": it has no name */
};

struct stall_dropped {
	struct dropped_key key;
	struct dropped what;
};

struct stall_drops {
	struct stall_dropped *all;
	size_t len;
	size_t room;
	uint64_t now_ns;		/* CLOCK_MONOTONIC, when `all` was read */
	const char *(*name)(void *ctx, uint32_t reason);	/* NULL: no names */
	void *ctx;
};

void stall_drops_begin(struct stall_drops *d, uint64_t now_ns);
/* false: no memory. */
bool stall_drops_take(struct stall_drops *d, const struct dropped_key *key,
		      const struct dropped *what);
/* After the last of them. */
void stall_drops_sort(struct stall_drops *d);
void stall_drops_free(struct stall_drops *d);

/*
 * Was it this host that kept back what the connection waits for? Then it is dropped-here:
 * the segment that is not answered, or the SYN-ACK that answers it, was thrown away since
 * the last but one was sent. `out` is zeroed where nothing is known.
 */
void stall_drops_explain(const struct stall_drops *d, const struct stalled *s,
			 struct stall_verdict *v, struct stall_drop *out);

/* "; dropped on its way out: NETFILTER_DROP" or "": 96 bytes. Returns buf. */
const char *stall_drop_text(const struct stall_drop *d, char *buf, size_t len);

/* "out", "loopback", "in"; static. NULL: none was seen. */
const char *stall_drop_where(const struct stall_drop *d);

/* What to try against that reason; static. NULL: nothing of its own. */
const char *stall_drop_advice(const struct stall_drop *d);

#endif /* TCPTRAIL_STALL_DROPS_H */
