/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * event.h - the records that the BPF programs put into the ring buffer.
 *
 * The only header that both sides include. Fixed-width types, no padding that
 * is not named, native byte order except where a comment says otherwise.
 * A record is a struct ev_head followed by what its kind says.
 *
 * Numbers are append-only: a recording carries them.
 */
#ifndef TCPTRAIL_EVENT_H
#define TCPTRAIL_EVENT_H

#ifndef __bpf__
#include <linux/types.h>
#endif

/* Kinds of records; the names that people see are in user/names.c. */
enum ev_kind {
	EV_STATE = 1,		/* struct ev_state */
	EV_RETRANSMIT = 2,	/* struct ev_retransmit */
	EV_RESET = 3,		/* struct ev_reset */
	EV_ERROR = 4,		/* struct ev_error */
	EV_TIMEWAIT = 5,	/* struct ev_timewait: a mini-socket moved or ended */
	EV_DROP = 6,		/* struct ev_drop: refused at a listener, or a cookie sent */
	EV_ACCEPT = 7,		/* struct ev_accept: accept() took a connection */
	EV_CONNECTION = 8,	/* struct ev_connection: a full socket ended */
	EV_LIMIT = 9,		/* struct ev_limit: a call failed at a limit, or was cut */
	EV_REQUEST = 10,	/* struct ev_request: a connection in the SYN queue */
	EV_LISTENER = 11,	/* struct ev_listener: listen() again, with another backlog */
	EV_KIND_MAX = 16,
};

/* The socket's states are the kernel's (include/net/tcp_states.h). */
enum ev_tcp_state {
	EVS_ESTABLISHED = 1,
	EVS_SYN_SENT = 2,
	EVS_SYN_RECV = 3,
	EVS_FIN_WAIT1 = 4,
	EVS_FIN_WAIT2 = 5,
	EVS_TIME_WAIT = 6,
	EVS_CLOSE = 7,
	EVS_CLOSE_WAIT = 8,
	EVS_LAST_ACK = 9,
	EVS_LISTEN = 10,
	EVS_CLOSING = 11,
	EVS_NEW_SYN_RECV = 12,
	EVS_MAX = 13,
};

/* Where a fact came from. */
enum ev_method {
	EVM_NONE = 0,
	EVM_TP_BTF = 1,
	EVM_FENTRY = 2,
	EVM_KPROBE = 3,
	EVM_TRACEPOINT = 4,	/* classic tracepoint (system calls) */
	EVM_ITER = 5,
	EVM_POLL = 6,		/* read at intervals */
	EVM_INFERRED = 7,	/* follows from another fact, see user/cause.c */
	EVM_GAP = 8,		/* no program ran; found by the gap check */
	EVM_MAX = 9,
};

enum ev_role {
	EVR_UNKNOWN = 0,
	EVR_CLIENT = 1,
	EVR_SERVER = 2,
	EVR_LISTENER = 3,
	EVR_MAX = 4,
};

/* Who said which task owns the socket. */
enum ev_owner_source {
	EVO_NONE = 0,
	EVO_CONNECT = 1,
	EVO_LISTEN = 2,
	EVO_ACCEPT = 3,
	EVO_SNAPSHOT = 4,
	EVO_LISTENER = 5,	/* not accepted yet: its listener's owner */
	EVO_CALL = 6,		/* limit: the task that called */
	EVO_MAX = 7,
};

#define EV_COMM_LEN 16

struct ev_owner {
	__u32 pid;		/* thread group id, initial pid namespace */
	__u8 source;		/* enum ev_owner_source; 0: the rest is void */
	__u8 followed;		/* of a process that follow.bpf.c followed then */
	__u8 pad[2];
	__u8 comm[EV_COMM_LEN];	/* group leader's; hostile bytes, maybe no NUL */
};

struct ev_head {
	__u64 ts_ns;		/* CLOCK_MONOTONIC at the hook */
	__u64 tai_ns;		/* CLOCK_TAI at the hook; 0 before Linux 6.1 */
	__u8 kind;		/* enum ev_kind */
	__u8 method;		/* enum ev_method */
	__u16 size;		/* of the whole record, bytes */
	__u32 cpu;
};

/* ev_sock.flags */
#define EVSK_MPTCP	0x01	/* a subflow of an MPTCP connection */
#define EVSK_NO_STORAGE	0x02	/* the kernel gave no sk_storage: poorer event */
#define EVSK_MIXED	0x04	/* several owners listen on that port */
#define EVSK_LOWER	0x08	/* open before the start: times are lower bounds */
#define EVSK_LATE	0x10	/* first seen in mid-life, and not by the snapshot */

struct ev_sock {
	__u64 cookie;		/* 0: none known */
	__u64 cgroup;		/* cgroup v2 id of the socket; 0: none */
	__u32 netns;		/* inode number */
	__u32 uid;		/* (__u32)-1: unknown */
	struct ev_owner owner;
	__u8 laddr[16];		/* network order; IPv4 in the first four */
	__u8 raddr[16];
	__u16 lport;		/* host order; 0: not chosen yet */
	__u16 rport;
	__u32 ifindex;		/* bound or routed interface; 0: none */
	__u8 family;		/* 4 or 6; v4-mapped is 4 */
	__u8 role;		/* enum ev_role */
	__u8 flags;		/* EVSK_* */
	__u8 state;		/* enum ev_tcp_state when the record was made */
	__u32 pad;
};

/* ev_state.facts: what the socket said at the transition; user/cause.c
 * derives the cause from them and from nothing else. */
#define EVF_SOCK_DEAD		0x00000001
#define EVF_SOCK_DONE		0x00000002
#define EVF_LINGER0		0x00000004	/* SO_LINGER on, time 0 */
#define EVF_LINGER2_NEG		0x00000008	/* TCP_LINGER2 < 0 */
#define EVF_NO_SOCKET		0x00000010	/* sk_socket is NULL */
#define EVF_FILE_DEAD		0x00000020	/* last reference to the file gone */
#define EVF_FILE_LIVE		0x00000040
#define EVF_EXITING		0x00000080	/* current is PF_EXITING */
#define EVF_NOTHING_SENT	0x00000100	/* segs_out == 0 */
#define EVF_ALL_ACKED		0x00000200	/* snd_una == write_seq */
#define EVF_RST_IN		0x00000400	/* tcp_receive_reset came before */
#define EVF_RST_OUT		0x00000800	/* tcp_send_reset came before */
#define EVF_DATA_AFTER_CLOSE	0x00001000	/* data segments since FIN-WAIT */
#define EVF_RST_FLAG		0x00002000	/* the segment had RST (fentry) */
#define EVF_RST_NOFLAG		0x00004000	/* it had not (fentry) */
#define EVF_ABORT		0x00008000	/* tcp_abort() ran (fentry, kprobe) */
#define EVF_TW_ALLOC		0x00010000	/* a TIME-WAIT mini-socket was made */
#define EVF_TW_ALLOC_FW2	0x00020000	/* a FIN-WAIT-2 mini-socket was made */
#define EVF_TW_NULL		0x00040000	/* its allocation was refused */
#define EVF_TW_FULL		0x00080000	/* buckets at tcp_max_tw_buckets */
#define EVF_TW_HOOKED		0x00100000	/* a hook watches the allocation */
#define EVF_UNDERSTUDY		0x00200000	/* second copy did the work */
#define EVF_ABORT_HOOKED	0x00400000	/* a hook watches tcp_abort() */
#define EVF_FAILED_CONNECT	0x00800000	/* connect() failed in the call */
#define EVF_OOM			0x01000000	/* RST reason said ABORT_ON_MEMORY */

struct ev_state {
	struct ev_head head;
	struct ev_sock sock;
	__u64 since_ns;		/* CLOCK_MONOTONIC when `from` began; 0: unknown */
	__u64 sk;		/* kernel address, for the port fill only */
	__u32 facts;		/* EVF_* */
	__u32 unread;		/* bytes received and not read */
	__u32 user_timeout_ms;	/* TCP_USER_TIMEOUT; 0: not set */
	__u16 err;		/* sk_err */
	__u16 err_soft;		/* sk_err_soft */
	__u8 from;		/* enum ev_tcp_state, as the kernel said */
	__u8 to;
	__u8 stored;		/* last state seen; 0: none. != from: a gap */
	__u8 shutdown;		/* RCV_SHUTDOWN 1, SEND_SHUTDOWN 2 */
	__u8 retransmits;	/* icsk_retransmits */
	__u8 pad[3];
};

enum ev_retransmit_type {
	EVX_SYN = 1,
	EVX_SYNACK = 2,
	EVX_RTO = 3,
	EVX_FAST = 4,
	EVX_PROBE = 5,		/* tail loss probe */
	EVX_MAX = 6,
};

struct ev_retransmit {
	struct ev_head head;
	struct ev_sock sock;
	__u32 rto_ms;
	__u8 type;		/* enum ev_retransmit_type */
	__u8 attempt;		/* 1: the first retransmission */
	__u8 backoff;
	__u8 pad;
};

struct ev_reset {
	struct ev_head head;
	struct ev_sock sock;
	__u32 reason;		/* enum sk_rst_reason of that kernel */
	__u8 sent;		/* 1: sent, 0: received */
	__u8 has_reason;
	__u8 no_socket;		/* no socket matched the segment */
	__u8 pad;
};

struct ev_error {
	struct ev_head head;
	struct ev_sock sock;
	__u32 err;		/* errno */
	__u32 pad;
};

/* Why a mini-socket moved. */
enum ev_tw_why {
	EVW_UNKNOWN = 0,
	EVW_FIN = 1,		/* FIN-WAIT-2 -> TIME-WAIT */
	EVW_EXPIRED = 2,
	EVW_REUSED = 3,		/* by connect() or by a new SYN */
	EVW_KILLED = 4,		/* RST, ss -K, end of the namespace */
	EVW_RST = 5,
	EVW_MAX = 6,
};

struct ev_timewait {
	struct ev_head head;
	struct ev_sock sock;
	__u64 since_ns;
	__u8 from;		/* EVS_FIN_WAIT2 or EVS_TIME_WAIT */
	__u8 to;
	__u8 why;		/* enum ev_tw_why */
	__u8 pad[5];
};

/* Why a request left the SYN queue. */
enum ev_request_why {
	EVQ_UNKNOWN = 0,
	EVQ_EXPIRED = 1,	/* the last SYN-ACK was not answered */
	EVQ_RST = 2,
	EVQ_OVERFLOW_RST = 3,	/* accept queue full, with tcp_abort_on_overflow */
	EVQ_LISTENER_CLOSED = 4,
	EVQ_KILLED = 5,		/* ss -K */
	EVQ_MAX = 6,
};

/* SYN-RECEIVED before there is a full socket. What becomes established is told by
 * the child's own transition, which began when this one did. */
struct ev_request {
	struct ev_head head;
	struct ev_sock sock;	/* the owner is the listener's */
	__u64 since_ns;		/* CLOCK_MONOTONIC when `from` began; 0: unknown */
	__u8 from;		/* EVS_LISTEN or EVS_SYN_RECV */
	__u8 to;		/* EVS_SYN_RECV or EVS_CLOSE */
	__u8 why;		/* enum ev_request_why */
	__u8 pad[5];
};

/* Which segment met the limit. */
enum ev_drop_stage {
	EVG_SYN = 1,
	EVG_ACK = 2,		/* the final one of the handshake */
	EVG_MAX = 3,
};

enum ev_drop_reason {
	EVD_OTHER = 0,		/* no route, no memory, an LSM */
	EVD_ACCEPT_QUEUE = 1,
	EVD_SYN_QUEUE = 2,
	EVD_MAX_SYN_BACKLOG = 3, /* the 3/4 mark, with tcp_syncookies 0 */
	EVD_COOKIE = 4,		/* not refused: a cookie answered */
	EVD_UNKNOWN = 5,	/* polled: of several causes, or not told apart */
	EVD_MAX = 6,
};

/* Of a listener, and the sysctls of its namespace that bear on them. */
struct ev_queues {
	__u32 accept_queue;	/* connections waiting for accept() */
	__u32 backlog;		/* sk_max_ack_backlog: the limit of both queues */
	__u32 syn_queue;	/* requests waiting for the final ACK */
	__u32 somaxconn;
	__u32 max_syn_backlog;
	__u8 syncookies;	/* 0, 1, 2 */
	__u8 abort_on_overflow;
	__u8 pad[2];
};

struct ev_drop {
	struct ev_head head;
	struct ev_sock sock;	/* the listener; raddr and rport are the peer's */
	struct ev_queues queues;
	__u8 stage;		/* enum ev_drop_stage */
	__u8 reason;		/* enum ev_drop_reason */
	__u16 tries;		/* which of its connection, of that stage; 0: not known */
	__u8 tries_lower;	/* at least: earlier ones may be forgotten */
	__u8 pad[3];
};

struct ev_accept {
	struct ev_head head;
	struct ev_sock sock;	/* the connection; the owner is who accepted it */
	__u64 wait_ns;		/* since ESTABLISHED; ~0: not known */
	__u32 accept_queue;	/* of its listener, behind it */
	__u32 backlog;		/* 0: the listener is not known */
};

struct ev_listener {
	struct ev_head head;
	struct ev_sock sock;	/* the owner is who called listen() */
	__u32 backlog;		/* the limit of both queues from now on */
	__u32 before;
	__u32 accept_queue;	/* connections waiting for accept() */
	__u32 pad;
};

/* States of a connection that times are kept of, in the order of a life. */
#define EV_LIFE_STATES 8

/* The place of a state among them, EV_LIFE_STATES or more for another: SYN-SENT 0,
 * SYN-RECEIVED, ESTABLISHED, FIN-WAIT-1, FIN-WAIT-2, CLOSING, CLOSE-WAIT, LAST-ACK. */
static inline __attribute__((always_inline)) __u32 ev_life_place(__u32 state)
{
	return 0xffff5f76ff43102fULL >> (4 * (state & 15)) & 15;
}

/* The life of a connection, at the end of its full socket: a mini-socket may hold
 * FIN-WAIT-2 or TIME-WAIT of it from then on. */
struct ev_connection {
	struct ev_state end;	/* its last transition, but for head.kind and size */
	__u64 began_ns;		/* CLOCK_MONOTONIC; 0: unknown */
	__u64 in_ns[EV_LIFE_STATES]; /* by ev_life_place() */
	__u64 accepted_ns;	/* accept() took it; 0: not seen */
	__u64 opened_ns;	/* server: when ESTABLISHED began; 0: not seen */
	__u64 bytes_sent;	/* payload, each byte once */
	__u64 bytes_received;
	__u64 bytes_resent;
	__u64 busy_ns;		/* tcp_sock's chronographs: had something to send, */
	__u64 rwnd_ns;		/* was kept from it by the peer's window, */
	__u64 sndbuf_ns;	/* by its own send buffer */
	__u32 segments_sent;
	__u32 segments_received;
	__u32 resent;		/* segments, SYNs and SYN-ACKs among them */
	__u32 syns_resent;	/* of those, before ESTABLISHED */
	__u32 rtt_us;		/* smoothed; 0: none measured */
	__u32 rtt_min_us;
	__u8 first_close;	/* EVS_FIN_WAIT1, EVS_CLOSE_WAIT; 0: neither was entered */
	__u8 lower;		/* began before the start: times are lower bounds */
	__u8 mini;		/* user space: a mini-socket's move ended it, ... */
	__u8 mini_why;		/* ... enum ev_tw_why */
	__u8 pad[4];
};

enum ev_limit_call {
	EVL_ACCEPT = 1,
	EVL_ACCEPT4 = 2,
	EVL_SOCKET = 3,
	EVL_CONNECT = 4,
	EVL_BIND = 5,
	EVL_LISTEN = 6,
	EVL_CALLS = 7,
};

enum ev_limit_name {
	EVL_OPEN_FILES = 1,	/* RLIMIT_NOFILE or fs.nr_open: EMFILE */
	EVL_FILE_MAX = 2,	/* fs.file-max: ENFILE */
	EVL_LOCAL_PORTS = 3,	/* EADDRNOTAVAIL of connect(), EADDRINUSE of bind(0) */
	EVL_SOMAXCONN = 4,	/* what listen() asked for was cut to it */
	EVL_LIMITS = 5,
};

#define EVLF_OWN_RANGE	0x01	/* IP_LOCAL_PORT_RANGE: not the namespace's range */
#define EVLF_QUEUE	0x02	/* accept_queue, backlog are known */

struct ev_limit {
	struct ev_head head;
	struct ev_sock sock;	/* accept, listen: the listener; socket: its netns alone */
	__u64 value;		/* 0: not in the kernel's structs, user space looks */
	__u64 hard;		/* open files: the hard limit */
	__u32 accept_queue;	/* accept: of the listener, with EVLF_QUEUE */
	__u32 backlog;
	__s32 asked;		/* listen: its argument */
	__u32 err;		/* errno; 0: it did not fail, it was cut */
	__u8 call;		/* enum ev_limit_call */
	__u8 limit;		/* enum ev_limit_name */
	__u8 flags;		/* EVLF_* */
	__u8 pad[5];
};

/* In a bucket's key; errnos of these calls have 8 bits. */
static inline __attribute__((always_inline)) __u16 ev_limit_reason(__u8 limit, __u32 err)
{
	return limit << 8 | (err & 0xff);
}

/* What a held-back event is counted under (map `buckets`). */
struct ev_bucket_key {
	__u64 cookie;		/* drop, request: the listener; else 0 */
	__u32 pid;		/* 0: no owner known */
	__u16 reason;		/* type, errno, reset or drop reason, ev_limit_reason();
				 * request: why */
	__u8 kind;		/* enum ev_kind */
	__u8 sub;		/* reset: 1 sent, 0 received; drop: stage; limit: call; request: to */
};

/*
 * Counts are kept by rounds, which user space begins once a second: while one
 * goes on, what the one before counted is whole and is read. By the lowest bit of the
 * round's number, cumulative, never reset: nothing is lost between two reads.
 */
struct ev_bucket {
	__u64 refilled_ns;	/* CLOCK_MONOTONIC */
	__u64 held[2];		/* events held back */
	__u32 connections[2];	/* drop: of them, different ones in each round */
	__u32 peers[2];		/* the same of remote addresses */
	__u32 lower[2];		/* drop: events of which that was not known: the two above
				 * are lower bounds; limit: of another socket than `sock` was */
	__u32 tokens;
	__u32 pad;
	struct ev_sock sock;	/* of the first event: its owner; drop, request: the listener;
				 * limit: the socket of the last */
};

/* Per-CPU counters (map `counters`), cumulative, never reset. */
enum ev_counter {
	EVC_EMITTED = 0,	/* + kind: records put into the ring */
	EVC_RING_FULL = 16,	/* + kind: ring had no room */
	EVC_NO_STORAGE = 32,	/* no sk_storage for that socket */
	EVC_MAP_FULL = 33,	/* listeners, owners, moves, timewaits, buckets */
	EVC_IGNORED_1 = 34,	/* state program: not TCP, or old == new */
	EVC_IGNORED_2 = 35,	/* the same in the understudy */
	EVC_RECOVERED = 36,	/* transitions only the understudy saw */
	EVC_GAPS = 37,		/* transitions whose `from` was not the stored one */
	EVC_FILTERED = 38,	/* state transitions a filter left out */
	EVC_NO_END = 39,	/* sockets destroyed in a state other than CLOSED */
	EVC_LATE = 40,		/* sockets first seen in mid-life */
	EVC_BORN = 41,		/* sockets whose end is waited for */
	EVC_ENDED = 42,		/* of those, whose end was seen */
	EVC_REQUESTS = 43,	/* requests put into a SYN queue */
	EVC_REQUESTS_LEFT = 44,	/* and of these taken out */
	EVC_MINIS = 45,		/* mini-sockets made */
	EVC_MINIS_LEFT = 46,	/* and of these ended */
	EVC_RECOVERED_OTHER = 58, /* other events only a second copy saw */
	EVC_MAX = 64,
};

#ifndef __bpf__
_Static_assert(sizeof(struct ev_owner) == 24, "ev_owner");
_Static_assert(sizeof(struct ev_head) == 24, "ev_head");
_Static_assert(sizeof(struct ev_sock) == 96, "ev_sock");
_Static_assert(sizeof(struct ev_state) == 160, "ev_state");
_Static_assert(sizeof(struct ev_retransmit) == 128, "ev_retransmit");
_Static_assert(sizeof(struct ev_reset) == 128, "ev_reset");
_Static_assert(sizeof(struct ev_error) == 128, "ev_error");
_Static_assert(sizeof(struct ev_timewait) == 136, "ev_timewait");
_Static_assert(__builtin_offsetof(struct ev_timewait, since_ns) ==
	       __builtin_offsetof(struct ev_state, since_ns), "state.bpf.c makes one of the other");
_Static_assert(sizeof(struct ev_request) == 136, "ev_request");
_Static_assert(sizeof(struct ev_drop) == 152, "ev_drop");
_Static_assert(sizeof(struct ev_accept) == 136, "ev_accept");
_Static_assert(sizeof(struct ev_listener) == 136, "ev_listener");
_Static_assert(sizeof(struct ev_limit) == 160, "ev_limit");
_Static_assert(sizeof(struct ev_connection) == 328, "ev_connection");
_Static_assert(sizeof(struct ev_bucket_key) == 16, "ev_bucket_key");
#endif

#endif /* TCPTRAIL_EVENT_H */
