// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * recording.c - whatever is in a file that -r reads, it is refused or told, in whole
 * lines. The first byte says what the rest is: a file, or the items of a block, which
 * get the right checksums (an attacker can make those, a fuzzer cannot guess them).
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <zlib.h>

#include "limit_replay.h"
#include "lines.h"
#include "listen_replay.h"
#include "rec_walk.h"
#include "recording.h"
#include "replay.h"
#include "stall_replay.h"

static void put(int fd, const void *data, size_t len)
{
	if (write(fd, data, len) != (ssize_t)len)
		abort();
}

static void put_block(int fd, const uint8_t *items, size_t len)
{
	struct rec_prologue p = { .byte_order = REC_BYTE_ORDER, .version = REC_VERSION,
				  .size = sizeof(p) };
	struct rec_block b = { .mark = REC_MARK, .length = len, .stream = 1, .part = 1 };
	size_t from = offsetof(struct rec_block, crc);

	memcpy(p.magic, REC_MAGIC, sizeof(p.magic));
	p.crc = crc32(0, (const uint8_t *)&p, offsetof(struct rec_prologue, crc));
	b.crc = crc32(0, items, len);
	b.head_crc = crc32(0, (const uint8_t *)&b + from, sizeof(b) - from);
	put(fd, &p, sizeof(p));
	put(fd, &b, sizeof(b));
	put(fd, items, len);
}

static int show_nothing(void *ctx, struct listen_sample *s, uint64_t ns)
{
	char advice[512];

	(void)ctx;
	for (size_t i = 0; i < s->rows.len; i++)
		if (!ns || !listen_row_advice(&s->rows.rows[i], advice, sizeof(advice)))
			abort();
	return 0;
}

static void listeners(const char *path)
{
	static const volatile sig_atomic_t stop;
	struct options o = { .command = COMMAND_LISTENERS, .output = "text", .utc = true,
			     .interval_ns = 1000000000, .read = { (char *)path }, .read_len = 1 };

	listen_replay_run(&o, &stop, show_nothing);
}

/* With a view beside it. */
static void limits(const char *path)
{
	static const volatile sig_atomic_t stop;
	struct options o = { .command = COMMAND_LIMITS, .read = { (char *)path }, .read_len = 1 };
	struct rec_walk walk = { .options = &o, .stop = &stop };
	struct limit_replay *limit = limit_replay_open(&walk);
	struct stall_replay *stall = stall_replay_open(&walk);
	const struct limit_rows *rows;
	char advice[256];

	if (!limit || !stall)
		abort();
	if (!rec_walk(&walk)) {
		rows = limit_replay_end(limit);
		for (size_t i = 0; rows && i < rows->len; i++)
			if (!limit_advice(&rows->all[i], advice, sizeof(advice)))
				abort();
	}
	stall_replay_close(stall);
	limit_replay_close(limit);
}

static void read_back(const char *path, const char *format)
{
	static const volatile sig_atomic_t stop;
	struct options o = { .output = format, .quiet = true, .utc = true, .events = ~0u, .rollup_ns = 1000000000,
			     .read = { (char *)path }, .read_len = 1 };
	struct sink_options so = { .utc = true, .width = 160 };
	static struct lines lines = { .fd = -1 };
	int code;

	if (lines.fd < 0)
		lines_open(&lines);
	code = replay_run(&o, &stop, lines.out, &so);
	if (code != EXIT_OK && code != EXIT_RUNTIME && code != EXIT_USAGE)
		abort();
	lines_check(&lines, *format == 'j');
}

int LLVMFuzzerInitialize(int *argc, char ***argv);

/* What is said of damage would fill the log; sanitizers write to the descriptor. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	stderr = fopen("/dev/null", "w");
	return stderr ? 0 : 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[64];
	int fd;

	if (!size || size > REC_BLOCK_MAX)
		return 0;
	fd = memfd_create("recording", 0);
	if (fd < 0)
		abort();
	if (data[0] & 1)
		put_block(fd, data + 1, size - 1);
	else
		put(fd, data + 1, size - 1);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (data[0] & 8)
		limits(path);
	else if (data[0] & 4)
		listeners(path);
	else
		read_back(path, data[0] & 2 ? "text" : "json");
	close(fd);
	return 0;
}
