/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* descendants.h - the processes that stem from others, as /proc has them now. */
#ifndef TCPTRAIL_DESCENDANTS_H
#define TCPTRAIL_DESCENDANTS_H

#include <stddef.h>
#include <stdint.h>

typedef void (*descendants_fn)(void *ctx, uint32_t pid);

/* Each child of the `len` processes in `pids`, and its children. 0 or -errno. */
int descendants_each(const uint32_t *pids, size_t len, descendants_fn fn, void *ctx);

/* The parent in the text of /proc/PID/stat, whose second field, the name, may hold
 * anything; 0: none. Pure. */
uint32_t descendants_parent(const char *stat);

#endif /* TCPTRAIL_DESCENDANTS_H */
