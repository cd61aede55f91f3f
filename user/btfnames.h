/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * btfnames.h - names of an enum's values on the running kernel: its reasons
 * change their numbers from version to version, so no table of ours is right.
 */
#ifndef TCPTRAIL_BTFNAMES_H
#define TCPTRAIL_BTFNAMES_H

#include <stddef.h>
#include <stdint.h>

struct btf;
struct btfnames;

/* NULL: this kernel has no such enum, or no memory. `btf` outlives it. */
struct btfnames *btfnames_open(const struct btf *btf, const char *enum_name, const char *prefix);
void btfnames_close(struct btfnames *names);

/* The value's name without the prefix; NULL when it has none. */
const char *btfnames_get(const struct btfnames *names, uint32_t value);

/* The values of enumerators of any enum, also of those without a name, which CO-RE
 * cannot ask for. `values` gets 0 for names that this kernel does not have. */
void btfnames_values(const struct btf *btf, const char *const *names, uint32_t *values, size_t len);

#endif /* TCPTRAIL_BTFNAMES_H */
