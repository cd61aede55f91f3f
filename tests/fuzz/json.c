// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* json.c - whatever a task calls itself, its string is JSON, and fits or is void. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "json.h"
#include "json_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t room = size ? data[0] * 8 : 0;
	char *buf = malloc(room + 1);
	struct json j = { .at = buf, .end = buf + room };

	if (!buf)
		return 0;
	if (size)
		json_string(&j, data + 1, size - 1);
	if (j.at > j.end || (size && !j.full && !json_check(buf, j.at - buf)))
		abort();
	free(buf);
	return 0;
}
