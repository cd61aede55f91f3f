/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * filter_push.h - what of a filter the kernel side decides: conditions that follow from
 * it, so that a record it wants is never refused there.
 */
#ifndef TCPTRAIL_FILTER_PUSH_H
#define TCPTRAIL_FILTER_PUSH_H

#include <stdio.h>

#include "bpf/kernel_filter.h"
#include "filter.h"

/* From so many prefixes on, of which one has to hold or none, a trie is asked. With fewer
 * compares are as fast (Linux 6.18, ns a transition: 4: 249 and 246, 8: 252 and 232; a
 * trie of 100: 243). */
#define FILTER_TRIE_FROM 4

/* Fills all but `follow` of *out, and the prefixes of its sets. What finds no room there is
 * left to user space. */
void filter_push(const struct filter *f, struct kernel_filter *out, struct filter_prefixes *prefixes);

/* What its terms say of a cgroup: struct filter_cgroup.answers. 0: that is not known. */
uint64_t filter_push_cgroup(const struct filter *f, const struct kernel_filter *k,
			    const struct cgroup_info *cgroup);

/* Hands them on, once for each; where the table has no room the kernel side does not know. */
void filter_push_seen(const struct filter *f, const struct kernel_filter *k,
		      struct filter_cgroup table[FILTER_CGROUPS], uint64_t id,
		      const struct cgroup_info *cgroup);

/* The one network namespace that it leaves; 0: there may be several. */
uint32_t filter_push_netns(const struct kernel_filter *k);

/* The normal form, what the kernel side decides and what user space does: --explain.
 * `in_kernel`: this command hands it on. false: no memory. */
bool filter_explain(const struct filter *f, bool in_kernel, FILE *out);

#endif /* TCPTRAIL_FILTER_PUSH_H */
