// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "names.h"

struct stream {
	struct stream_info info;
	struct utsname uts;
	char boot_id[40];
	char filter[OPTIONS_FILTER_LEN];
	char events[OPTIONS_EVENTS_LEN];
	char made[OPTIONS_EVENTS_LEN];
};

_Static_assert((int)FACTS <= (int)(sizeof(((struct stream_info *)0)->hooks) /
				   sizeof(((struct stream_info *)0)->hooks[0])),
	       "a hook for each fact");

static void read_boot_id(char *buf, size_t len)
{
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");

	buf[0] = '\0';
	if (!f)
		return;
	if (fgets(buf, len, f))
		buf[strcspn(buf, "\n")] = '\0';
	fclose(f);
}

struct stream *stream_open(const struct options *o, const struct outcome outcomes[FACTS])
{
	struct stream *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	uname(&s->uts);
	read_boot_id(s->boot_id, sizeof(s->boot_id));
	options_events_text(o->events, s->events);
	options_events_text(o->made, s->made);
	s->info = (struct stream_info){
		.version = TCPTRAIL_VERSION,
		.kernel = s->uts.release,
		.boot_id = s->boot_id[0] ? s->boot_id : NULL,
		.tier = tier_name(tier_of(outcomes)),
		.filter = options_filter_text(o, s->filter) ? s->filter : NULL,
		.events = s->events,
		.made = s->made,
		.hooks_len = FACTS,
	};
	for (int f = 0; f < FACTS; f++) {
		s->info.hooks[f].fact = facts[f].name;
		s->info.hooks[f].method = outcomes[f].way ? name_method(outcomes[f].way->method)
							  : "none";
	}
	return s;
}

void stream_close(struct stream *s)
{
	free(s);
}

const struct stream_info *stream_info(const struct stream *s)
{
	return &s->info;
}
