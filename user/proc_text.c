// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "proc_text.h"

#include <stdio.h>

bool proc_text(const char *path, char *buf, size_t len)
{
	FILE *f = fopen(path, "re");
	size_t n = 0;

	if (f) {
		n = fread(buf, 1, len - 1, f);
		fclose(f);
	}
	buf[n] = '\0';
	return n;
}
