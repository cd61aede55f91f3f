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

/* Fills `atoms` and `pids` of *out. What finds no room there is left to user space. */
void filter_push(const struct filter *f, struct kernel_filter *out);

/* The one network namespace that it leaves; 0: there may be several. */
uint32_t filter_push_netns(const struct kernel_filter *k);

/* The normal form, what the kernel side decides and what user space does: --explain.
 * `in_kernel`: this command hands it on. false: no memory. */
bool filter_explain(const struct filter *f, bool in_kernel, FILE *out);

#endif /* TCPTRAIL_FILTER_PUSH_H */
