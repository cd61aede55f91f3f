/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * decode.h - the kernel's bytes to a struct record. Pure: what it needs of the
 * running system (clock, names of reasons) comes in as functions.
 */
#ifndef TCPTRAIL_DECODE_H
#define TCPTRAIL_DECODE_H

#include <stdbool.h>

#include "record.h"

struct decode_env {
	/* CLOCK_REALTIME in ns of a record's two clocks (wallclock.h). */
	uint64_t (*wall_ns)(void *ctx, uint64_t mono_ns, uint64_t tai_ns);
	/* The kernel's name of a reset reason, or NULL. */
	const char *(*reset_reason)(void *ctx, uint32_t reason);
	void *ctx;
};

/* `head` is a whole record as queue_push() takes it. false: there is nothing to
 * tell (an orphan's move to a FIN-WAIT-2 mini-socket is no end). */
bool decode(const struct ev_head *head, const struct decode_env *env, struct record *out);

/*
 * The states passed on the shortest way from `stored` to `from` in RFC 9293's
 * diagram (section 3.3.2), entered and not seen: at most RECORD_MISSED_MAX,
 * oldest first, `from` the last. 0 when there is no way.
 */
uint8_t decode_missed(unsigned int stored, unsigned int from, uint8_t *passed);

/* The socket of a record as it came from the kernel: what a held-back record has
 * of it. Sets the members of `r` that a socket fills. */
void decode_sock(const struct ev_sock *sock, struct record *r);

/* The same of a call at a limit: enum ev_limit_call, ev_limit_reason(). */
void decode_limit(uint8_t call, uint16_t reason, struct record *r);

/* The same of a connection in the SYN queue: the state entered, enum ev_request_why. */
void decode_requests(uint8_t to, uint8_t why, struct record *r);

#endif /* TCPTRAIL_DECODE_H */
