/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* privilege.h - may we load BPF programs that trace? And what do we need after that? */
#ifndef TCPTRAIL_PRIVILEGE_H
#define TCPTRAIL_PRIVILEGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Names of the missing capabilities ("CAP_BPF, CAP_PERFMON") to buf; returns
 * how many. CAP_SYS_ADMIN stands for both (capabilities(7)). */
int privilege_missing(char *buf, size_t len);

/* CAP_NET_ADMIN: programs that look up sockets as packets do. */
bool privilege_network(void);

/* What a trace still does, once its hooks are in place, that takes a capability. */
struct privilege_needs {
	bool bpf;		/* bpf(2) on what is loaded: CAP_BPF, before Linux 5.19 */
	bool cgroups;		/* their names, by id: CAP_DAC_READ_SEARCH */
	bool namespaces;	/* to enter those of others: CAP_SYS_ADMIN, CAP_SYS_PTRACE */
	bool files;		/* opened anew, whoever owns them: CAP_DAC_OVERRIDE */
};

/* Says, a line each, what of that is missing and what is not told without. */
void privilege_lacking(const struct privilege_needs *needs, FILE *to);

/* Gives up all others. `for_good`: they cannot be had back, not by an exec either; until
 * then only the effective ones go. Returns 0 or -errno. */
int privilege_keep(const struct privilege_needs *needs, bool for_good);

#endif /* TCPTRAIL_PRIVILEGE_H */
