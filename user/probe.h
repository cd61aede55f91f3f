/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * probe.h - what this kernel can do, found out by doing it: never by version
 * (signatures change inside stable series) and never by config.
 */
#ifndef TCPTRAIL_PROBE_H
#define TCPTRAIL_PROBE_H

#include <stdbool.h>

struct bpf_program;
struct btf;

/* 0, or -errno why this program cannot be loaded: its tracepoint or function
 * does not exist, has another number of arguments, or its type is refused. One
 * kprobe is found out at its attach; that there are none at all, here. */
int probe_program(const struct btf *btf, const struct bpf_program *program);

/* Whether any tracing program may be loaded at all, by us, here. */
bool probe_permitted(const struct btf *btf);

/* What the kernel lacks that we cannot do without, in words; NULL: nothing. */
const char *probe_missing(const struct btf *btf);

#endif /* TCPTRAIL_PROBE_H */
