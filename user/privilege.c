// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "privilege.h"

#include <linux/capability.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

/* By capget(2) itself: libcap would be a dependency for one number. */
static uint64_t effective(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (syscall(SYS_capget, &head, data))
		return 0;
	return (uint64_t)data[1].effective << 32 | data[0].effective;
}

int privilege_missing(char *buf, size_t len)
{
	static const struct {
		int number;
		const char *name;
	} wanted[] = { { CAP_BPF, "CAP_BPF" }, { CAP_PERFMON, "CAP_PERFMON" } };
	uint64_t caps = effective();
	size_t used = 0;
	int missing = 0;

	buf[0] = '\0';
	if (caps & 1ULL << CAP_SYS_ADMIN)
		return 0;
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		if (caps & 1ULL << wanted[i].number)
			continue;
		if (used < len)
			used += snprintf(buf + used, len - used, "%s%s", missing ? ", " : "",
					 wanted[i].name);
		missing++;
	}
	return missing;
}
