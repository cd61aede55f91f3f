/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * queue.h - records taken from the ring and not told yet, in order: the ring's
 * room is given back at once, and a record can be completed by a later one.
 */
#ifndef TCPTRAIL_QUEUE_H
#define TCPTRAIL_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

#include "bpf/event.h"

/* More is not taken at once: memory stays bounded (about 10 MiB). */
#define QUEUE_RECORDS_MAX 65536

struct queue;

struct queue *queue_open(void);		/* NULL: no memory */
void queue_close(struct queue *q);

/* Copies one record. false: it is malformed (its size is not what it says, or
 * not its kind's) or there is no room: the caller counts it. */
bool queue_push(struct queue *q, const void *data, size_t size);

/* What a record of that kind (enum ev_kind) has to have, bytes; 0: there is none. */
size_t queue_record_size(unsigned int kind);

size_t queue_len(const struct queue *q);
bool queue_full(const struct queue *q);

/* The i-th record (0: the oldest), to be changed in place. Never NULL below
 * queue_len(). */
struct ev_head *queue_at(struct queue *q, size_t i);

/* Forgets the oldest `n`. */
void queue_drop(struct queue *q, size_t n);

#endif /* TCPTRAIL_QUEUE_H */
