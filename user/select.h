/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * select.h - which records the person asked for: kinds (-e) and the filter, decided on
 * what is known by now. An unknown value passes.
 */
#ifndef TCPTRAIL_SELECT_H
#define TCPTRAIL_SELECT_H

#include <stdbool.h>

#include "bpf/stalled.h"
#include "options.h"
#include "record.h"
#include "stall_rules.h"

struct cgroups;
struct limit_row;

bool select_record(const struct options *o, const struct record *r);

/* The two halves of it: the kind is to be told; nothing says that it is another's. */
bool select_kind(const struct options *o, const struct record *r);
bool select_filter(const struct options *o, const struct record *r);

/* It asks for a cgroup or what its path tells: r->cgroup has to be filled before. */
bool select_needs_cgroup(const struct options *o);

/* The filter for rows that are no records; `cgroups` is NULL where it needs none. */
bool select_listener(const struct options *o, struct cgroups *cgroups, const struct ev_sock *s);

/* `verdict` NULL: not judged yet. */
bool select_stall(const struct options *o, struct cgroups *cgroups, const struct stalled *s,
		  const struct stall_verdict *verdict);

bool select_limit(const struct options *o, const struct limit_row *row);

#endif /* TCPTRAIL_SELECT_H */
