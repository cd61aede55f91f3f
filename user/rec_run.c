// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "rec_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_LEN	65
#define REASONS		256
#define HOOKS		(sizeof(((struct stream_info *)0)->hooks) / \
			 sizeof(((struct stream_info *)0)->hooks[0]))

struct rec_run {
	struct stream_info info;
	uint64_t began_ns;
	char id[9];
	char texts[REC_INFO_MAX][1025];
	char facts[HOOKS][NAME_LEN];
	char methods[HOOKS][NAME_LEN];
	char reasons[REASONS][NAME_LEN];
};

struct rec_run *rec_run_open(uint32_t stream)
{
	struct rec_run *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	snprintf(r->id, sizeof(r->id), "%08x", stream);
	r->info.recorded_id = r->id;
	r->info.recorded_version = REC_VERSION;
	return r;
}

void rec_run_close(struct rec_run *r)
{
	free(r);
}

static void copy(char *to, size_t room, const char *text, size_t len)
{
	size_t n = len < room - 1 ? len : room - 1;

	for (size_t i = 0; i < n; i++)
		to[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
	to[n] = '\0';
}

static const char *or_null(const char *s)
{
	return s[0] ? s : NULL;
}

static void take_info(struct rec_run *r, uint64_t key, const char *text, size_t len)
{
	struct stream_info *i = &r->info;

	if (key >= REC_INFO_MAX)
		return;
	copy(r->texts[key], sizeof(r->texts[key]), text, len);
	i->version = or_null(r->texts[REC_INFO_VERSION]);
	i->kernel = or_null(r->texts[REC_INFO_KERNEL]);
	i->boot_id = or_null(r->texts[REC_INFO_BOOT_ID]);
	i->tier = or_null(r->texts[REC_INFO_TIER]);
	i->filter = or_null(r->texts[REC_INFO_FILTER]);
	i->events = or_null(r->texts[REC_INFO_EVENTS]);
	i->made = or_null(r->texts[REC_INFO_MADE]);
}

/* "transitions=tp_btf". The first with that fact is the one: parts repeat them. */
static void take_hook(struct rec_run *r, const char *text, size_t len)
{
	const char *equals = memchr(text, '=', len);
	size_t at, fact = equals ? (size_t)(equals - text) : 0;
	char name[NAME_LEN];

	if (!fact)
		return;
	copy(name, sizeof(name), text, fact);
	for (at = 0; at < r->info.hooks_len && strcmp(r->facts[at], name); at++)
		;
	if (at == HOOKS)
		return;
	strcpy(r->facts[at], name);
	copy(r->methods[at], NAME_LEN, equals + 1, len - fact - 1);
	r->info.hooks[at].fact = r->facts[at];
	r->info.hooks[at].method = r->methods[at];
	if (at == r->info.hooks_len)
		r->info.hooks_len++;
}

void rec_run_name(struct rec_run *r, uint32_t table, uint64_t key, const char *text, size_t len)
{
	if (table == REC_TABLE_INFO)
		take_info(r, key, text, len);
	else if (table == REC_TABLE_HOOK)
		take_hook(r, text, len);
	else if (table == REC_TABLE_RESET && key < REASONS)
		copy(r->reasons[key], NAME_LEN, text, len);
}

void rec_run_begin(struct rec_run *r, uint64_t wall_ns)
{
	r->began_ns = wall_ns;
}

const struct stream_info *rec_run_info(const struct rec_run *r)
{
	return &r->info;
}

const char *rec_run_host(const struct rec_run *r)
{
	return or_null(r->texts[REC_INFO_HOST]);
}

uint64_t rec_run_began(const struct rec_run *r)
{
	return r->began_ns;
}

const char *rec_run_reason(void *run, uint32_t reason)
{
	const struct rec_run *r = run;

	return reason < REASONS ? or_null(r->reasons[reason]) : NULL;
}
