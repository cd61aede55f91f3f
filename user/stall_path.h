/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * stall_path.h - which way a segment to an address leaves this host now, and whether the
 * neighbour on that way answers: rtnetlink(7), asked in the namespace of the socket.
 */
#ifndef TCPTRAIL_STALL_PATH_H
#define TCPTRAIL_STALL_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/event.h"

struct stall_path {
	bool known;
	bool no_route;		/* or one that refuses: unreachable, blackhole, prohibit */
	char interface[16];	/* "": not known */
	uint8_t next_hop[16];	/* network order: the gateway, or the address itself */
	uint8_t family;		/* of next_hop, 4 or 6 */
	bool gateway;
	uint16_t neighbour;	/* NUD_* of it (linux/neighbour.h); 0: none, or not asked for */
};

/* The way from `s` to its peer, in the calling thread's namespace. */
void stall_path_look(const struct ev_sock *s, struct stall_path *out);

/* Nobody answers ARP or neighbour discovery for the next hop: what is sent waits there
 * for a while and is thrown away. */
bool stall_path_no_neighbour(const struct stall_path *p);

/* "REACHABLE", as ip-neighbour(8) has them; static. NULL: none. */
const char *stall_path_neighbour(const struct stall_path *p);

/* ", routed by eth0, gateway 10.0.0.1 REACHABLE" or "": 160 bytes. Returns buf. */
const char *stall_path_text(const struct stall_path *p, char *buf, size_t len);

/* A name that may stand in a command: whoever is root in a container names interfaces, and
 * the kernel takes `;`, `$` and escape sequences (dev_valid_name()). */
bool stall_path_plain_interface(const struct stall_path *p);

#endif /* TCPTRAIL_STALL_PATH_H */
