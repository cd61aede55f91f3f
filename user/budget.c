// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "budget.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "format.h"

#define SECOND_NS 1000000000ULL

static void count(struct budget *b, const struct record *r)
{
	if (r->kind != REC_STATE)
		return;
	b->transitions++;
	if (r->to == EVS_ESTABLISHED)
		b->opened++;
	/* TIME-WAIT ends the data life; what follows it closes nothing more. */
	if (r->to == EVS_TIME_WAIT || (r->to == EVS_CLOSE && r->from != EVS_TIME_WAIT &&
				       r->from != EVS_LISTEN && r->from != EVS_SYN_SENT))
		b->closed++;
}

static bool problem(const struct record *r)
{
	if (r->kind == REC_STATE || r->kind == REC_CONNECTION)
		return cause_failed(r->cause);
	return true;
}

bool budget_show(struct budget *b, const struct record *r)
{
	count(b, r);
	if (problem(r) || b->shown < BUDGET_LINES) {
		b->shown++;
		return true;
	}
	b->hidden++;
	return false;
}

bool budget_summary(struct budget *b, uint64_t wall_ns, uint64_t lost, char *buf, size_t len)
{
	struct budget done = *b;
	uint64_t second = wall_ns / SECOND_NS;
	time_t at = b->second;
	char clock[16], n[5][32];
	struct tm tm;

	if (second == b->second)
		return false;
	*b = (struct budget){ .second = second };
	if (!done.hidden)
		return false;
	localtime_r(&at, &tm);
	strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
	snprintf(buf, len, "... %s  +%s opened -%s closed, %s transitions; %s lines hidden, "
		 "%s lost (FILTER, -e, --all)", clock,
		 format_count(done.opened, n[0], sizeof(n[0])),
		 format_count(done.closed, n[1], sizeof(n[1])),
		 format_count(done.transitions, n[2], sizeof(n[2])),
		 format_count(done.hidden, n[3], sizeof(n[3])),
		 format_count(lost, n[4], sizeof(n[4])));
	return true;
}
