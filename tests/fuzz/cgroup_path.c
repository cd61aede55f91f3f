// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* cgroup_path.c - whatever a cgroup is called, what is taken of it has its form. */
#include <ctype.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cgroup_path.h"

static void must(bool holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cgroup_names names;
	char *path = malloc(size + 1);
	size_t len;

	if (!path)
		return 0;
	memcpy(path, data, size);
	path[size] = '\0';
	memset(&names, 0xff, sizeof(names));
	cgroup_path_parse(path, &names);
	len = strnlen(names.container_id, sizeof(names.container_id));
	must(!len || (len == 64 && strspn(names.container_id, "0123456789abcdef") == 64));
	len = strnlen(names.pod_uid, sizeof(names.pod_uid));
	must(!len || len == 32 || len == 36);
	must(strspn(names.pod_uid, "0123456789abcdefABCDEF-") == len);
	len = strnlen(names.unit, sizeof(names.unit));
	must(len < sizeof(names.unit));
	for (size_t i = 0; i < len; i++)
		must(isprint((unsigned char)names.unit[i]) && names.unit[i] != '/' && names.unit[i] != ' ');
	free(path);
	return 0;
}
