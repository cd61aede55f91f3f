// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cgroup_path.h"

#define SLOTS		1024	/* direct-mapped: a collision resolves again */
#define FILEID_KERNFS	0xfe	/* include/linux/exportfs.h */
#define RETRY_S		10	/* for an id that could not be resolved */
#define LEARNED_SLOTS	131072	/* twice what is learned at most */

struct slot {
	uint64_t id;		/* 0: free */
	time_t retry;		/* not before that, when info is void; 0: resolved */
	struct cgroup_names names;
	struct cgroup_info info;
	char *path;		/* info.path is it */
};

/* What a recording says. */
struct learned {
	uint64_t id;		/* 0: free */
	char *path;
};

/* Open addressing, at most half full. */
struct learned_table {
	struct learned *slots;
	size_t room, len;
};

struct cgroups {
	int mount;		/* of cgroup2; -1: none */
	char mount_path[256];
	time_t walked;		/* when the tree was searched last */
	bool recorded;		/* the kernel is not asked */
	struct learned_table learned;
	struct slot slots[SLOTS];
};

/* mountinfo writes blank, tab, newline and backslash as \\ooo (proc(5)). */
static void unescape(char *text)
{
	char *to = text;
	unsigned int c;

	for (const char *from = text; *from; to++) {
		if (sscanf(from, "\\%3o", &c) == 1 && strspn(from + 1, "01234567") >= 3) {
			*to = c;
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
}

/* Unified, or beside v1 controllers (hybrid): the first mount of cgroup2. */
static int open_mount(char *path, size_t len)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char line[4096], point[256], type[32];
	int fd = -1;

	while (f && fd < 0 && fgets(line, sizeof(line), f)) {
		const char *dash = strstr(line, " - ");

		if (!dash || sscanf(dash, " - %31s", type) != 1 || strcmp(type, "cgroup2") ||
		    sscanf(line, "%*s %*s %*s %*s %255s", point) != 1)
			continue;
		unescape(point);
		fd = open(point, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
		snprintf(path, len, "%s", point);
	}
	if (f)
		fclose(f);
	return fd;
}

struct cgroups *cgroup_open(void)
{
	struct cgroups *c = calloc(1, sizeof(*c));

	if (c)
		c->mount = open_mount(c->mount_path, sizeof(c->mount_path));
	return c;
}

void cgroup_close(struct cgroups *c)
{
	if (!c)
		return;
	if (c->mount >= 0)
		close(c->mount);
	for (size_t i = 0; i < SLOTS; i++)
		free(c->slots[i].path);
	for (size_t i = 0; i < c->learned.room; i++)
		free(c->learned.slots[i].path);
	free(c->learned.slots);
	free(c);
}

struct cgroups *cgroup_open_recorded(void)
{
	struct cgroups *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->mount = -1;
	c->recorded = true;
	return c;
}

static struct learned *learned_of(const struct learned_table *t, uint64_t id)
{
	size_t i = (id * 0x9e3779b97f4a7c15ULL) >> 40;

	while (t->slots[i % t->room].id && t->slots[i % t->room].id != id)
		i++;
	return &t->slots[i % t->room];
}

static bool grow_learned(struct learned_table *t)
{
	struct learned_table larger = { .room = t->room ? 2 * t->room : 256, .len = t->len };

	if (2 * t->len < t->room)
		return true;
	if (larger.room > LEARNED_SLOTS)
		return false;
	larger.slots = calloc(larger.room, sizeof(*larger.slots));
	if (!larger.slots)
		return false;
	for (size_t i = 0; i < t->room; i++)
		if (t->slots[i].id)
			*learned_of(&larger, t->slots[i].id) = t->slots[i];
	free(t->slots);
	*t = larger;
	return true;
}

static struct slot *slot_of(struct cgroups *c, uint64_t id)
{
	return &c->slots[(id ^ id >> 32) % SLOTS];
}

bool cgroup_learn(struct cgroups *c, uint64_t id, const char *path, size_t len)
{
	struct learned *l;
	char *copy;

	if (!id || !grow_learned(&c->learned))
		return false;
	l = learned_of(&c->learned, id);
	copy = strndup(path, len);
	if (!copy)
		return false;
	c->learned.len += !l->id;
	free(l->path);
	*l = (struct learned){ .id = id, .path = copy };
	if (slot_of(c, id)->id == id)
		slot_of(c, id)->id = 0;	/* what it was told before */
	return true;
}

/*
 * Without CAP_DAC_READ_SEARCH: the directory whose inode number is the id (so since
 * Linux 5.5, kernfs). A walk takes milliseconds, so one a second at the most.
 */
static bool search(struct cgroups *c, uint64_t id, time_t now, char *path, size_t len)
{
	char *const roots[] = { c->mount_path, NULL };
	bool found = false;
	FTSENT *entry;
	FTS *walk;

	if (c->walked == now)
		return false;
	c->walked = now;
	walk = fts_open(roots, FTS_PHYSICAL | FTS_XDEV | FTS_NOCHDIR, NULL);
	while (walk && !found && (entry = fts_read(walk))) {
		found = entry->fts_info == FTS_D && entry->fts_statp->st_ino == id;
		if (found)
			snprintf(path, len, "%s", entry->fts_path);
	}
	if (walk)
		fts_close(walk);
	return found;
}

/* The kernel turns the id into a directory (needs CAP_DAC_READ_SEARCH). */
static bool path_of(struct cgroups *c, uint64_t id, time_t now, char *path, size_t len)
{
	struct {
		struct file_handle head;
		uint64_t id;
	} handle = { .head = { .handle_bytes = sizeof(id), .handle_type = FILEID_KERNFS } };
	char link[64];
	ssize_t n;
	int fd;

	memcpy(handle.head.f_handle, &id, sizeof(id));
	fd = open_by_handle_at(c->mount, &handle.head, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return errno == EPERM && search(c, id, now, path, len);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, len - 1);
	close(fd);
	if (n < 0)
		return false;
	path[n] = '\0';
	return true;
}

static const char *or_null(const char *s)
{
	return s[0] ? s : NULL;
}

/* Of the kernel's answer, what is below the mount; to be freed, NULL: not known. */
static char *ask(struct cgroups *c, uint64_t id, time_t now)
{
	char path[PATH_MAX];
	size_t prefix = strlen(c->mount_path);

	if (c->recorded)
		return c->learned.room && learned_of(&c->learned, id)->id ?
		       strdup(learned_of(&c->learned, id)->path) : NULL;
	if (c->mount < 0 || !path_of(c, id, now, path, sizeof(path)) ||
	    strncmp(path, c->mount_path, prefix) || (path[prefix] && path[prefix] != '/'))
		return NULL;
	return strdup(path[prefix] ? path + prefix : "/");
}

static void resolve(struct cgroups *c, struct slot *s, uint64_t id, time_t now)
{
	free(s->path);
	memset(s, 0, sizeof(*s));
	s->id = id;
	s->retry = now + RETRY_S;
	s->path = ask(c, id, now);
	if (!s->path)
		return;
	s->retry = 0;
	s->info.path = s->path;
	cgroup_path_parse(s->path, &s->names);
	s->info.unit = or_null(s->names.unit);
	s->info.container_id = or_null(s->names.container_id);
	s->info.pod_uid = or_null(s->names.pod_uid);
}

const struct cgroup_info *cgroup_find(struct cgroups *c, uint64_t id)
{
	struct slot *s = slot_of(c, id);

	if (!id)
		return NULL;
	if (s->id != id || s->retry) {
		time_t now = time(NULL);

		if (s->id != id || now >= s->retry)
			resolve(c, s, id, now);
	}
	return s->info.path ? &s->info : NULL;
}
