// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "rec_walk.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cgroup.h"
#include "rec_parts.h"

void rec_walk_add(struct rec_walk *w, const struct rec_view *view)
{
	if (w->views_len < REC_VIEWS_MAX)
		w->views[w->views_len++] = *view;
}

uint64_t rec_walk_ns(const struct rec_walk *w, const struct ev_head *head)
{
	return wallclock_ns(&w->clock, head->ts_ns, head->tai_ns);
}

bool rec_walk_in_time(const struct rec_walk *w, uint64_t wall_ns)
{
	return wall_ns >= w->since_ns && wall_ns < w->until_ns;
}

static bool over(const struct rec_walk *w)
{
	size_t have = 0;

	for (size_t i = 0; i < w->views_len; i++)
		have += w->views[i].enough && w->views[i].enough(w->views[i].ctx);
	return *w->stop || have == w->views_len;
}

static void take_name(struct rec_walk *w, const struct ev_head *head)
{
	const char *text = (const char *)head + sizeof(struct rec_name);
	struct rec_name n;

	if (head->size < sizeof(n))
		return;
	memcpy(&n, head, sizeof(n));
	if (n.len > head->size - sizeof(n))
		return;
	if (n.table == REC_TABLE_INFO && (n.key == REC_INFO_EVENTS || n.key == REC_INFO_MADE))
		w->kinds |= options_events_of(text, n.len);
	for (size_t i = 0; n.table == REC_TABLE_CGROUP && i < w->views_len; i++)
		if (w->views[i].cgroups)
			cgroup_learn(*w->views[i].cgroups, n.key, text, n.len);
}

static void take_clock(struct rec_walk *w, const struct ev_head *head)
{
	struct rec_clock c = { 0 };

	memcpy(&c, head, head->size < sizeof(c) ? head->size : sizeof(c));
	w->clock = (struct wallclock){ c.realtime_offset_ns, c.tai_offset_ns };
}

/* false: no memory. */
static bool begin_run(struct rec_walk *w)
{
	for (size_t i = 0; i < w->views_len; i++)
		if (!w->views[i].run(w->views[i].ctx))
			return false;
	return true;
}

static bool take_item(struct rec_walk *w, const struct ev_head *head)
{
	if (head->kind == REC_ITEM_NAME)
		take_name(w, head);
	else if (head->kind == REC_ITEM_CLOCK)
		take_clock(w, head);
	else
		for (size_t i = 0; i < w->views_len; i++)
			if (!w->views[i].item(w->views[i].ctx, head))
				return false;
	return true;
}

static bool take_block(struct rec_walk *w, const struct rec_block *b, const uint8_t *items)
{
	const uint8_t *end = items + b->length;
	bool other = !w->position.begun || w->position.stream != b->stream;
	const struct ev_head *head;

	if (rec_position_take(&w->position, b) < 0)
		return true;
	if (other && !begin_run(w))
		return false;
	w->clock = (struct wallclock){ b->realtime_offset_ns, b->tai_offset_ns };
	while ((head = rec_item(&items, end)) && !over(w))
		if (!take_item(w, head))
			return false;
	return true;
}

static int walk_part(struct rec_walk *w, struct rec_part *part)
{
	struct rec_reader *r = rec_reader_open(rec_parts_read, part);
	const uint8_t *items;
	struct rec_block b;
	int err = -ENOMEM;

	while (r && !over(w) && (err = rec_reader_next(r, &b, &items)) > 0) {
		if (!take_block(w, &b, items)) {
			err = -ENOMEM;
			break;
		}
	}
	if (r)
		w->damaged += rec_parts_say_damage(part, rec_reader_damage(r));
	rec_reader_close(r);
	return err < 0 ? rec_parts_say_error(part, err) : EXIT_OK;
}

int rec_walk(struct rec_walk *w)
{
	struct rec_parts parts;
	char why[512];
	int code = rec_parts_open(&parts, w->options->read, w->options->read_len, why, sizeof(why));

	if (code)
		fprintf(stderr, "tcptrail: %s\n", why);
	else if (!rec_parts_times(&parts, w->options, &w->since_ns, &w->until_ns))
		code = EXIT_USAGE;
	for (size_t i = 0; !code && i < parts.len && !over(w); i++)
		code = walk_part(w, &parts.parts[i]);
	rec_parts_close(&parts);
	return code;
}
