/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* stall_json.h - what speaks for a verdict, as members of a JSON object. */
#ifndef TCPTRAIL_STALL_JSON_H
#define TCPTRAIL_STALL_JSON_H

#include "json.h"
#include "stall_rows.h"

/* ,"growth_per_min":38,"limit":{...},"evidence":{...} as far as each is known. */
void stall_json(struct json *j, const struct stall_row *row);

#endif /* TCPTRAIL_STALL_JSON_H */
