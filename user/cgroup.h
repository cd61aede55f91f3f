/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * cgroup.h - a socket's cgroup v2 id to what its path tells. Cached: asked for
 * each record, resolved once.
 */
#ifndef TCPTRAIL_CGROUP_H
#define TCPTRAIL_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record.h"

struct cgroups;

/* NULL: no memory. Without a cgroup2 mount every look-up is NULL. */
struct cgroups *cgroup_open(void);
void cgroup_close(struct cgroups *cgroups);

/* NULL: none, gone, or not to be resolved; the root has a path and nothing else. Valid until the next call: a record is told before. */
const struct cgroup_info *cgroup_find(struct cgroups *cgroups, uint64_t id);

/* Without a kernel: what cgroup_learn() said is all that is known. NULL: no memory. */
struct cgroups *cgroup_open_recorded(void);

/* From here on that id has this path (copied). At most 65,536 of them; false: no room. */
bool cgroup_learn(struct cgroups *cgroups, uint64_t id, const char *path, size_t len);

#endif /* TCPTRAIL_CGROUP_H */
