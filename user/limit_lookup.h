/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * limit_lookup.h - what the limits of failed calls are, where the kernel has them in
 * sysctls, and how much of the host's files is in use.
 */
#ifndef TCPTRAIL_LIMIT_LOOKUP_H
#define TCPTRAIL_LIMIT_LOOKUP_H

#include <stdbool.h>
#include <stdint.h>

#include "limit_ports.h"

struct limit_range {
	uint32_t netns;		/* inode number */
	uint16_t low;
	uint16_t high;
	uint32_t ports;		/* less the reserved ones */
};

/* fs.file-nr and fs.file-max. false: cannot be read. */
bool limit_lookup_files(uint64_t *use, uint64_t *max);

/* fs.nr_open; UINT64_MAX where it cannot be read. */
uint64_t limit_lookup_nr_open(void);

/* ip_local_port_range of that namespace, which the process `pid` (0: none) may be in.
 * false: nobody holds it, or it cannot be entered. */
bool limit_lookup_range(uint32_t netns, uint32_t pid, struct limit_range *out);

/* How many connections from laddr to raddr and rport there are, and of those in TIME-WAIT:
 * used and time_wait of `service`. A walk over all of that namespace's. false: unknown. */
bool limit_lookup_service(uint32_t netns, uint32_t pid, struct limit_service *service);

#endif /* TCPTRAIL_LIMIT_LOOKUP_H */
