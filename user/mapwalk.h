/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * mapwalk.h - every entry of a BPF hash or array, in pieces. Not by key after key: where
 * the entry of the last key is gone, that begins again (bpf(2), BPF_MAP_GET_NEXT_KEY).
 */
#ifndef TCPTRAIL_MAPWALK_H
#define TCPTRAIL_MAPWALK_H

#include <stdbool.h>
#include <stdint.h>

/* `n` entries, keys and values one behind the other, ours until it returns. It may delete
 * them. false: no more. */
typedef bool (*mapwalk_fn)(void *ctx, const void *keys, const void *values, uint32_t n);

/* `most` in a piece: more than a bucket of the hash ever has. Each entry that is there all
 * the time is handed out once. Returns 0 or -errno. */
int mapwalk(int fd, uint32_t most, mapwalk_fn fn, void *ctx);

#endif /* TCPTRAIL_MAPWALK_H */
