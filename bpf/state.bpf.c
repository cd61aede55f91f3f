// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * state.bpf.c - transitions of full sockets, from inet_sock_set_state. It fires
 * before the store: sk_state still holds the old state, so only the arguments
 * count.
 *
 * The kernel skips a program that already runs on that CPU, so a softirq that
 * interrupts it loses its event (898 of 100,000 measured). The state program is
 * therefore attached twice: the understudy looks whether the first copy did the
 * work and, where not, does it. What neither saw, the gap check finds: storage
 * remembers the last state and `from` must be that one.
 */
#include "bpf/mib.bpf.h"

/* Transitions handled without storage, where the understudy cannot see it. */
#define MARKERS 4

struct marker {
	__u64 sk;
	__u32 from;
	__u16 to;
	__u16 copies;		/* that have yet to find it */
};

struct markers {
	struct marker at[MARKERS];
	__u32 next;
	__u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct markers);
} marked SEC(".maps");

static __always_inline void mark(__u64 sk, __u32 from, __u32 to, __u16 copies)
{
	__u32 zero = 0;
	struct markers *m = bpf_map_lookup_elem(&marked, &zero);
	__u32 i;

	if (!m || !copies)
		return;
	i = __sync_fetch_and_add(&m->next, 1) & (MARKERS - 1);
	m->at[i].sk = sk;
	m->at[i].from = from;
	m->at[i].to = to;
	m->at[i].copies = copies;
}

static __always_inline bool unmark(__u64 sk, __u32 from, __u32 to)
{
	__u32 zero = 0;
	struct markers *m = bpf_map_lookup_elem(&marked, &zero);

	if (!m)
		return false;
	for (int i = 0; i < MARKERS; i++) {
		if (m->at[i].sk == sk && m->at[i].from == from && m->at[i].to == to) {
			if (!--m->at[i].copies)
				m->at[i].sk = 0;
			return true;
		}
	}
	return false;
}

/*
 * What a first copy did last on this CPU (the end of a socket as 0 -> 0): mostly all
 * that the understudy has to look at. It takes the note away, so that none is left for
 * a later transition of the same kind that the first copy misses. Where a softirq
 * overwrote it, or the task moved to another CPU between the copies, what is known of
 * the socket tells.
 */
struct done {
	__u64 sk;		/* written first; 0: none */
	__u16 from;
	__u16 to;
	__u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct done);
} done SEC(".maps");

static __always_inline void note_done(struct sock *sk, __u32 from, __u32 to)
{
	__u32 zero = 0;
	struct done *d = bpf_map_lookup_elem(&done, &zero);

	if (!d)
		return;
	d->sk = (__u64)(unsigned long)sk;
	barrier();
	d->from = from;
	d->to = to;
}

static __always_inline bool take_done(struct sock *sk, __u32 from, __u32 to)
{
	__u32 zero = 0;
	struct done *d = bpf_map_lookup_elem(&done, &zero);

	if (!d || d->sk != (__u64)(unsigned long)sk || d->from != from || d->to != to)
		return false;
	d->sk = 0;
	return true;
}

/* 6.13 counts references from -1 up and parks the dead far below zero. */
static __always_inline __u32 file_facts(struct file *file)
{
	__s64 refs;

	if (bpf_core_field_exists(struct file___f_ref, f_ref))
		refs = ((struct file___f_ref *)file)->f_ref.refcnt.counter + 1;
	else
		refs = ((struct file___f_count *)file)->f_count.counter;
	return refs > 0 ? EVF_FILE_LIVE : EVF_FILE_DEAD;
}

static __always_inline __u32 bucket_facts(struct sock *sk)
{
	struct net *net = sk->__sk_common.skc_net.net;
	int used, max;

	if (!bpf_core_field_exists(net->ipv4.tcp_death_row.sysctl_max_tw_buckets))
		return EVF_TW_FULL;	/* not readable: may be */
	used = net->ipv4.tcp_death_row.tw_refcount.refs.counter - 1;
	max = net->ipv4.tcp_death_row.sysctl_max_tw_buckets;
	return used >= max ? EVF_TW_FULL : 0;
}

static __always_inline __u32 socket_facts(struct sock *sk)
{
	unsigned long flags = sk->__sk_common.skc_flags;
	struct socket *socket = sk->sk_socket;
	__u32 facts = 0;

	if (flags & (1UL << SOCK_DEAD))
		facts |= EVF_SOCK_DEAD;
	if (flags & (1UL << SOCK_DONE))
		facts |= EVF_SOCK_DONE;
	if (flags & (1UL << SOCK_LINGER) && !sk->sk_lingertime)
		facts |= EVF_LINGER0;
	if (!socket)
		return facts | EVF_NO_SOCKET;
	if (socket->file)
		facts |= file_facts(socket->file);
	return facts;
}

/* Bytes that the application has not read; a FIN takes one sequence number. */
static __always_inline __u32 unread_bytes(struct tcp_sock *tp, __u32 facts)
{
	__s32 unread = tp->rcv_nxt - tp->copied_seq - (facts & EVF_SOCK_DONE ? 1 : 0);

	return unread > 0 ? unread : 0;
}

static __always_inline __u32 tcp_facts(struct tcp_sock *tp, struct conn *conn)
{
	__u32 facts = 0;

	if (tp->linger2 < 0)
		facts |= EVF_LINGER2_NEG;
	if (!tp->segs_out)
		facts |= EVF_NOTHING_SENT;
	if (tp->snd_una == tp->write_seq)
		facts |= EVF_ALL_ACKED;
	if (conn && tp->data_segs_in != conn->data_segs_in)
		facts |= EVF_DATA_AFTER_CLOSE;
	return facts;
}

static __always_inline void collect_facts(struct sock *sk, struct tcp_sock *tp, struct conn *conn,
					  struct ev_state *e)
{
	if (only_listeners) {	/* of a connect() that found no port, by found_no_port() */
		e->facts |= tp ? tcp_facts(tp, conn) : 0;
		return;
	}
	e->facts |= socket_facts(sk);
	if (bpf_get_current_task_btf()->flags & PF_EXITING)
		e->facts |= EVF_EXITING;
	if (tp) {
		e->facts |= tcp_facts(tp, conn);
		e->unread = unread_bytes(tp, e->facts);
		e->user_timeout_ms = tp->inet_conn.icsk_user_timeout;
		e->retransmits = tp->inet_conn.icsk_retransmits;
	}
	e->err = sk->sk_err;
	e->err_soft = sk->sk_err_soft;
	e->shutdown = sk->sk_shutdown;
	if (conn)
		e->facts |= conn->facts;
	if (attached.abort)
		e->facts |= EVF_ABORT_HOOKED;
	if (attached.tw_alloc)
		e->facts |= EVF_TW_HOOKED;
	if (e->to == EVS_CLOSE) {
		if (attached.notes)
			e->facts |= note_take((__u64)(unsigned long)sk);
		if (e->from == EVS_FIN_WAIT2 || e->from == EVS_CLOSING)
			e->facts |= bucket_facts(sk);
	}
}

/* What this transition means for what is known of the socket. */
static __always_inline void remember(struct sock *sk, struct tcp_sock *tp, struct conn *conn,
				     const struct ev_state *e)
{
	if (want_connection)
		life_step(conn, tp, e);
	conn->since_ns = e->head.ts_ns;
	conn->lower = 0;
	conn->state = e->to;
	if (e->to == EVS_ESTABLISHED && conn->role == EVR_SERVER)
		conn->opened_ns = e->head.ts_ns;
	if (e->to == EVS_FIN_WAIT1 && tp)
		conn->data_segs_in = tp->data_segs_in;
	if (e->to == EVS_CLOSE || e->to == EVS_SYN_SENT)
		conn->facts = 0;
}

/* A socket may connect() again once it was closed. */
static __always_inline void conn_reborn(struct conn *conn)
{
	conn->facts = 0;
	conn->began_ns = 0;
	conn->began_lower = 0;
	conn->first_close = 0;
	conn->syns_resent = 0;
	__builtin_memset(conn->in_ns, 0, sizeof(conn->in_ns));
}

/* Process context, by the kernel's own callers: connect() and listen(). */
static __always_inline void birth(struct conn *conn, __u32 from, __u32 to)
{
	if (from == EVS_CLOSE && to == EVS_SYN_SENT) {
		conn_reborn(conn);
		conn->role = EVR_CLIENT;
		conn_own(conn, EVO_CONNECT);
	} else if (from == EVS_CLOSE && to == EVS_LISTEN) {
		conn->role = EVR_LISTENER;
		conn_own(conn, EVO_LISTEN);
	} else if (from == EVS_LISTEN && to == EVS_SYN_RECV) {
		/* The loser of two CPUs that make a child of one request is freed
		 * without an end: what it left may be here, without a cookie. */
		if (conn->state)
			conn_blank(conn);
		conn->cookie = 0;	/* up to 6.12 its listener's */
		conn->role = EVR_SERVER;
	}
}

/* A child's owner is its listener's until accept(): looked up once, here, where
 * its own address is either set or still the listener's. */
static __always_inline void inherit(struct sock *sk, struct tcp_sock *tp, struct conn *conn)
{
	struct ev_owner listener = {};
	struct ev_sock at = {};

	sock_describe(sk, tp, &at);
	if (!listener_find(&at, sk->__sk_common.skc_family == AF_INET6, &listener))
		return;
	if (listener.source == EVO_NONE)
		conn->mixed = 1;
	else
		conn_set_owner(conn, &listener);
}

static __always_inline void keep_counters(struct sock *sk, __u64 cookie, __u32 netns)
{
	if (mib.listen_drops && attached.netns_counts)
		listening_counted(mib_base(sk), cookie, netns);
}

static __always_inline void keep_listeners(struct sock *sk, const struct ev_state *e)
{
	if (e->to == EVS_LISTEN) {
		listener_add(&e->sock, &e->sock.owner);
		listening_begin(sk, NULL);
		keep_counters(sk, e->sock.cookie, 0);
	} else if (e->from == EVS_LISTEN && e->to == EVS_CLOSE) {
		listener_del(&e->sock);
		listening_end(sk);
		keep_counters(sk, e->sock.cookie, e->sock.netns);
	}
}

/* An orphan that nothing reset or lingers out of: it can only have moved. The
 * same rule as user/cause.c's, for where no hook sees the allocation. */
static __always_inline bool moved_unseen(const struct ev_state *e)
{
	return attached.fin_dropped && e->from == EVS_FIN_WAIT2 && e->to == EVS_CLOSE && !e->err &&
	       e->facts & EVF_SOCK_DEAD &&
	       !(e->facts & (EVF_SOCK_DONE | EVF_TW_ALLOC | EVF_TW_ALLOC_FW2 | EVF_TW_NULL |
			     EVF_TW_HOOKED | EVF_TW_FULL | EVF_RST_IN | EVF_RST_OUT |
			     EVF_LINGER2_NEG));
}

/* In the place of the record that made it, of which it is a copy but for its end:
 * the stack has no room for both. */
static __always_inline void tell_early_move(struct ev_state *e)
{
	struct ev_timewait *tw = (void *)e;

	tw->from = EVS_FIN_WAIT2;
	tw->to = EVS_TIME_WAIT;
	tw->why = EVW_FIN;
	stamp(&tw->head, EV_TIMEWAIT,
	      attached.tw_alloc ? EVM_FENTRY : attached.tw ? EVM_KPROBE : EVM_TP_BTF, sizeof(*tw));
	tw->sock.state = EVS_TIME_WAIT;
	if ((want_state || want_connection) && sock_wanted(&tw->sock, 0))
		emit(&tw->head, sizeof(*tw));
}

static __always_inline void keep_mini(struct ev_state *e)
{
	if (attached.tw && e->facts & EVF_TW_ALLOC)
		timewait_begin(&e->sock, e->head.ts_ns, EVS_TIME_WAIT);
	else if (((attached.tw && e->facts & EVF_TW_ALLOC_FW2) || moved_unseen(e)) &&
		 timewait_orphan(&e->sock, e->since_ns))
		tell_early_move(e);
}

/* Nobody wants to know of it: what a record would need is not collected. */
static __always_inline bool told(__u32 from, __u32 to)
{
	return want_state || to == EVS_CLOSE || to == EVS_LISTEN || from == EVS_LISTEN;
}

/* connect() failed in the call, before or while it chose a port. */
static __always_inline bool found_no_port(const struct ev_state *e)
{
	return e->from == EVS_SYN_SENT && e->to == EVS_CLOSE && e->facts & EVF_NOTHING_SENT &&
	       !e->sock.lport;
}

/* The birth of a child: up to 6.12 it still carries its listener's cookie and no
 * peer. It is told at its next event, whose `from` it is. */
static __always_inline void child_born(struct sock *sk, struct tcp_sock *tp, struct conn *conn,
				       const struct ev_state *e)
{
	if (!conn)
		return;
	if (!only_listeners)
		inherit(sk, tp, conn);
	remember(sk, tp, conn, e);
	if (attached.requests && !only_listeners)
		request_child(conn);
}

/* Does it go on from where we left it? */
static __always_inline void check_gap(struct conn *conn, struct ev_state *e, __u32 from)
{
	if (conn)
		conn_follow(conn);
	if (e->stored && e->stored != from)
		count(EVC_GAPS);
	/* Nobody's file held it when we looked, or no program ran at its birth. */
	if (conn && !e->stored && from != EVS_CLOSE && attached.settled) {
		count(EVC_LATE);
		e->sock.flags |= EVSK_LATE;
	}
}

static __always_inline void transition(struct sock *sk, __u32 from, __u32 to, struct conn *conn,
				       __u32 facts)
{
	struct ev_state e = { .from = from, .to = to, .facts = facts };
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
	__u64 cookie;

	stamp(&e.head, EV_STATE, EVM_TP_BTF, sizeof(e));
	if (conn) {
		birth(conn, from, to);
		e.stored = conn->state;
		e.since_ns = conn->since_ns;
	}
	if (from == EVS_LISTEN && to == EVS_SYN_RECV) {
		child_born(sk, tp, conn, &e);
		return;
	}
	check_gap(conn, &e, from);
	cookie = bpf_get_socket_cookie(sk);
	if (conn)
		conn->cookie = cookie;
	if (conn && !told(from, to)) {
		remember(sk, tp, conn, &e);
		return;
	}
	sock_describe(sk, tp, &e.sock);
	sock_own(sk, conn, cookie, &e.sock);
	e.sock.state = to;
	collect_facts(sk, tp, conn, &e);
	e.sk = (__u64)(unsigned long)sk;
	if (attached.connect_returns && found_no_port(&e))
		limit_no_port(&e.sock);
	if (conn)
		remember(sk, tp, conn, &e);
	keep_listeners(sk, &e);
	if (want_state && move_wanted(&e, EV_STATE))
		emit(&e.head, sizeof(e));
	else
		count(EVC_FILTERED);
	if (want_connection && to == EVS_CLOSE && from != EVS_LISTEN && move_wanted(&e, EV_CONNECTION))
		life_tell(conn, tp, &e);
	/* After the record: what a hook tells of the mini-socket follows it. */
	if (!only_listeners)
		keep_mini(&e);
}

static __always_inline void first_copy(struct sock *sk, int from, int to)
{
	struct conn *conn;

	if (sk->sk_protocol != IPPROTO_TCP || from == to) {
		count(EVC_IGNORED_1);
		return;
	}
	conn = conn_get(sk);
	if (!conn)
		mark((__u64)(unsigned long)sk, from, to, attached.more_copies ? 3 : 1);
	transition(sk, from, to, conn, 0);
	if (conn)
		note_done(sk, from, to);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(state, struct sock *sk, int from, int to)
{
	first_copy(sk, from, to);
	return 0;
}

/* `copies` come after this one. */
static __always_inline void later_copy(struct sock *sk, int from, int to, __u16 copies)
{
	struct conn *conn;

	if (sk->sk_protocol != IPPROTO_TCP || from == to) {
		count(EVC_IGNORED_2);
		return;
	}
	conn = conn_find(sk);
	if (conn && conn->state == (__u32)to)
		return;
	if (!conn && unmark((__u64)(unsigned long)sk, from, to))
		return;
	count(EVC_RECOVERED);
	if (!conn)
		conn = conn_get(sk);
	if (!conn)
		mark((__u64)(unsigned long)sk, from, to, copies);
	transition(sk, from, to, conn, EVF_UNDERSTUDY);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(state_understudy, struct sock *sk, int from, int to)
{
	if (take_done(sk, from, to))
		return 0;
	later_copy(sk, from, to, attached.more_copies ? 2 : 0);
	return 0;
}

/* Where programs are preemptible two copies are not enough: 8 of 400 transitions
 * lost on 7.3 with 34 processes on 2 CPUs, emulated. */
SEC("?tp_btf/inet_sock_set_state")
int BPF_PROG(state_third, struct sock *sk, int from, int to)
{
	later_copy(sk, from, to, 1);
	return 0;
}

SEC("?tp_btf/inet_sock_set_state")
int BPF_PROG(state_fourth, struct sock *sk, int from, int to)
{
	later_copy(sk, from, to, 0);
	return 0;
}

/* The socket ended in another state: the programs were not called for its last
 * transition. */
static __always_inline void tell_no_end(struct sock *sk, struct conn *conn)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
	struct ev_state e = { .to = EVS_CLOSE };

	count(EVC_NO_END);
	stamp(&e.head, EV_STATE, EVM_GAP, sizeof(e));
	e.from = e.stored = conn->state;
	e.since_ns = conn->since_ns;
	sock_describe(sk, tp, &e.sock);
	sock_own(sk, conn, bpf_get_socket_cookie(sk), &e.sock);
	e.sock.state = EVS_CLOSE;
	collect_facts(sk, tp, conn, &e);
	keep_listeners(sk, &e);
	if (want_state && move_wanted(&e, EV_STATE))
		emit(&e.head, sizeof(e));
	if (want_connection && e.from != EVS_LISTEN && move_wanted(&e, EV_CONNECTION)) {
		life_step(conn, tp, &e);
		life_tell(conn, tp, &e);
	}
}

/* The end of every full socket. Its last transition was to CLOSED, or it never
 * had one. */
static __always_inline void end_of(struct sock *sk)
{
	struct conn *conn = conn_find(sk);

	if (!conn || conn->ended)
		return;
	conn->ended = 1;
	if (conn->born)
		count(EVC_ENDED);
	if (conn->state && conn->state != EVS_CLOSE)
		tell_no_end(sk, conn);
	conn_end(sk);
}

/* Twice, as the state program is and for the same reason. */
SEC("?tp_btf/tcp_destroy_sock")
int BPF_PROG(sock_end, struct sock *sk)
{
	end_of(sk);
	note_done(sk, 0, 0);
	return 0;
}

SEC("?tp_btf/tcp_destroy_sock")
int BPF_PROG(sock_end_understudy, struct sock *sk)
{
	if (!take_done(sk, 0, 0))
		end_of(sk);
	return 0;
}
