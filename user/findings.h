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
	uint32_t pid;		/* its owner's; 0: not known */
	char stops[48];		/* a limit that leaves its process no accept(): "accept4 fails
				 * with EMFILE"; else "" */
	bool waits_for_accept;	/* a stall: connections in an accept queue */
	bool many_local;	/* at several addresses */
	uint64_t age_ms;	/* of a stall: of its oldest */
	char because[64];	/* `stops` of what it follows from; of a stall: as its row has it;
				 * "": nothing that is known */
	size_t root;		/* and its place in `all`: its own where it follows from none */
	bool leads;		/* something follows from it */
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

/*
 * One incident, one root (findings_join.c): what waits in the accept queue of a listener
 * that is listed goes into its line, and a listener whose process has no descriptor left
 * for accept() follows from that.
 */
void findings_join(struct findings *f);

/* The worst first, what follows from one behind it. `root` is void afterwards. false: no
 * memory, they are as they were. */
bool findings_sort(struct findings *f);
enum level findings_worst(const struct findings *f);
void findings_free(struct findings *f);

/* "CRIT", "WARN", "ok" */
const char *level_name(enum level level);

#endif /* TCPTRAIL_FINDINGS_H */
