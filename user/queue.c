// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "queue.h"

#include <stdlib.h>
#include <string.h>

/* The largest record: one size for all keeps the index an array. */
union any_record {
	struct ev_head head;
	struct ev_state state;
	struct ev_retransmit retransmit;
	struct ev_reset reset;
	struct ev_error error;
	struct ev_timewait timewait;
	struct ev_drop drop;
	struct ev_accept accept;
	struct ev_connection connection;
	struct ev_limit limit;
	struct ev_request request;
	struct ev_listener listener;
};

struct queue {
	union any_record *records;
	size_t len;
	size_t room;
};

size_t queue_record_size(unsigned int kind)
{
	switch (kind) {
	case EV_STATE:
		return sizeof(struct ev_state);
	case EV_RETRANSMIT:
		return sizeof(struct ev_retransmit);
	case EV_RESET:
		return sizeof(struct ev_reset);
	case EV_ERROR:
		return sizeof(struct ev_error);
	case EV_TIMEWAIT:
		return sizeof(struct ev_timewait);
	case EV_DROP:
		return sizeof(struct ev_drop);
	case EV_ACCEPT:
		return sizeof(struct ev_accept);
	case EV_CONNECTION:
		return sizeof(struct ev_connection);
	case EV_LIMIT:
		return sizeof(struct ev_limit);
	case EV_REQUEST:
		return sizeof(struct ev_request);
	case EV_LISTENER:
		return sizeof(struct ev_listener);
	default:
		return 0;
	}
}

struct queue *queue_open(void)
{
	return calloc(1, sizeof(struct queue));
}

void queue_close(struct queue *q)
{
	if (!q)
		return;
	free(q->records);
	free(q);
}

static bool grow(struct queue *q)
{
	size_t room = q->room ? 2 * q->room : 1024;
	union any_record *records;

	if (q->len < q->room)
		return true;
	if (q->room >= QUEUE_RECORDS_MAX)
		return false;
	records = realloc(q->records, room * sizeof(*records));
	if (!records)
		return false;
	q->records = records;
	q->room = room;
	return true;
}

bool queue_push(struct queue *q, const void *data, size_t size)
{
	const struct ev_head *head = data;

	if (size < sizeof(*head) || head->size != size || queue_record_size(head->kind) != size)
		return false;
	if (!grow(q))
		return false;
	memcpy(&q->records[q->len++], data, size);
	return true;
}

size_t queue_len(const struct queue *q)
{
	return q->len;
}

bool queue_full(const struct queue *q)
{
	return q->len >= QUEUE_RECORDS_MAX;
}

struct ev_head *queue_at(struct queue *q, size_t i)
{
	return &q->records[i].head;
}

void queue_drop(struct queue *q, size_t n)
{
	if (!n)
		return;
	q->len -= n;
	memmove(q->records, q->records + n, q->len * sizeof(*q->records));
}
