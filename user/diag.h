/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * diag.h - dumps of sock_diag (sock_diag(7)) without a socket lock: nothing beyond the
 * basic message is asked for (INET_DIAG_INFO would take it, tcp_get_info()).
 */
#ifndef TCPTRAIL_DIAG_H
#define TCPTRAIL_DIAG_H

#include <linux/inet_diag.h>
#include <stdint.h>

#include "bpf/event.h"

/* A connection of ours holds its local port in any of these states. */
#define DIAG_HOLDS_PORT (~(1U << EVS_LISTEN | 1U << EVS_CLOSE | 1U << EVS_NEW_SYN_RECV))

typedef void (*diag_fn)(void *ctx, const struct inet_diag_msg *m, uint32_t netns);

/* TCP sockets in these states (1 << EVS_...), by a socket of
 * netns_diag_socket(). `breathe` (NULL: nothing to do) is called between the parts.
 * Returns 0 when the dump was whole, or -errno. */
int diag_dump(int sock, uint32_t states, uint32_t netns, diag_fn fn, void (*breathe)(void *ctx),
	      void *ctx);

/* The addresses of one as our records have them; the rest is 0. */
void diag_addresses(const struct inet_diag_msg *m, uint32_t netns, struct ev_sock *s);

#endif /* TCPTRAIL_DIAG_H */
