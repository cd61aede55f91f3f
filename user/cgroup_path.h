/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * cgroup_path.h - what a cgroup's path tells: systemd unit, container, pod. Pure.
 * Paths are hostile: whoever may make cgroups chooses them.
 */
#ifndef TCPTRAIL_CGROUP_PATH_H
#define TCPTRAIL_CGROUP_PATH_H

#include <stdbool.h>
#include <stddef.h>

#define CGROUP_UNIT_LEN 256	/* systemd's UNIT_NAME_MAX is 255 */

struct cgroup_names {
	char unit[CGROUP_UNIT_LEN];	/* "" where the path does not tell */
	char container_id[65];
	char pod_uid[37];
};

void cgroup_path_parse(const char *path, struct cgroup_names *out);

#endif /* TCPTRAIL_CGROUP_PATH_H */
