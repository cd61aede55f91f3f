/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * json_row.h - a row of a view as a line of JSON.
 */
#ifndef TCPTRAIL_JSON_ROW_H
#define TCPTRAIL_JSON_ROW_H

#include <stdbool.h>
#include <stdio.h>

#include "json.h"

/* Bytes of a line: as much as collectors take, and more than the longest strings escaped. */
#define JSON_ROW_MAX 4096

/* Writes what was appended from `line` on. One that found no room is told on stderr, not
 * left out in silence: false. */
bool json_row_put(const struct json *j, const char *line, FILE *out);

#endif /* TCPTRAIL_JSON_ROW_H */
