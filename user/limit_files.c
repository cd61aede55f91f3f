// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* limit_files.c - descriptors: of each process (EMFILE) and of the host (ENFILE). */
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "format.h"
#include "limit_lookup.h"
#include "limit_sources.h"
#include "proc_text.h"

/* Linux 6.2 has their number as the directory's size (f1f1f2569901, "proc: report open
 * files as size in stat() for /proc/pid/fd"). */
static uint64_t open_files(const char *pid)
{
	struct dirent *entry;
	uint64_t n = 0;
	struct stat st;
	char path[64];
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%.10s/fd", pid);
	if (stat(path, &st))
		return 0;
	if (st.st_size)
		return st.st_size;
	d = opendir(path);
	while (d && (entry = readdir(d)))
		n += entry->d_name[0] != '.';
	if (d)
		closedir(d);
	return n;
}

static bool take_process(const char *pid, struct limit_row *row)
{
	char path[64], text[4096], comm[64] = "", plain[4 * sizeof(comm) + 1];

	*row = (struct limit_row){ .kind = LIMIT_OPEN_FILES, .pid = strtoul(pid, NULL, 10) };
	snprintf(path, sizeof(path), "/proc/%.10s/limits", pid);
	if (!proc_text(path, text, sizeof(text)) || !limit_parse_nofile(text, &row->max, &row->hard))
		return false;
	row->has_hard = true;
	row->use = open_files(pid);
	snprintf(path, sizeof(path), "/proc/%.10s/comm", pid);
	proc_text(path, comm, sizeof(comm));
	comm[strcspn(comm, "\n")] = '\0';
	snprintf(row->scope, sizeof(row->scope), "%.130s[%u]",
		 format_plain((const uint8_t *)comm, strlen(comm), plain, sizeof(plain)), row->pid);
	return row->use;
}

bool limit_take_process(uint32_t pid, struct limit_row *row)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", pid);
	return take_process(text, row);
}

bool limit_take_file_max(struct limit_rows *rows)
{
	struct limit_row row = { .kind = LIMIT_FILE_MAX, .scope = "host" };
	unsigned long long used, unused, max;
	char text[128];

	if (!proc_text("/proc/sys/fs/file-nr", text, sizeof(text)) ||
	    sscanf(text, "%llu %llu %llu", &used, &unused, &max) != 3)
		return true;
	row.use = used - unused;
	row.max = max;
	return limit_rows_add(rows, &row);
}

/* Against the process that has most. */
static bool take_nr_open(struct limit_rows *rows, const struct limit_row *most)
{
	struct limit_row row = { .kind = LIMIT_NR_OPEN, .scope = "host", .use = most->use,
				 .has_hard = most->has_hard, .hard = most->hard };

	row.max = limit_lookup_nr_open();
	snprintf(row.user, sizeof(row.user), "%.95s", most->scope);
	return row.max == UINT64_MAX || limit_rows_add(rows, &row);
}

/* Of a process that is near to its limit: how many of them are sockets. */
static uint64_t count_sockets(uint32_t pid)
{
	struct dirent *entry;
	uint64_t n = 0;
	char path[64], link[16];
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%u/fd", pid);
	d = opendir(path);
	while (d && (entry = readdir(d)))
		n += readlinkat(dirfd(d), entry->d_name, link, 7) == 7 && !memcmp(link, "socket:", 7);
	if (d)
		closedir(d);
	return n;
}

static bool add_process(struct limit_rows *rows, struct limit_row *row)
{
	uint64_t nr_open = limit_lookup_nr_open();
	char n[32];

	row->ceiling = nr_open == UINT64_MAX ? 0 : nr_open;
	if (limit_in_trouble(row))
		snprintf(row->user, sizeof(row->user), "sockets %s",
			 format_count(count_sockets(row->pid), n, sizeof(n)));
	return limit_rows_add(rows, row);
}

bool limit_take_files(struct limit_rows *rows)
{
	struct limit_row kept[LIMIT_PROCESSES], row, most = { .use = 0 };
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	size_t len = 0;
	bool ok = true;

	while (proc && (entry = readdir(proc)))
		if (isdigit((unsigned char)entry->d_name[0]) && take_process(entry->d_name, &row)) {
			limit_keep_nearest(kept, &len, LIMIT_PROCESSES, &row);
			if (row.use > most.use)
				most = row;
		}
	if (proc)
		closedir(proc);
	for (size_t i = 0; i < len; i++)
		ok &= add_process(rows, &kept[i]);
	return ok && take_nr_open(rows, &most) && limit_take_file_max(rows);
}
