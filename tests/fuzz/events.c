// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * events.c - whatever bytes come as a record of the kernel side are refused, or become a
 * line of text and a line of JSON.
 */
#include <stddef.h>
#include <stdint.h>

#include "decode.h"
#include "lines.h"
#include "queue.h"
#include "sink.h"

static uint64_t wall_ns(void *ctx, uint64_t mono_ns, uint64_t tai_ns)
{
	(void)ctx;
	return mono_ns ^ tai_ns;
}

static const char *reset_reason(void *ctx, uint32_t reason)
{
	(void)ctx;
	return reason & 1 ? "NO_SOCKET" : NULL;
}

static const struct decode_env env = { wall_ns, reset_reason, NULL };

static void tell(const char *name, const struct record *r)
{
	struct sink_options so = { .utc = true, .width = 160 };
	const struct sink_ops *ops = sink_by_name(name);
	static struct lines lines = { .fd = -1 };
	struct sink *sink;

	if (lines.fd < 0)
		lines_open(&lines);
	sink = ops->open(lines.out, &so);
	ops->write(sink, r);
	ops->close(sink);
	lines_check(&lines, ops == &sink_json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As from a ring, the kind and the size made right: else hardly any gets further. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t room[128] = { 0 };
	struct ev_head *head = (void *)room;
	struct queue *q = queue_open();
	struct record r;

	if (!q)
		return 0;
	if (size > sizeof(room))
		size = sizeof(room);
	memcpy(room, data, size);
	queue_push(q, room, size);
	head->kind %= EV_KIND_MAX;
	head->size = queue_record_size(head->kind);
	if (head->size && queue_push(q, room, head->size)) {
		if (decode(queue_at(q, queue_len(q) - 1), &env, &r)) {
			tell("json", &r);
			tell("text", &r);
		}
	}
	queue_close(q);
	return 0;
}
