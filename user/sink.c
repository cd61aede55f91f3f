// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "sink.h"

#include <stdlib.h>
#include <string.h>

struct sink {
	struct output *out;
};

static struct sink *sink_none_open(struct output *out, const struct sink_options *options)
{
	struct sink *s = calloc(1, sizeof(*s));

	(void)options;
	if (s)
		s->out = out;
	return s;
}

static bool sink_none_write(struct sink *s, const struct record *r)
{
	(void)s;
	(void)r;
	return true;
}

static void sink_none_close(struct sink *s)
{
	free(s);
}

const struct sink_ops sink_none = {
	.name = "none",
	.open = sink_none_open,
	.write = sink_none_write,
	.close = sink_none_close,
};

const struct sink_ops *sink_by_name(const char *name)
{
	static const struct sink_ops *const all[] = { &sink_text, &sink_json, &sink_none };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (!strcmp(all[i]->name, name))
			return all[i];
	return NULL;
}
