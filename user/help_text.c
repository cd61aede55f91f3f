// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "help_text.h"

#include <string.h>

void help_text_row(FILE *out, const char *left, int column, const char *text)
{
	int len = (int)strlen(left);

	fprintf(out, "%s%*s", left, len < column ? column - len : 1, "");
	for (;;) {
		size_t n = strcspn(text, "\n");

		fprintf(out, "%.*s\n", (int)n, text);
		if (!text[n])
			return;
		text += n + 1;
		fprintf(out, "%*s", column, "");
	}
}
