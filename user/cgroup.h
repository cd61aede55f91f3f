/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * cgroup.h - a socket's cgroup v2 id to what its path tells. Cached: asked for
 * each record, resolved once.
 */
#ifndef TCPTRAIL_CGROUP_H
#define TCPTRAIL_CGROUP_H

#include <stdint.h>

#include "record.h"

struct cgroups;

/* NULL: no memory. Without a cgroup2 mount every look-up is NULL. */
struct cgroups *cgroup_open(void);
void cgroup_close(struct cgroups *cgroups);

/* NULL: the root, gone, or not to be resolved. Valid until the next call: a record is told before. */
const struct cgroup_info *cgroup_find(struct cgroups *cgroups, uint64_t id);

#endif /* TCPTRAIL_CGROUP_H */
