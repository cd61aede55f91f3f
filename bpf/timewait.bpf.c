// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * timewait.bpf.c - the mini-sockets that hold TIME-WAIT, and FIN-WAIT-2 of a
 * connection without a process. No tracepoint tells of them, so these are
 * function hooks (fentry, or else kprobe); without either, user space infers
 * the beginning (cause.c) and polls the end (twpoll.c).
 *
 * A mini-socket has no sk_storage: what its end needs is kept in a bounded hash
 * by cookie, which inet_twsk_alloc() copies.
 */
#include "bpf/tcptrail.bpf.h"

#define TW_SUCCESS	0	/* enum tcp_tw_status */
#define TW_RST		1
#define TW_SYN		3

struct timewait {
	struct ev_sock sock;
	__u64 since_ns;
	__u32 state;		/* 0: moved before its socket's last transition */
	__u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 262144);
	__type(key, __u64);
	__type(value, struct timewait);
} timewaits SEC(".maps");

/*
 * Where no function hook sees a mini-socket's end, those in FIN-WAIT-2 alone are kept,
 * until the FIN that tracepoints see: milliseconds mostly. In a table of their own by
 * the cookie's lowest bits (cookies are counted up), as insertion into the hash and
 * deletion cost 0.7 us a connection; where two collide the later goes to the hash.
 */
#define ORPHAN_BUSY	(~0ULL)	/* no cookie */

struct orphan orphans[ORPHANS] = {};
bool orphans_spilled = false;	/* some went to the hash */

/*
 * Cookies whose FIN came first: the mini-socket is in the kernel's hash before its
 * socket's last transition (tcp_time_wait() calls tcp_done() last), so a FIN on another
 * CPU may move it before the state program has run. That one tells it then. Each side
 * writes its own table before it reads the other's, so one of them sees both; who takes
 * the cookie out by exchange is the one that tells.
 */
__u64 orphans_moved[ORPHANS] = {};

static __always_inline void moved_mark(__u64 cookie)
{
	__sync_lock_test_and_set(&orphans_moved[cookie & (ORPHANS - 1)], cookie);
}

static __always_inline bool moved_take(__u64 cookie)
{
	__u64 *mark = &orphans_moved[cookie & (ORPHANS - 1)];

	return *(volatile __u64 *)mark == cookie &&
	       __sync_val_compare_and_swap(mark, cookie, 0) == cookie;
}

static __always_inline bool orphan_keep(const struct ev_sock *s, __u64 since_ns)
{
	struct orphan *o = &orphans[s->cookie & (ORPHANS - 1)];

	if (!s->cookie || __sync_val_compare_and_swap(&o->cookie, 0, ORPHAN_BUSY))
		return false;
	o->sock = *s;
	o->since_ns = since_ns;
	__sync_lock_test_and_set(&o->cookie, s->cookie);
	return true;
}

/* Once only: of two that come for it, one gets it. */
static __always_inline bool orphan_take(__u64 cookie, struct ev_timewait *e)
{
	struct orphan *o = &orphans[cookie & (ORPHANS - 1)];

	if (o->cookie != cookie ||
	    __sync_val_compare_and_swap(&o->cookie, cookie, ORPHAN_BUSY) != cookie)
		return false;
	e->sock = o->sock;
	e->since_ns = o->since_ns;
	e->from = EVS_FIN_WAIT2;
	__sync_lock_test_and_set(&o->cookie, 0);
	return true;
}

/* false: its FIN was told meanwhile. */
static __always_inline bool orphan_drop(__u64 cookie)
{
	return __sync_val_compare_and_swap(&orphans[cookie & (ORPHANS - 1)].cookie, cookie, 0) ==
	       cookie;
}

/* Which mini-socket this CPU is about to end, and why. Between the hook that
 * knows and inet_twsk_kill() bottom halves are off. */
struct tw_reason {
	__u64 tw;
	__u32 why;
	__u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tw_reason);
} tw_reasons SEC(".maps");

static __always_inline void reason_set(__u64 tw, __u32 why)
{
	__u32 zero = 0;
	struct tw_reason *r = bpf_map_lookup_elem(&tw_reasons, &zero);

	if (!r)
		return;
	r->tw = tw;
	r->why = why;
}

static __always_inline __u32 reason_of(__u64 tw)
{
	__u32 zero = 0;
	struct tw_reason *r = bpf_map_lookup_elem(&tw_reasons, &zero);
	__u32 why;

	if (!r || r->tw != tw)
		return EVW_KILLED;
	why = r->why;
	r->tw = 0;
	return why;
}

/* A mini-socket from before the start, or one that found no room: told with
 * what it carries itself, without an owner. */
static __always_inline void describe(struct inet_timewait_sock *tw, struct timewait *kept,
				     struct ev_timewait *e)
{
	if (kept) {
		e->sock = kept->sock;
		e->since_ns = kept->since_ns;
		e->from = kept->state;
		return;
	}
	sock_describe_common(&tw->__tw_common, &e->sock);
	e->sock.lport = bpf_ntohs(BPF_CORE_READ(tw, tw_sport));
	e->sock.flags |= EVSK_LOWER;
	e->from = BPF_CORE_READ(tw, tw_substate);
}

/* FIN-WAIT-2 of a mini-socket is part of its connection's life, TIME-WAIT is not. */
static __always_inline bool wanted(const struct ev_timewait *e)
{
	return want_state || (want_connection && e->from == EVS_FIN_WAIT2);
}

static __always_inline void tw_emit(struct ev_timewait *e, __u8 method)
{
	stamp(&e->head, EV_TIMEWAIT, method, sizeof(*e));
	e->sock.state = e->to;
	if (wanted(e) && sock_wanted(&e->sock, 0))
		emit(&e->head, sizeof(*e));
	else
		count(EVC_FILTERED);
}

__hidden bool timewait_begin(const struct ev_sock *s, __u64 since_ns, __u8 state)
{
	struct timewait tw = { .sock = *s, .since_ns = since_ns, .state = state };
	struct timewait *early;
	bool moved;

	early = s->cookie ? bpf_map_lookup_elem(&timewaits, &tw.sock.cookie) : NULL;
	moved = early && !early->state && state == EVS_FIN_WAIT2;
	if (moved) {
		tw.state = EVS_TIME_WAIT;
		tw.since_ns = bpf_ktime_get_ns();
	}
	tw.sock.state = tw.state;
	if (!s->cookie || bpf_map_update_elem(&timewaits, &tw.sock.cookie, &tw, BPF_ANY))
		count(EVC_MAP_FULL);
	return moved;
}

__hidden bool timewait_orphan(const struct ev_sock *s, __u64 since_ns)
{
	if (attached.tw)
		return timewait_begin(s, since_ns, EVS_FIN_WAIT2);
	if (!want_state && !want_connection)
		return false;	/* nobody would forget it either */
	if (orphan_keep(s, since_ns))
		return moved_take(s->cookie) && orphan_drop(s->cookie);
	orphans_spilled = true;
	timewait_begin(s, since_ns, EVS_FIN_WAIT2);
	if (!moved_take(s->cookie))
		return false;
	bpf_map_delete_elem(&timewaits, &s->cookie);
	return true;
}

/* Its move from FIN-WAIT-2 was not seen (a kprobe is skipped while another program
 * runs on its CPU): told late, marked as a gap. */
static __always_inline void tw_move_late(struct inet_timewait_sock *tw, struct timewait *kept)
{
	struct ev_timewait e = { .to = EVS_TIME_WAIT, .why = EVW_FIN };

	if (kept->state != EVS_FIN_WAIT2 || BPF_CORE_READ(tw, tw_substate) != EVS_TIME_WAIT)
		return;
	describe(tw, kept, &e);
	tw_emit(&e, EVM_GAP);
	kept->state = EVS_TIME_WAIT;
	kept->since_ns = e.head.ts_ns;
	kept->sock.flags |= EVSK_LOWER;
}

static __always_inline void tw_end(struct inet_timewait_sock *tw, __u8 method)
{
	__u64 cookie = BPF_CORE_READ(tw, __tw_common.skc_cookie.counter);
	struct ev_timewait e = { .to = EVS_CLOSE };
	struct timewait *kept = NULL;

	if (cookie)
		kept = bpf_map_lookup_elem(&timewaits, &cookie);
	if (kept)
		count(EVC_MINIS_LEFT);
	if (kept && !kept->state) {
		bpf_map_delete_elem(&timewaits, &cookie);
		kept = NULL;
	}
	if (kept)
		tw_move_late(tw, kept);
	describe(tw, kept, &e);
	e.why = reason_of((__u64)(unsigned long)tw);
	tw_emit(&e, method);
	if (kept)
		bpf_map_delete_elem(&timewaits, &cookie);
}

/* The same as orphans_moved, where function hooks keep all in the hash. */
static __always_inline void tw_moved_early(__u64 cookie)
{
	struct timewait early = {};

	if (bpf_map_update_elem(&timewaits, &cookie, &early, BPF_NOEXIST))
		count(EVC_MAP_FULL);
}

/* FIN-WAIT-2 -> TIME-WAIT of a mini-socket: its timer is armed anew with the
 * substate already set (tcp_timewait_state_process()). */
static __always_inline void tw_rearm(struct inet_timewait_sock *tw, bool rearm, __u8 method)
{
	__u64 cookie = BPF_CORE_READ(tw, __tw_common.skc_cookie.counter);
	struct ev_timewait e = { .to = EVS_TIME_WAIT, .why = EVW_FIN };
	struct timewait *kept;

	if (!rearm || !cookie || BPF_CORE_READ(tw, tw_substate) != EVS_TIME_WAIT)
		return;
	kept = bpf_map_lookup_elem(&timewaits, &cookie);
	if (!kept && attached.tw)
		tw_moved_early(cookie);
	if (!kept || kept->state != EVS_FIN_WAIT2)
		return;
	describe(tw, kept, &e);
	tw_emit(&e, method);
	kept->state = EVS_TIME_WAIT;
	kept->since_ns = e.head.ts_ns;
	kept->sock.state = EVS_TIME_WAIT;
}

/* The mark goes out if the hash has it: it is told here, unless the state program,
 * which looks for the mark after it wrote there, was faster. */
static __always_inline void tw_moved_spilled(struct inet_timewait_sock *tw, __u64 cookie)
{
	if (!orphans_spilled || !bpf_map_lookup_elem(&timewaits, &cookie) || !moved_take(cookie))
		return;
	tw_rearm(tw, true, EVM_TP_BTF);
	bpf_map_delete_elem(&timewaits, &cookie);
}

/*
 * The same from tracepoints alone (Linux 6.12, where kfree_skb tells the
 * socket): the FIN that moves the mini-socket is dropped once it did its work.
 * Its end is not seen then, so nothing is kept any longer.
 */
static __always_inline void tw_moved(struct inet_timewait_sock *tw)
{
	struct ev_timewait e = { .to = EVS_TIME_WAIT, .why = EVW_FIN };
	__u64 cookie;

	if (BPF_CORE_READ(tw, tw_substate) != EVS_TIME_WAIT)
		return;
	cookie = BPF_CORE_READ(tw, __tw_common.skc_cookie.counter);
	if (!cookie)
		return;
	if (attached.tw) {
		tw_rearm(tw, true, EVM_TP_BTF);
		bpf_map_delete_elem(&timewaits, &cookie);
		return;
	}
	if (!orphan_take(cookie, &e)) {
		moved_mark(cookie);
		if (!orphan_take(cookie, &e)) {
			tw_moved_spilled(tw, cookie);
			return;
		}
		moved_take(cookie);
	}
	tw_emit(&e, EVM_TP_BTF);
}

static __always_inline void tw_alloc(__u64 sk, int state, __u64 ret)
{
	if (!ret) {
		note_add(sk, EVF_TW_NULL);
		return;
	}
	count(EVC_MINIS);
	note_add(sk, state == EVS_FIN_WAIT2 ? EVF_TW_ALLOC_FW2 : EVF_TW_ALLOC);
}

static __always_inline __u64 tw_of_timer(struct timer_list *timer)
{
	return (__u64)(unsigned long)timer -
	       bpf_core_field_offset(struct inet_timewait_sock, tw_timer);
}

SEC("?fexit/inet_twsk_alloc")
int BPF_PROG(tw_alloc_fexit, struct sock *sk, void *row, int state, __u64 ret)
{
	tw_alloc((__u64)(unsigned long)sk, state, ret);
	return 0;
}

SEC("?fentry/inet_twsk_kill")
int BPF_PROG(tw_kill_fentry, struct inet_timewait_sock *tw)
{
	tw_end(tw, EVM_FENTRY);
	return 0;
}

SEC("?fentry/__inet_twsk_schedule")
int BPF_PROG(tw_schedule_fentry, struct inet_timewait_sock *tw, int timeo, bool rearm)
{
	tw_rearm(tw, rearm, EVM_FENTRY);
	return 0;
}

SEC("?fentry/tw_timer_handler")
int BPF_PROG(tw_timer_fentry, struct timer_list *timer)
{
	reason_set(tw_of_timer(timer), EVW_EXPIRED);
	return 0;
}

/* 3 arguments, 4 since 6.12, 5 since 6.18: the first, and the result by its
 * own helper. */
SEC("?fentry/tcp_timewait_state_process")
int BPF_PROG(tw_segment_fentry, struct inet_timewait_sock *tw)
{
	reason_set((__u64)(unsigned long)tw, EVW_RST);
	return 0;
}

SEC("?fexit/tcp_timewait_state_process")
int BPF_PROG(tw_segment_fexit, struct inet_timewait_sock *tw)
{
	__u64 ret = 0;

	if (bpf_get_func_ret(ctx, &ret))
		return 0;
	if ((__u32)ret == TW_SYN)
		reason_set((__u64)(unsigned long)tw, EVW_REUSED);
	else if ((__u32)ret == TW_RST)
		reason_set((__u64)(unsigned long)tw, EVW_KILLED);
	else
		reason_set(0, 0);
	return 0;
}

SEC("?fexit/tcp_twsk_unique")
int BPF_PROG(tw_unique_fexit, struct sock *sk, struct sock *tw, void *twp, int ret)
{
	if (ret == 1)
		reason_set((__u64)(unsigned long)tw, EVW_REUSED);
	return 0;
}

/* The socket may be NULL; verifiers before 6.13 drop a test for it, so all reads
 * are of the kind that fails softly. Twice, as the state program is: the first
 * to see a move deletes what the other would tell. */
SEC("?tp_btf/kfree_skb")
int BPF_PROG(tw_fin_dropped, struct sk_buff *skb, void *location, int reason, struct sock *sk)
{
	if (sk && BPF_CORE_READ(sk, __sk_common.skc_state) == EVS_TIME_WAIT)
		tw_moved((struct inet_timewait_sock *)sk);
	return 0;
}

SEC("?tp_btf/kfree_skb")
int BPF_PROG(tw_fin_understudy, struct sk_buff *skb, void *location, int reason, struct sock *sk)
{
	if (sk && BPF_CORE_READ(sk, __sk_common.skc_state) == EVS_TIME_WAIT)
		tw_moved((struct inet_timewait_sock *)sk);
	return 0;
}

/*
 * The kprobe tier, best effort by nature. An exit probe knows no arguments, so
 * tcp_time_wait() notes them: its own mini-socket is what inet_twsk_alloc()
 * returns next on this CPU.
 */
SEC("?kprobe/tcp_time_wait")
int BPF_KPROBE(tw_enter_kprobe, struct sock *sk, int state)
{
	reason_set((__u64)(unsigned long)sk, 0x100 | (__u32)state);
	return 0;
}

SEC("?kretprobe/inet_twsk_alloc")
int BPF_KRETPROBE(tw_alloc_kretprobe, void *ret)
{
	__u32 zero = 0;
	struct tw_reason *r = bpf_map_lookup_elem(&tw_reasons, &zero);

	if (!r || !(r->why & 0x100) || !r->tw)
		return 0;
	tw_alloc(r->tw, r->why & 0xff, (__u64)(unsigned long)ret);
	r->tw = 0;
	return 0;
}

SEC("?kprobe/inet_twsk_kill")
int BPF_KPROBE(tw_kill_kprobe, struct inet_timewait_sock *tw)
{
	tw_end(tw, EVM_KPROBE);
	return 0;
}

SEC("?kprobe/__inet_twsk_schedule")
int BPF_KPROBE(tw_schedule_kprobe, struct inet_timewait_sock *tw, int timeo, bool rearm)
{
	tw_rearm(tw, rearm, EVM_KPROBE);
	return 0;
}

SEC("?kprobe/tw_timer_handler")
int BPF_KPROBE(tw_timer_kprobe, struct timer_list *timer)
{
	reason_set(tw_of_timer(timer), EVW_EXPIRED);
	return 0;
}

SEC("?kprobe/tcp_timewait_state_process")
int BPF_KPROBE(tw_segment_kprobe, struct inet_timewait_sock *tw)
{
	reason_set((__u64)(unsigned long)tw, EVW_RST);
	return 0;
}

SEC("?kretprobe/tcp_timewait_state_process")
int BPF_KRETPROBE(tw_segment_kretprobe, int ret)
{
	__u32 zero = 0;
	struct tw_reason *r = bpf_map_lookup_elem(&tw_reasons, &zero);

	if (!r || r->why != EVW_RST)
		return 0;
	if (ret == TW_SYN)
		r->why = EVW_REUSED;
	else if (ret == TW_RST)
		r->why = EVW_KILLED;
	else
		r->tw = 0;
	return 0;
}

/* Called with bottom halves off: entry and exit are on one CPU. */
SEC("?kprobe/tcp_twsk_unique")
int BPF_KPROBE(tw_unique_kprobe, struct sock *sk, struct sock *tw)
{
	reason_set((__u64)(unsigned long)tw, EVW_REUSED);
	return 0;
}

SEC("?kretprobe/tcp_twsk_unique")
int BPF_KRETPROBE(tw_unique_kretprobe, int ret)
{
	if (ret != 1)
		reason_set(0, 0);
	return 0;
}
