// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "mapwalk.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>

static uint32_t aligned(uint32_t size)
{
	return (size + 7) / 8 * 8;	/* of values (generic_map_lookup_batch()) */
}

static int pieces(int fd, void *keys, void *values, uint32_t most, mapwalk_fn fn, void *ctx)
{
	uint32_t at[2] = { 0 }, n;	/* an array's: its key; a hash's: a bucket's number */
	bool begun = false;

	for (;;) {
		int err;

		n = most;
		err = bpf_map_lookup_batch(fd, begun ? &at[0] : NULL, &at[1], keys, values, &n, NULL);
		if (err)
			err = -errno;
		if (err && err != -ENOENT)
			return err;
		if (n && !fn(ctx, keys, values, n))
			return 0;
		if (err)
			return 0;	/* that was the last piece */
		at[0] = at[1];
		begun = true;
	}
}

int mapwalk(int fd, uint32_t most, mapwalk_fn fn, void *ctx)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);
	void *keys, *values;
	int err;

	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return -errno;
	keys = calloc(most, info.key_size);
	values = calloc(most, aligned(info.value_size));
	err = keys && values ? pieces(fd, keys, values, most, fn, ctx) : -ENOMEM;
	free(keys);
	free(values);
	return err;
}
