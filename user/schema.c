// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "schema.h"

/* The assembler takes the file as it is: no generated source, no size limit. */
__asm__(".section .rodata\n"
	".global tcptrail_schema\n"
	".global tcptrail_schema_end\n"
	"tcptrail_schema:\n"
	".incbin \"" SCHEMA_FILE "\"\n"
	"tcptrail_schema_end:\n"
	".previous\n");

extern const char tcptrail_schema[];
extern const char tcptrail_schema_end[];

int schema_print(FILE *out)
{
	size_t len = tcptrail_schema_end - tcptrail_schema;

	return fwrite(tcptrail_schema, 1, len, out) == len && !fflush(out) ? 0 : -1;
}
