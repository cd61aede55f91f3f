/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* schema.h - the JSON Schema of the records (user/schema.json), in the binary. */
#ifndef TCPTRAIL_SCHEMA_H
#define TCPTRAIL_SCHEMA_H

#include <stdio.h>

/* 0, or -1 when it could not be written. */
int schema_print(FILE *out);

#endif /* TCPTRAIL_SCHEMA_H */
