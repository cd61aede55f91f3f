// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "schema.h"

/* The assembler takes the files as they are: no generated source, no size limit. */
#define EMBED(name, file) \
	__asm__(".section .rodata\n" \
		".global tcptrail_schema_" #name "\n" \
		".global tcptrail_schema_" #name "_end\n" \
		"tcptrail_schema_" #name ":\n" \
		".incbin \"" file "\"\n" \
		"tcptrail_schema_" #name "_end:\n" \
		".previous\n"); \
	extern const char tcptrail_schema_##name[]; \
	extern const char tcptrail_schema_##name##_end[]

EMBED(trace, SCHEMA_DIR "/schema.json");
EMBED(listeners, SCHEMA_DIR "/schema_listeners.json");
EMBED(stalls, SCHEMA_DIR "/schema_stalls.json");
EMBED(limits, SCHEMA_DIR "/schema_limits.json");
EMBED(check, SCHEMA_DIR "/schema_check.json");
EMBED(doctor, SCHEMA_DIR "/schema_doctor.json");

#define OF(name) { tcptrail_schema_##name, tcptrail_schema_##name##_end }

int schema_print(enum command command, FILE *out)
{
	static const struct {
		const char *at, *end;
	} schemas[COMMANDS] = {
		[COMMAND_TRACE] = OF(trace), [COMMAND_LISTENERS] = OF(listeners),
		[COMMAND_STALLS] = OF(stalls), [COMMAND_LIMITS] = OF(limits),
		[COMMAND_CHECK] = OF(check), [COMMAND_DOCTOR] = OF(doctor),
	};
	size_t len = schemas[command].end - schemas[command].at;

	return fwrite(schemas[command].at, 1, len, out) == len && !fflush(out) ? 0 : -1;
}
