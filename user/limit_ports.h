/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * limit_ports.h - how many local ports each service takes: connections from one address to
 * one address and port, which have to differ in the local port. Pure.
 */
#ifndef TCPTRAIL_LIMIT_PORTS_H
#define TCPTRAIL_LIMIT_PORTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/event.h"

struct limit_service {
	uint8_t family;		/* 4 or 6 */
	uint8_t laddr[16];
	uint8_t raddr[16];
	uint16_t rport;
	uint32_t used;
	uint32_t time_wait;	/* of those */
};

struct limit_ports {
	struct limit_service *all;	/* a hash table, half empty at least */
	size_t len;
	size_t room;
};

/* One connection more. false: no memory. */
bool limit_ports_add(struct limit_ports *p, const struct limit_service *s, bool time_wait);

/* The `n` that use most, most first, to out; returns how many there are. */
size_t limit_ports_top(const struct limit_ports *p, struct limit_service *out, size_t n);

void limit_ports_free(struct limit_ports *p);

#endif /* TCPTRAIL_LIMIT_PORTS_H */
