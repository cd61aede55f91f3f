// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "rec_parts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "format.h"
#include "options.h"
#include "rec_reader.h"

#define PARTS_MAX 1024

ssize_t rec_parts_read(void *ctx, void *buf, size_t len)
{
	const struct rec_part *part = ctx;
	ssize_t n;

	do
		n = read(part->fd, buf, len);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

void rec_parts_close(struct rec_parts *p)
{
	for (size_t i = 0; i < p->len; i++) {
		if (p->parts[i].fd > STDIN_FILENO)
			close(p->parts[i].fd);
		free(p->parts[i].path);
	}
	free(p->parts);
	*p = (struct rec_parts){ 0 };
}

/* Where it belongs, by its first whole block. 0 or as rec_reader_next(). */
static int place(struct rec_part *part, uint32_t *version)
{
	struct rec_reader *r = rec_reader_open(rec_parts_read, part);
	const uint8_t *items;
	struct rec_block b;
	int err;

	if (!r)
		return -ENOMEM;
	err = rec_reader_next(r, &b, &items);
	*version = rec_reader_version(r);
	rec_reader_close(r);
	if (err < 0)
		return err;
	if (err) {
		part->stream = b.stream;
		part->part = b.part;
		part->wall_ns = b.wall_ns;
	}
	return lseek(part->fd, 0, SEEK_SET) < 0 ? -errno : 0;
}

static int say(char *why, size_t len, const char *path, int err, uint32_t version)
{
	switch (err) {
	case -ENOMSG:
		snprintf(why, len, "%.256s is no recording", path);
		return EXIT_USAGE;
	case -EXDEV:
		snprintf(why, len, "%.256s was written on a machine of the other byte order: read "
			 "it on one like that", path);
		return EXIT_USAGE;
	case -EPROTONOSUPPORT:
		if (version)
			snprintf(why, len, "%.256s has format %u, this tcptrail reads up to %u: read it "
				 "with a newer one", path, version, REC_VERSION);
		else
			snprintf(why, len, "%.256s has a format that is newer than this tcptrail", path);
		return EXIT_USAGE;
	default:
		snprintf(why, len, "cannot read %.256s: %s", path, strerror(-err));
		return EXIT_RUNTIME;
	}
}

static bool known(const struct rec_parts *p, const struct stat *st)
{
	for (size_t i = 0; i < p->len; i++)
		if (p->parts[i].dev == st->st_dev && p->parts[i].ino == st->st_ino)
			return true;
	return false;
}

static struct rec_part *add(struct rec_parts *p, const char *path, int fd, const struct stat *st)
{
	struct rec_part *parts = realloc(p->parts, (p->len + 1) * sizeof(*parts));
	char *copy = strdup(path);

	if (parts)
		p->parts = parts;
	if (!parts || !copy || p->len >= PARTS_MAX) {
		free(copy);
		errno = !parts || !copy ? ENOMEM : EMFILE;
		return NULL;
	}
	parts[p->len] = (struct rec_part){
		.path = copy, .fd = fd, .seekable = lseek(fd, 0, SEEK_CUR) >= 0,
		.dev = st->st_dev, .ino = st->st_ino, .wall_ns = UINT64_MAX,
	};
	return &parts[p->len++];
}

/* 0 or as rec_reader_next(); -errno. */
static int open_one(struct rec_parts *p, const char *path, uint32_t *version)
{
	int fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY) : STDIN_FILENO;
	struct rec_part *part;
	struct stat st;
	int err = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st))
		err = -errno;
	else if (S_ISDIR(st.st_mode))
		err = -EISDIR;
	if (err || known(p, &st)) {
		if (fd != STDIN_FILENO)
			close(fd);
		return err;
	}
	part = add(p, path, fd, &st);
	if (part)
		return part->seekable ? place(part, version) : 0;
	err = -errno;
	if (fd != STDIN_FILENO)
		close(fd);
	return err;
}

static bool is_older_part(const char *name, const char *base)
{
	size_t len = strlen(base);

	return !strncmp(name, base, len) && name[len] == '.' && name[len + 1] &&
	       !name[len + 1 + strspn(name + len + 1, "0123456789")];
}

/* Beside it; what is no recording there is not ours to complain about. */
static void open_older(struct rec_parts *p, const char *path)
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	char dir[PATH_MAX], part[PATH_MAX + NAME_MAX];
	const struct dirent *entry;
	uint32_t version;
	DIR *d;

	snprintf(dir, sizeof(dir), "%.*s", slash ? (int)(base - path) : 1, slash ? path : ".");
	d = opendir(dir);
	while (d && (entry = readdir(d))) {
		if (!is_older_part(entry->d_name, base))
			continue;
		snprintf(part, sizeof(part), "%.*s%s", (int)(base - path), path, entry->d_name);
		if (!open_one(p, part, &version) || !p->len || strcmp(p->parts[p->len - 1].path, part))
			continue;
		p->len--;
		close(p->parts[p->len].fd);
		free(p->parts[p->len].path);
	}
	if (d)
		closedir(d);
}

static int in_order(const void *a, const void *b)
{
	const struct rec_part *x = a, *y = b;

	if (x->run_ns != y->run_ns)
		return x->run_ns < y->run_ns ? -1 : 1;
	if (x->stream != y->stream)
		return x->stream < y->stream ? -1 : 1;
	if (x->part != y->part)
		return x->part < y->part ? -1 : 1;
	return x->wall_ns < y->wall_ns ? -1 : x->wall_ns > y->wall_ns;
}

static void sort(struct rec_parts *p)
{
	for (size_t i = 0; i < p->len; i++) {
		struct rec_part *x = &p->parts[i];

		x->run_ns = x->wall_ns;
		for (size_t k = 0; k < p->len; k++) {
			const struct rec_part *y = &p->parts[k];

			if (y->stream == x->stream && y->wall_ns < x->run_ns)
				x->run_ns = y->wall_ns;
		}
	}
	qsort(p->parts, p->len, sizeof(*p->parts), in_order);
}

int rec_parts_open(struct rec_parts *p, char *const *files, size_t len, char *why, size_t why_len)
{
	uint32_t version = 0;

	*p = (struct rec_parts){ 0 };
	for (size_t i = 0; i < len; i++) {
		int err = open_one(p, files[i], &version);

		if (err) {
			rec_parts_close(p);
			return say(why, why_len, files[i], err, version);
		}
		open_older(p, files[i]);
	}
	sort(p);
	return 0;
}

uint64_t rec_parts_end(const struct rec_parts *p)
{
	const struct rec_part *last = p->len ? &p->parts[p->len - 1] : NULL;
	struct rec_reader *r;
	const uint8_t *items;
	struct rec_block b;
	uint64_t end = 0;

	if (!last || !last->seekable)
		return 0;
	r = rec_reader_open(rec_parts_read, (void *)last);
	while (r && rec_reader_next(r, &b, &items) > 0)
		if (b.wall_ns > end)
			end = b.wall_ns;
	rec_reader_close(r);
	lseek(last->fd, 0, SEEK_SET);
	return end;
}

uint64_t rec_parts_say_damage(const struct rec_part *part, const struct rec_damage *d)
{
	char n[2][32];

	if (d->spots)
		fprintf(stderr, "tcptrail: %.256s is damaged in %s places: %s bytes left out\n",
			part->path, format_count(d->spots, n[0], 32), format_count(d->bytes, n[1], 32));
	if (d->cut)
		fprintf(stderr, "tcptrail: %.256s ends within a block, cut off or still being "
			"written: %s bytes left out\n", part->path, format_count(d->cut, n[0], 32));
	return d->spots;
}

int rec_parts_say_error(const struct rec_part *part, int err)
{
	char why[512];
	int code = say(why, sizeof(why), part->path, err, 0);

	fprintf(stderr, "tcptrail: %s\n", why);
	return code;
}

bool rec_parts_times(const struct rec_parts *p, const struct options *o, uint64_t *since_ns,
		     uint64_t *until_ns)
{
	bool needed = when_needs_end(&o->since) || when_needs_end(&o->until);
	uint64_t end = needed ? rec_parts_end(p) : 0;

	*since_ns = 0;
	*until_ns = UINT64_MAX;
	if (needed && !end) {
		fprintf(stderr, "tcptrail: --since, --until: such a time counts from the end, which a "
			"pipe does not tell: give a date, or a file\n");
		return false;
	}
	if (o->since.kind)
		*since_ns = when_resolve(&o->since, o->utc, end, 0);
	if (o->until.kind)
		*until_ns = when_resolve(&o->until, o->utc, end, *since_ns);
	return true;
}
