// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * limit_cgroups.c - socket memory of cgroups that have a limit: of version 2 a part of
 * memory.max, which other memory shares; of version 1 a limit of its own.
 */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "format.h"
#include "limit_sources.h"
#include "proc_text.h"

/* More are not looked at, nor deeper. */
#define CGROUPS_MAX	4096
#define DEPTH_MAX	16
/* What version 1 has for "no limit" is a number near 2^63. */
#define NO_LIMIT	(1ULL << 60)

struct walk {
	struct limit_row kept[LIMIT_CGROUPS];
	size_t len;
	size_t seen;
	size_t root;		/* length of the mount point */
	bool v2;
};

static bool read_file(const char *dir, const char *name, char *text, size_t len)
{
	char path[1024];
	int n = snprintf(path, sizeof(path), "%s/%s", dir, name);

	return n > 0 && (size_t)n < sizeof(path) && proc_text(path, text, len);
}

static bool read_number(const char *dir, const char *name, uint64_t *out)
{
	unsigned long long n;
	char text[64];

	if (!read_file(dir, name, text, sizeof(text)) || sscanf(text, "%llu", &n) != 1)
		return false;
	*out = n;
	return true;
}

/* "max" is no number: no limit. */
static bool take_v2(const char *dir, struct limit_row *row)
{
	char text[8192];

	row->set_by = "memory.max (all memory)";
	return read_number(dir, "memory.max", &row->max) &&
	       read_file(dir, "memory.stat", text, sizeof(text)) &&
	       limit_parse_stat(text, "sock ", &row->use);
}

static bool take_v1(const char *dir, struct limit_row *row)
{
	row->set_by = "memory.kmem.tcp.limit_in_bytes";
	return read_number(dir, "memory.kmem.tcp.limit_in_bytes", &row->max) &&
	       row->max < NO_LIMIT && read_number(dir, "memory.kmem.tcp.usage_in_bytes", &row->use);
}

static void take(struct walk *w, const char *dir)
{
	const char *path = dir + w->root;
	struct limit_row row = { .kind = LIMIT_CGROUP_MEMORY };
	char plain[4 * sizeof(row.scope) + 1];

	if (!(w->v2 ? take_v2(dir, &row) : take_v1(dir, &row)) || !row.use)
		return;
	snprintf(row.scope, sizeof(row.scope), "%.159s",
		 format_plain((const uint8_t *)path, strlen(path), plain, sizeof(plain)));
	limit_keep_nearest(w->kept, &w->len, LIMIT_CGROUPS, &row);
}

static void below(struct walk *w, const char *dir, int depth)
{
	struct dirent *entry;
	char path[1024];
	DIR *d;

	take(w, dir);
	d = depth < DEPTH_MAX ? opendir(dir) : NULL;
	while (d && (entry = readdir(d))) {
		int n;

		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		n = snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
		if (n < 0 || (size_t)n >= sizeof(path) || w->seen++ >= CGROUPS_MAX)
			continue;
		below(w, path, depth + 1);
	}
	if (d)
		closedir(d);
}

static bool take_mount(struct limit_rows *rows, const char *point, bool v2)
{
	struct walk w = { .root = strlen(point), .v2 = v2 };

	below(&w, point, 0);
	for (size_t i = 0; i < w.len; i++)
		if (!limit_rows_add(rows, &w.kept[i]))
			return false;
	return true;
}

bool limit_take_cgroups(struct limit_rows *rows)
{
	char line[1024], point[512], type[16], options[256];
	FILE *mounts = fopen("/proc/self/mounts", "re");
	bool ok = true;

	while (mounts && ok && fgets(line, sizeof(line), mounts)) {
		if (sscanf(line, "%*s %511s %15s %255s", point, type, options) != 3)
			continue;
		if (!strcmp(type, "cgroup2"))
			ok = take_mount(rows, point, true);
		else if (!strcmp(type, "cgroup") && strstr(options, "memory"))
			ok = take_mount(rows, point, false);
	}
	if (mounts)
		fclose(mounts);
	return ok;
}
