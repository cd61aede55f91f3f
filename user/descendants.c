// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "descendants.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct process {
	uint32_t pid;
	uint32_t parent;
	bool mine;
};

struct processes {
	struct process *all;
	size_t len;
	size_t room;
};

uint32_t descendants_parent(const char *stat)
{
	const char *name_end = strrchr(stat, ')');
	unsigned int parent;
	char state;

	if (!name_end || sscanf(name_end + 1, " %c %u", &state, &parent) != 2)
		return 0;
	return parent;
}

static uint32_t parent_of(const char *pid)
{
	char path[32], stat[512];
	size_t len;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%.10s/stat", pid);
	f = fopen(path, "re");
	if (!f)
		return 0;	/* it has ended */
	len = fread(stat, 1, sizeof(stat) - 1, f);
	fclose(f);
	stat[len] = '\0';
	return descendants_parent(stat);
}

static int add(struct processes *p, uint32_t pid, uint32_t parent)
{
	if (p->len == p->room) {
		size_t room = p->room ? 2 * p->room : 256;
		struct process *all = realloc(p->all, room * sizeof(*all));

		if (!all)
			return -ENOMEM;
		p->all = all;
		p->room = room;
	}
	p->all[p->len++] = (struct process){ pid, parent, false };
	return 0;
}

static int read_all(struct processes *p)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int err = 0;

	if (!proc)
		return -errno;
	while (!err && (entry = readdir(proc))) {
		uint32_t pid = strtoul(entry->d_name, NULL, 10);

		if (pid)
			err = add(p, pid, parent_of(entry->d_name));
	}
	closedir(proc);
	return err;
}

static bool is_mine(const struct processes *p, const uint32_t *pids, size_t len, uint32_t pid)
{
	for (size_t i = 0; i < len; i++)
		if (pids[i] == pid)
			return true;
	for (size_t i = 0; i < p->len; i++)
		if (p->all[i].mine && p->all[i].pid == pid)
			return true;
	return false;
}

int descendants_each(const uint32_t *pids, size_t len, descendants_fn fn, void *ctx)
{
	struct processes p = { 0 };
	int err = read_all(&p);
	bool more = !err;

	/* A generation a round. */
	while (more) {
		more = false;
		for (size_t i = 0; i < p.len; i++) {
			if (p.all[i].mine || !is_mine(&p, pids, len, p.all[i].parent))
				continue;
			p.all[i].mine = more = true;
			fn(ctx, p.all[i].pid);
		}
	}
	free(p.all);
	return err;
}
