/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * rec_parts.h - the files of a recording, opened and in order: of each run of the tracer
 * the oldest part first, the runs by when they began.
 */
#ifndef TCPTRAIL_REC_PARTS_H
#define TCPTRAIL_REC_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct options;
struct rec_damage;

struct rec_part {
	char *path;
	int fd;
	bool seekable;		/* a pipe has no place in the order: it is the last */
	dev_t dev;
	ino_t ino;
	uint32_t stream;	/* of its first whole block, as the next two */
	uint32_t part;
	uint64_t wall_ns;
	uint64_t run_ns;	/* the earliest of its run */
};

struct rec_parts {
	struct rec_part *parts;
	size_t len;
};

/* Each file named, and its older parts beside it (FILE.1, FILE.2 and so on); "-" is
 * standard input. 0, or an exit code and one line in `why`. Ends with rec_parts_close(). */
int rec_parts_open(struct rec_parts *p, char *const *files, size_t len, char *why, size_t why_len);
void rec_parts_close(struct rec_parts *p);

/* A rec_read_fn of a part. */
ssize_t rec_parts_read(void *part, void *buf, size_t len);

/* What was not whole, on stderr. Returns the places that are damaged. */
uint64_t rec_parts_say_damage(const struct rec_part *part, const struct rec_damage *d);

/* Why it could not be read on (rec_reader_next()), on stderr. Returns the exit code. */
int rec_parts_say_error(const struct rec_part *part, int err);

/* --since and --until in CLOCK_REALTIME ns; without them 0 and UINT64_MAX. false, said on
 * stderr: they count from the end, which a pipe does not tell. */
bool rec_parts_times(const struct rec_parts *p, const struct options *o, uint64_t *since_ns,
		     uint64_t *until_ns);

/* When the last block was begun; 0: it cannot be known beforehand (a pipe). */
uint64_t rec_parts_end(const struct rec_parts *p);

#endif /* TCPTRAIL_REC_PARTS_H */
