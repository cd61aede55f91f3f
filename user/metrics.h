/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * metrics.h - records summed into counters and histograms. Pure: knows no file,
 * no clock. Sums respect `count`, so they are exact whatever a bucket held back.
 *
 * Bounded whatever the traffic: closed lists of the kernel's and of ours, and
 * METRICS_LISTENERS listeners; what others refused is summed as one.
 */
#ifndef TCPTRAIL_METRICS_H
#define TCPTRAIL_METRICS_H

#include <stdint.h>
#include <stdio.h>

#include "gauges.h"
#include "record.h"

#define METRICS_LISTENERS	64
#define METRICS_REASONS		48	/* of resets: the kernel's own, 30 in Linux 6.18 */
#define METRICS_ERRNOS		134	/* EHWPOISON, the last, is 133 */
#define METRICS_UNIT_LEN	128
/* A listener that refused nothing for so long gives its place to another. */
#define METRICS_LISTENER_NS	(3600 * 1000000000ULL)

/* Upper ends in ns; one more bucket for what is above. */
#define METRICS_WAIT_BOUNDS	17
#define METRICS_AGE_BOUNDS	14
extern const uint64_t metrics_wait_ns[METRICS_WAIT_BOUNDS];
extern const uint64_t metrics_age_ns[METRICS_AGE_BOUNDS];
#define METRICS_BUCKETS		(METRICS_WAIT_BOUNDS + 1)

struct metrics_histogram {
	uint64_t buckets[METRICS_BUCKETS];	/* not cumulative */
	uint64_t sum_ns;
};

/* Its addresses and names are as of the first record of it. */
struct metrics_listener {
	uint64_t last_ns;	/* wall clock of the last record; 0: a free place */
	uint64_t drops[EVD_MAX];
	uint32_t netns;
	uint16_t port;
	uint8_t family;
	uint8_t addr[16];
	uint8_t comm[EV_COMM_LEN];
	char unit[METRICS_UNIT_LEN];
	char container[13];	/* of its id, as container tools print it */
};

struct metrics_reason {
	char name[40];		/* "": a free place */
	uint64_t resets[2];	/* received, sent */
};

struct metrics {
	uint32_t made;		/* EVENTS_*: kinds that were not have no family */
	uint64_t events[REC_START];
	uint64_t transitions[EVS_MAX][EVS_MAX];
	uint64_t ended[EVR_MAX][CAUSE_MAX];
	uint64_t drops[EVG_MAX][EVD_MAX];
	struct metrics_listener listeners[METRICS_LISTENERS];
	uint64_t other_drops[EVD_MAX];	/* of listeners that found no place, or are not known */
	uint64_t syncookies;
	struct metrics_reason reasons[METRICS_REASONS];
	uint64_t other_resets[2];	/* without a reason, or the table is full */
	uint64_t retransmits[EVX_MAX];
	uint64_t errors[METRICS_ERRNOS];
	uint64_t other_errors;
	uint64_t limits[EVL_LIMITS][EVL_CALLS][2];	/* cut, failed */
	struct metrics_histogram handshake;	/* SYN-SENT of connections that were established */
	struct metrics_histogram accept_wait;
	struct metrics_histogram age[EVR_MAX];
	struct metrics_histogram in_state[EV_LIFE_STATES];
};

/* What the stream and the process tell beside the records. */
struct metrics_own {
	const struct stream_info *info;		/* NULL: not known */
	const struct stream_totals *totals;
	uint64_t started_ns;			/* wall clock */
	uint64_t user_ns, system_ns;		/* of this process */
	uint64_t resident_bytes;
	double ring_fill;			/* 0 to 1; below 0: not known */
	const struct gauges *gauges;		/* NULL: not looked at */
	bool recorded;				/* by another process: nothing of this one */
};

struct metrics *metrics_open(uint32_t made);	/* NULL: no memory */
void metrics_close(struct metrics *m);

void metrics_take(struct metrics *m, const struct record *r);

/* Prometheus' text format 0.0.4 (metrics_print.c). false: `out` had an error. */
bool metrics_print(const struct metrics *m, const struct metrics_own *own, FILE *out);

#endif /* TCPTRAIL_METRICS_H */
