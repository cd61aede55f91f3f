/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * recording.h - what a recording looks like on disk: written by recorder.c, read by
 * rec_reader.c and replay.c.
 *
 * A file is a struct rec_prologue, then blocks: a struct rec_block with `length` bytes
 * of items behind it. Each block stands by itself (its clock, its place in the stream)
 * and has two CRCs: where one does not fit, the next block is found by its mark, and
 * the numbers say how many records are missing between them. The first block of a file
 * has the names that the rest needs: parts of a rotated recording can go missing.
 *
 * An item begins with a struct ev_head and is padded to 8 bytes. Kinds below
 * EV_KIND_MAX are the kernel side's events (bpf/event.h) as decode() takes them, the
 * others are here. All in the writer's byte order.
 *
 * Numbers and members are append-only. A reader takes a longer item's beginning, adds
 * zeros to a shorter one and skips kinds that it does not know; what else changes needs
 * another REC_VERSION, and rec_reader.c goes on reading the old ones (tests/golden has
 * a recording of each).
 */
#ifndef TCPTRAIL_RECORDING_H
#define TCPTRAIL_RECORDING_H

#include "bpf/event.h"
#include "bpf/listening.h"
#include "bpf/stalled.h"

#define REC_MAGIC	"\x89tcptrl\n"
#define REC_MAGIC_LEN	8
#define REC_BYTE_ORDER	0x01020304u
#define REC_VERSION	1

struct rec_prologue {
	__u8 magic[REC_MAGIC_LEN];
	__u32 byte_order;	/* REC_BYTE_ORDER */
	__u32 version;
	__u32 size;		/* of this struct */
	__u32 crc;		/* CRC-32 of the members above */
};

#define REC_MARK	0x8a425274u
#define REC_BLOCK_MAX	(64 * 1024)	/* of `length` */

struct rec_block {
	__u32 mark;		/* REC_MARK */
	__u32 head_crc;		/* CRC-32 of the members below */
	__u32 crc;		/* CRC-32 of the items */
	__u32 length;
	__u32 stream;		/* of which run of the tracer: agent.ephemeral_id */
	__u32 part;		/* file of the rotation, from 1 */
	__u64 first;		/* records (events and sums) of the run before this block */
	__u32 records;		/* in it */
	__u32 pad;
	__u64 wall_ns;		/* CLOCK_REALTIME when it was begun */
	__s64 realtime_offset_ns; /* the clock as it was then, wallclock.h */
	__s64 tai_offset_ns;
};

enum rec_item {
	REC_ITEM_CLOCK = 128,	/* struct rec_clock: it was set, or drifted */
	REC_ITEM_NAME = 129,	/* struct rec_name */
	REC_ITEM_BEGIN = 130,	/* struct rec_begin: the names of the run are complete */
	REC_ITEM_SUM = 131,	/* struct rec_sum: what user space told in one record */
	REC_ITEM_TOTALS = 132,	/* struct rec_totals: heartbeat, lost, stop */
	REC_ITEM_LIMIT = 133,	/* struct rec_limit: of the struct ev_limit behind it */
	REC_ITEM_STALL = 134,	/* struct rec_stall: stuck connections */
	REC_ITEM_LISTENING = 135, /* struct rec_listening: of a look at the listeners, as ... */
	REC_ITEM_NETNS = 136,	/* struct rec_netns: ... this, ... */
	REC_ITEM_LOOKED = 137,	/* struct rec_looked: ... which this ends */
	REC_ITEM_ACCEPTS = 138,	/* struct rec_accepts: of the struct ev_drop behind it */
};

struct rec_clock {
	struct ev_head head;
	__s64 realtime_offset_ns;
	__s64 tai_offset_ns;
};

enum rec_table {
	REC_TABLE_INFO = 1,	/* enum rec_info */
	REC_TABLE_HOOK = 2,	/* any number -> "transitions=tp_btf" */
	REC_TABLE_RESET = 3,	/* enum sk_rst_reason of that kernel -> its name */
	REC_TABLE_CGROUP = 4,	/* cgroup id -> path below the mount; known from here on */
};

enum rec_info {
	REC_INFO_HOST = 1,
	REC_INFO_VERSION = 2,	/* of tcptrail */
	REC_INFO_KERNEL = 3,
	REC_INFO_BOOT_ID = 4,
	REC_INFO_TIER = 5,
	REC_INFO_FILTER = 6,
	REC_INFO_EVENTS = 7,	/* kinds that were told */
	REC_INFO_MADE = 8,	/* kinds recorded: of sums what they are made of, too */
	REC_INFO_MAX = 9,
};

#define REC_NAME_MAX 4096

struct rec_name {
	struct ev_head head;
	__u64 key;
	__u32 table;		/* enum rec_table */
	__u32 len;		/* bytes of text behind this, hostile, without NUL */
};

struct rec_begin {
	struct ev_head head;
	__u64 wall_ns;		/* CLOCK_REALTIME when the run began */
};

/* rec_sum.flags */
#define RECS_WINDOW	0x01
#define RECS_ERRNO	0x02
#define RECS_PEERS	0x04
#define RECS_PEERS_LOWER 0x08
#define RECS_AT_MOST	0x10
#define RECS_QUEUES	0x20
#define RECS_NOT_SEEN	0x40
#define RECS_ACCEPTS	0x80
#define RECS_SYNS	0x100

struct rec_sum {
	struct ev_head head;
	struct ev_sock sock;	/* family 0: its owner alone is known */
	struct ev_queues queues;
	__u32 pad_queues;
	__u64 wall_ns;
	__u64 count;
	__u64 window_ns;
	__u64 at_most;
	__u32 connections;
	__u32 peers;
	__u32 err;		/* errno */
	__u32 reason;		/* of a reset, or enum ev_drop_reason */
	__u32 flags;		/* RECS_* */
	__u8 kind;		/* enum ev_kind */
	__u8 sub;		/* as in struct ev_bucket_key */
	__u8 pad[2];
	__u64 accepts;		/* with RECS_ACCEPTS */
	__u64 accepts_ns;
	__u64 syns;		/* with RECS_SYNS */
};

enum rec_totals_kind {
	REC_TOTALS_HEARTBEAT = 1,
	REC_TOTALS_LOST = 2,
	REC_TOTALS_STOP = 3,
};

/* `len` numbers behind it, in the order of rec_codec.c. */
struct rec_totals {
	struct ev_head head;
	__u64 wall_ns;
	__u64 uptime_ns;
	__u32 kind;		/* enum rec_totals_kind */
	__u32 len;
};

/* rec_limit.flags */
#define RECL_VALUE	0x01
#define RECL_USE	0x02
#define RECL_HARD	0x04
#define RECL_NR_OPEN	0x08	/* fs.nr_open is what binds */
#define RECL_USED	0x10

/* What was looked up of the limit that a call failed at. */
struct rec_limit {
	struct ev_head head;
	__u64 value;
	__u64 use;
	__u64 hard;
	__u16 low;		/* local ports: the range; 0: not known */
	__u16 high;
	__u32 flags;		/* RECL_* */
	__u32 used;		/* connections to the service, and of those TIME-WAIT */
	__u32 time_wait;
};

/* What accept() took where the listener refuses. */
struct rec_accepts {
	struct ev_head head;
	__u64 accepts;
	__u64 window_ns;	/* 0: not known */
	__u64 syns;		/* with has_syns */
	__u8 has_syns;
	__u8 pad[7];
};

/* rec_stall.flags */
#define RECT_LOWER	0x01
#define RECT_GROWTH	0x02	/* growth_per_min is known */
#define RECT_SERVER	0x04
#define RECT_MANY_LOCAL	0x08
#define RECT_MANY_PEERS	0x10
#define RECT_PATH	0x20	/* the way to its peer is known, ... */
#define RECT_NO_ROUTE	0x40	/* and leads nowhere */
#define RECT_GATEWAY	0x80	/* by this next hop */

/* struct stall_path; zero in recordings that end before it. */
struct rec_path {
	char interface[16];
	__u8 next_hop[16];
	__u16 neighbour;
	__u8 family;
	__u8 pad[5];
};

/* struct stall_drop; zero in recordings that end before it. */
struct rec_drop {
	char reason[40];
	__u32 where;		/* enum dropped_where */
	__u32 ago_ms;
};

struct rec_stall {
	struct ev_head head;
	__u64 wall_ns;
	__u64 files;
	__u64 files_max;
	__u32 age_ms;
	__u32 count;
	__u32 waiting;
	__s32 growth_per_min;
	__u32 phase;		/* enum stall_phase */
	__u32 flags;		/* RECT_* */
	char verdict[32];	/* its name */
	__u8 oldest[STALLED_BEFORE];	/* struct stalled, to there */
	struct rec_path path;
	struct rec_drop drop;
	__u8 oldest_more[64];		/* the rest of it, and room */
	char because[64];		/* what is new goes behind it */
};

struct rec_listening {
	struct ev_head head;
	struct listening listening;
};

struct rec_netns {
	struct ev_head head;
	struct netns_count count;
	__u32 netns;
	__u32 pad;
};

struct rec_looked {
	struct ev_head head;
	__u64 wall_ns;
	__u32 listeners;	/* that this look saw */
	__u32 pad;
};

_Static_assert(sizeof(struct rec_listening) == 160, "rec_listening");
_Static_assert(sizeof(struct rec_netns) == 72, "rec_netns");
_Static_assert(sizeof(struct rec_looked) == 40, "rec_looked");
_Static_assert(sizeof(struct rec_stall) == 520, "rec_stall");
_Static_assert(sizeof(struct stalled) <= STALLED_BEFORE + 64, "rec_stall.oldest_more");
_Static_assert(sizeof(struct rec_limit) == 64, "rec_limit");
_Static_assert(sizeof(struct rec_prologue) == 24, "rec_prologue");
_Static_assert(sizeof(struct rec_block) == 64, "rec_block");
_Static_assert(sizeof(struct rec_clock) == 40, "rec_clock");
_Static_assert(sizeof(struct rec_name) == 40, "rec_name");
_Static_assert(sizeof(struct rec_begin) == 32, "rec_begin");
_Static_assert(sizeof(struct rec_sum) == 232, "rec_sum");
_Static_assert(sizeof(struct rec_accepts) == 56, "rec_accepts");
_Static_assert(sizeof(struct rec_totals) == 48, "rec_totals");

#endif /* TCPTRAIL_RECORDING_H */
