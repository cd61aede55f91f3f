/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * rec_reader.h - the whole blocks of one file of a recording, and what of it is not
 * whole. Bytes are hostile; none is trusted before its CRC, and none of it after.
 */
#ifndef TCPTRAIL_REC_READER_H
#define TCPTRAIL_REC_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "recording.h"

/* As read(2), with -errno in place of errno. */
typedef ssize_t (*rec_read_fn)(void *ctx, void *buf, size_t len);

struct rec_damage {
	uint64_t spots;		/* places where something is no block */
	uint64_t bytes;		/* in all of them */
	uint64_t cut;		/* bytes at the end: cut off, or still being written */
};

struct rec_reader;

struct rec_reader *rec_reader_open(rec_read_fn fn, void *ctx);	/* NULL: no memory */
void rec_reader_close(struct rec_reader *r);

/*
 * 1: *block, with *items of block->length bytes, aligned to 8, until the next call.
 * 0: the end. -errno of the read, or
 * -ENOMSG: nothing in it is of a recording,
 * -EXDEV: written on a machine of the other byte order,
 * -EPROTONOSUPPORT: of a newer version (rec_reader_version()).
 */
int rec_reader_next(struct rec_reader *r, struct rec_block *block, const uint8_t **items);

uint32_t rec_reader_version(const struct rec_reader *r);
const struct rec_damage *rec_reader_damage(const struct rec_reader *r);

/* The item at *at, which moves behind it. NULL: there is none, or it makes no sense
 * (*at is not `end` then). It has head->size bytes. */
const struct ev_head *rec_item(const uint8_t **at, const uint8_t *end);

/* How far a run was read: what is missing shows in the numbers. */
struct rec_position {
	uint32_t stream;
	bool begun;
	uint64_t next;		/* number of the record that is due */
};

/* Before its items are taken. Returns how many records are missing before them; -1: they
 * were read already. Of the first block of a run nothing is missing: earlier parts are
 * given up by rotation. */
int64_t rec_position_take(struct rec_position *p, const struct rec_block *block);

#endif /* TCPTRAIL_REC_READER_H */
