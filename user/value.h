/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * value.h - the values that options take: numbers, times, sizes, namespaces.
 *
 * Each reads the whole word or refuses it: no sign, no blank, nothing behind it.
 */
#ifndef TCPTRAIL_VALUE_H
#define TCPTRAIL_VALUE_H

#include <stdbool.h>
#include <stdint.h>

/* PID_MAX_LIMIT of 64-bit kernels (include/linux/threads.h). */
#define VALUE_PID_MAX (4u * 1024 * 1024)

/* A decimal number from min to max. */
bool value_number(const char *word, uint64_t min, uint64_t max, uint64_t *out);

/* "10", "10s", "500ms", "5m", "2h": above 0; in nanoseconds, at most INT64_MAX. */
bool value_duration(const char *word, uint64_t *ns);

/* The same for what is compared with: 0 too, "1.5s", "200us", "15ns". */
bool value_time(const char *word, uint64_t *ns);

/* "4096", "64K", "16M", "1G": a power of two from min to max, in bytes. */
bool value_size(const char *word, uint64_t min, uint64_t max, uint64_t *bytes);

/* The same, of any number of bytes. */
bool value_bytes(const char *word, uint64_t min, uint64_t max, uint64_t *bytes);

/*
 * Which network namespace a word means, as its inode number: a path, a name
 * below /run/netns, a process id or the inode number itself. No process id is
 * above 4194304 and no namespace's inode number below 0xEFFFFFF8, so the two
 * do not collide. Returns 0 or -errno; -EINVAL: it is there, but no such thing.
 */
int value_netns(const char *word, uint32_t *inum);

#endif /* TCPTRAIL_VALUE_H */
