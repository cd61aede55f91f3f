/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* schema.h - the JSON Schema of the records and of each view's rows
 * (user/schema*.json), in the binary. */
#ifndef TCPTRAIL_SCHEMA_H
#define TCPTRAIL_SCHEMA_H

#include <stdio.h>

#include "options.h"

/* 0, or -1 when it could not be written. */
int schema_print(enum command command, FILE *out);

#endif /* TCPTRAIL_SCHEMA_H */
