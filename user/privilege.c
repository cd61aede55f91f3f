// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "privilege.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* By capget(2) and capset(2) themselves: libcap would be a dependency for two calls. */
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

bool privilege_network(void)
{
	return effective() & (1ULL << CAP_NET_ADMIN | 1ULL << CAP_SYS_ADMIN);
}

#define BIT(capability) (1ULL << (capability))

static uint64_t wanted_by(const struct privilege_needs *needs, uint64_t permitted)
{
	uint64_t caps = 0;

	if (needs->bpf)		/* CAP_SYS_ADMIN stands for it */
		caps |= permitted & BIT(CAP_BPF) ? BIT(CAP_BPF) : BIT(CAP_SYS_ADMIN);
	if (needs->cgroups)
		caps |= BIT(CAP_DAC_READ_SEARCH);
	if (needs->namespaces)
		caps |= BIT(CAP_SYS_ADMIN) | BIT(CAP_SYS_PTRACE);
	if (needs->files)
		caps |= BIT(CAP_DAC_OVERRIDE);
	return caps & permitted;
}

void privilege_lacking(const struct privilege_needs *needs, FILE *to)
{
	const uint64_t enter = BIT(CAP_SYS_ADMIN) | BIT(CAP_SYS_PTRACE);
	uint64_t caps = effective();

	if (needs->namespaces && (caps & enter) != enter)
		fputs("tcptrail: without CAP_SYS_ADMIN and CAP_SYS_PTRACE what is read at intervals "
		      "(the end of TIME-WAIT, ranges of ports) is of this network namespace alone\n",
		      to);
	if (needs->cgroups && !(caps & BIT(CAP_DAC_READ_SEARCH)))
		fputs("tcptrail: without CAP_DAC_READ_SEARCH a cgroup's unit or container is looked for "
		      "once a second, and may be gone by then\n", to);
}

int privilege_keep(const struct privilege_needs *needs, bool for_good)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };
	uint64_t caps;

	if (syscall(SYS_capget, &head, data))
		return -errno;
	caps = wanted_by(needs, (uint64_t)data[1].permitted << 32 | data[0].permitted);
	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		data[i].effective = caps >> 32 * i;
		if (for_good) {
			data[i].permitted = caps >> 32 * i;
			data[i].inheritable = 0;
		}
	}
	if (syscall(SYS_capset, &head, data) ||
	    (for_good && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)))
		return -errno;
	return 0;
}
