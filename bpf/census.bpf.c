// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * census.bpf.c - how many sockets are followed at this moment.
 *
 * Sockets that got storage, less those whose end was seen, less those that are
 * there: the rest ended while no program was called at all (a kernel was
 * measured that skips BPF for whole softirqs), which nothing else can tell.
 */
#include "bpf/tcptrail.bpf.h"

__u64 census_followed = 0;

SEC("iter/bpf_sk_storage_map")
int census(struct bpf_iter__bpf_sk_storage_map *ctx)
{
	struct conn *conn = ctx->value;

	if (conn && conn->born && !conn->ended)
		__sync_fetch_and_add(&census_followed, 1);
	return 0;
}
