/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * help_text.h - a row of a help page: what it is on the left, what it does beside it.
 */
#ifndef TCPTRAIL_HELP_TEXT_H
#define TCPTRAIL_HELP_TEXT_H

#include <stdio.h>

/* `text` may have several lines; all begin in that column (0: the first). */
void help_text_row(FILE *out, const char *left, int column, const char *text);

#endif /* TCPTRAIL_HELP_TEXT_H */
