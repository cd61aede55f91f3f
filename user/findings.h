/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * findings.h - what the views found wrong, as one list: the worst first. Pure.
 */
#ifndef TCPTRAIL_FINDINGS_H
#define TCPTRAIL_FINDINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "limit_rows.h"
#include "listen_rows.h"
#include "stall_rows.h"

/* The exit codes of the check command. */
enum level {
	LEVEL_OK = 0,
	LEVEL_WARNING = 1,
	LEVEL_CRITICAL = 2,
};

struct finding {
	enum level level;
	uint64_t weight;	/* among those of a level: connections concerned */
	const char *kind;	/* "listener", "stall", "limit": static */
	const char *word;	/* its status or verdict; static */
	const char *more;	/* the command that tells more; static */
	struct ev_sock sock;	/* whose it is; of a limit: its netns alone */
	char subject[288];
	char text[448];
};

struct findings {
	struct finding *all;
	size_t len;
	size_t room;
};

/* What is not wrong is left out. false: no memory. */
bool findings_listener(struct findings *f, const struct listen_row *row);
bool findings_stall(struct findings *f, const struct stall_row *row);
bool findings_limit(struct findings *f, const struct limit_row *row);
bool findings_listeners(struct findings *f, const struct listen_rows *rows);
bool findings_stalls(struct findings *f, const struct stall_rows *rows);

void findings_sort(struct findings *f);
enum level findings_worst(const struct findings *f);
void findings_free(struct findings *f);

/* "CRIT", "WARN", "ok" */
const char *level_name(enum level level);

#endif /* TCPTRAIL_FINDINGS_H */
