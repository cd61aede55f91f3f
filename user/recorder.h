/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * recorder.h - a sink of events as they are: into blocks (recording.h), and those into
 * a file (rec_file.h), at the latest 200 ms after. Nothing is decoded for it.
 */
#ifndef TCPTRAIL_RECORDER_H
#define TCPTRAIL_RECORDER_H

#include "rec_file.h"
#include "record.h"
#include "recording.h"
#include "wallclock.h"

struct cgroups;
struct recorder;

/* What each part of a recording begins with, and where names come from. */
struct recorder_run {
	uint32_t stream;		/* agent.ephemeral_id, as a number */
	uint64_t wall_ns;		/* when it began */
	const char *host;		/* NULL: not known */
	const struct stream_info *info;
	const struct wallclock *clock;	/* as of the events that come */
	struct cgroups *cgroups;
	const char *(*reset_reason)(void *ctx, uint32_t reason);
	void *ctx;
};

/* The file is opened, nothing written yet. NULL: `why` tells it in one line. */
struct recorder *recorder_open(const struct rec_file_options *o, char *why, size_t why_len);

/* All that `run` points to outlives the recorder. */
void recorder_begin(struct recorder *r, const struct recorder_run *run);

/* One event, as queue_push() takes it. */
void recorder_event(struct recorder *r, const struct ev_head *head);

/* What was looked up of the limit that the next event is about. */
void recorder_limit(struct recorder *r, const struct record_limit *limit);

/* What accept() took where the next event was refused. */
void recorder_accepts(struct recorder *r, const struct record_drop *drop, bool has_syns);

/* A record that no event was (rec_codec.h). */
void recorder_sum(struct recorder *r, const struct rec_sum *sum);

/* Stuck connections (stall_record.h). */
void recorder_stall(struct recorder *r, const struct rec_stall *stall);

/* One look at the listening sockets: each, their namespaces, its end. */
void recorder_listening(struct recorder *r, const struct listening *l);
void recorder_netns(struct recorder *r, uint32_t netns, const struct netns_count *count);
void recorder_looked(struct recorder *r, uint64_t wall_ns);

/* heartbeat, lost, stop; others are nothing to it. */
void recorder_stream(struct recorder *r, const struct record *record);

/* Writes what is due; `now_ns` is CLOCK_MONOTONIC. */
void recorder_tick(struct recorder *r, uint64_t now_ns);
void recorder_flush(struct recorder *r);

/* 0, or -errno of the first write that failed: nothing is written after it. */
int recorder_error(const struct recorder *r);

/* Events and sums so far, and those that a failed write lost. */
uint64_t recorder_records(const struct recorder *r);
uint64_t recorder_lost(const struct recorder *r);

int recorder_pipe(const struct recorder *r);	/* rec_file_pipe() */

void recorder_close(struct recorder *r);	/* what is not flushed is dropped */

#endif /* TCPTRAIL_RECORDER_H */
