/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * names.h - the words for every closed list: one table each, used by all sinks.
 * All return static strings and never NULL ("unknown" when out of range).
 */
#ifndef TCPTRAIL_NAMES_H
#define TCPTRAIL_NAMES_H

#include "record.h"

const char *name_state(unsigned int state);		/* RFC 9293: "FIN-WAIT-1" */
const char *name_state_otel(unsigned int state);	/* OpenTelemetry: "fin_wait_1" */
const char *name_kind(enum record_kind kind);		/* event.action: "state" */
const char *name_method(enum ev_method method);		/* "tp_btf" */
const char *name_role(enum ev_role role);		/* "client" */
const char *name_owner_source(enum ev_owner_source source);
const char *name_retransmit(enum ev_retransmit_type type);	/* "syn-ack" */

/* "ECONNREFUSED"; "errno 4711" for a number libc does not name, written to buf
 * (at least 24 bytes). */
const char *name_errno(int err, char *buf, size_t len);

/* "accept-queue-full"; and the counter of nstat that moved for it. */
const char *name_drop_reason(enum ev_drop_reason reason);
const char *name_drop_counter(enum ev_drop_reason reason);

/* "accept4", "open-files", and what sets that limit: "RLIMIT_NOFILE". */
const char *name_limit_call(enum ev_limit_call call);
const char *name_limit(enum ev_limit_name name);
const char *name_limit_set_by(enum ev_limit_name name);

/* Which limit has to be raised first: "backlog" (listen()'s argument), "somaxconn",
 * which clamps it (inet_csk_listen_start() via __sys_listen()), or
 * "tcp_max_syn_backlog". NULL: none of them. Needs HAS_QUEUES. */
const char *name_drop_bound(const struct record_drop *drop);

#endif /* TCPTRAIL_NAMES_H */
