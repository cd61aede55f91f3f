// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "json_row.h"

bool json_row_put(const struct json *j, const char *line, FILE *out)
{
	if (!j->full) {
		fwrite(line, 1, j->at - line, out);	/* what fails, ferror() has */
		return true;
	}
	fprintf(stderr, "tcptrail: a row of more than %d bytes is left out\n", JSON_ROW_MAX);
	return false;
}
