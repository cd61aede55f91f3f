/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * when.h - a time as a person gives it (--since, --until): 2026-11-22T02:57:00Z (RFC
 * 3339; without Z or +01:00 in local time; T may be a blank, the time left out), 02:57
 * or 02:57:30, the last such time before the recording ends, or -10m, before it ends.
 */
#ifndef TCPTRAIL_WHEN_H
#define TCPTRAIL_WHEN_H

#include <stdbool.h>
#include <stdint.h>

struct when {
	enum { WHEN_NONE, WHEN_AT, WHEN_OF_DAY, WHEN_BEFORE_END } kind;
	uint64_t ns;		/* CLOCK_REALTIME, since midnight, before the end */
};

/* `utc`: no local time. */
bool when_parse(const char *word, bool utc, struct when *out);

/* CLOCK_REALTIME ns. `end_ns`: of the recording. A time of day is the last before it, or
 * with an `after_ns` other than 0 the first after that. */
uint64_t when_resolve(const struct when *w, bool utc, uint64_t end_ns, uint64_t after_ns);

/* Is the end of the recording needed to know it? */
static inline bool when_needs_end(const struct when *w)
{
	return w->kind == WHEN_OF_DAY || w->kind == WHEN_BEFORE_END;
}

#endif /* TCPTRAIL_WHEN_H */
