/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * limit_listeners.h - what the walk over the sockets of tasks tells of listeners: their SYN
 * queues, which sock_diag does not have, and whose the accept queues are that it has. Pure.
 */
#ifndef TCPTRAIL_LIMIT_LISTENERS_H
#define TCPTRAIL_LIMIT_LISTENERS_H

#include "bpf/buffered.h"
#include "limit_rows.h"

struct limit_listener {
	struct ev_sock sock;		/* its owner: the first process that holds it */
	struct ev_queues queues;
	uint32_t processes;		/* that hold it */
};

struct limit_listeners {
	struct limit_listener *all;
	size_t len;
	size_t room;
};

/* One descriptor of one. false: no memory. */
bool limit_listeners_add(struct limit_listeners *l, const struct buffered *b);

/* Names the owners of the accept queues among the rows, and adds SYN queues: of each
 * namespace at most `max` (<= LIMIT_LISTENERS_MAX), the nearest to their limit. false: no
 * memory. */
#define LIMIT_LISTENERS_MAX 16
bool limit_listeners_join(struct limit_listeners *l, struct limit_rows *rows, size_t max);

void limit_listeners_free(struct limit_listeners *l);

/* "nginx[1187]+8": and eight processes more; "" where no owner is known. Returns buf. */
const char *limit_owner(const struct ev_sock *s, uint32_t processes, char *buf, size_t len);

#endif /* TCPTRAIL_LIMIT_LISTENERS_H */
