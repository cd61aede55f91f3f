// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * accept.bpf.c - the task that accept() returned a connection to, and how long
 * the connection waited for it.
 */
#include "bpf/fd.bpf.h"

/*
 * The listener is the call's first argument. By io_uring and by 32-bit callers
 * that is something else: then it is no listener of this port, and not known.
 */
static __always_inline struct sock *listener_of_call(const struct ev_sock *child)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);
	struct sock *sk = sock_of_fd(task, (int)PT_REGS_PARM1_CORE_SYSCALL(regs));

	if (!sk || BPF_CORE_READ(sk, sk_protocol) != IPPROTO_TCP ||
	    BPF_CORE_READ(sk, __sk_common.skc_state) != EVS_LISTEN ||
	    BPF_CORE_READ(sk, __sk_common.skc_num) != child->lport ||
	    BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum) != child->netns)
		return NULL;
	return sk;
}

static __always_inline __u64 waited(const struct conn *conn, __u64 now)
{
	return conn->opened_ns && now >= conn->opened_ns ? now - conn->opened_ns : ~0ULL;
}

static __always_inline void tell(struct sock *sk, struct conn *conn, __u8 method)
{
	struct ev_accept e = {};
	struct sock *listener;

	stamp(&e.head, EV_ACCEPT, method, sizeof(e));
	e.wait_ns = waited(conn, e.head.ts_ns);
	if (!want_waits && accept_over_ns && (e.wait_ns == ~0ULL || e.wait_ns < accept_over_ns))
		return;
	sock_describe_common(&sk->__sk_common, &e.sock);
	e.sock.uid = BPF_CORE_READ(sk, sk_uid.val);
	e.sock.cgroup = BPF_CORE_READ(sk, sk_cgrp_data.cgroup, kn, id);
	e.sock.role = EVR_SERVER;
	e.sock.owner = conn->owner;
	listener = listener_of_call(&e.sock);
	if (listener) {
		e.accept_queue = BPF_CORE_READ(listener, sk_ack_backlog);
		e.backlog = BPF_CORE_READ(listener, sk_max_ack_backlog);
	}
	if (listener && want_waits)
		wait_keep((__u64)(unsigned long)listener,
			  BPF_CORE_READ(listener, __sk_common.skc_cookie.counter), e.wait_ns,
			  e.head.ts_ns);
	if (!want_accept || !sock_wanted(&e.sock, filter_event(EV_ACCEPT, 0)))
		return;
	emit(&e.head, sizeof(e));
}

/* Somebody is refused somewhere: user space wants to know how fast the others are taken. */
static __always_inline void count_accept(struct sock *sk)
{
	struct ev_sock child = {};

	if (bpf_ktime_get_ns() >= accepts_until_ns)
		return;
	sock_describe_common(&sk->__sk_common, &child);
	listener_accepted(&child, BPF_CORE_READ(sk, __sk_common.skc_family) == AF_INET6);
}

/* Once for each connection: two hooks may see the same accept(). */
static __always_inline int accepted(struct sock *sk, struct conn *conn, __u8 method)
{
	if (!conn || conn->owner.source == EVO_ACCEPT)
		return 0;
	conn_own(conn, EVO_ACCEPT);
	if (want_connection)
		conn->accepted_ns = bpf_ktime_get_ns();
	if (want_accept || want_waits)
		tell(sk, conn, method);
	if (accepts_until_ns)
		count_accept(sk);
	return 0;
}

static __always_inline int accepted_typed(struct sock *sk)
{
	return sk ? accepted(sk, conn_get(sk), EVM_FENTRY) : 0;
}

/* Of kprobes and system calls: to the verifier the socket is a number. */
static __always_inline int accepted_soft(struct sock *sk, __u8 method)
{
	__u64 cookie = BPF_CORE_READ(sk, __sk_common.skc_cookie.counter);

	return accepted(sk, conn_get_by((__u64)(unsigned long)sk, cookie), method);
}

/* Two arguments since Linux 6.10 (92ef0fd55ac8, "net: change proto and
 * proto_ops accept type"), four before; the result comes after the last. */
SEC("?fexit/inet_csk_accept")
int BPF_PROG(accept_fexit_2, struct sock *listener, void *arg, struct sock *sk)
{
	return accepted_typed(sk);
}

SEC("?fexit/inet_csk_accept")
int BPF_PROG(accept_fexit_4, struct sock *listener, int flags, int *err, bool kern,
	     struct sock *sk)
{
	return accepted_typed(sk);
}

/*
 * sock_graft() gives the connection its file's socket: later than
 * inet_csk_accept(), but by its arguments. A hook on a return is armed at the
 * entry: tasks asleep in accept() when it came are not seen, and kretprobes
 * follow no more than ten of them at once (register_kretprobe(), maxactive).
 */
SEC("?fentry/security_sock_graft")
int BPF_PROG(accept_graft_fentry, struct sock *sk)
{
	if (sk->sk_protocol != IPPROTO_TCP)
		return 0;
	return accepted_typed(sk);
}

SEC("?kprobe/security_sock_graft")
int BPF_KPROBE(accept_graft_kprobe, struct sock *sk)
{
	if (BPF_CORE_READ(sk, sk_protocol) == IPPROTO_TCP)
		accepted_soft(sk, EVM_KPROBE);
	return 0;
}

SEC("?kretprobe/inet_csk_accept")
int BPF_KRETPROBE(accept_kretprobe, struct sock *sk)
{
	if (sk)
		accepted_soft(sk, EVM_KPROBE);
	return 0;
}

/* Not seen here: io_uring, callers of the 32-bit table, and MPTCP, whose file
 * holds another socket than the one that carries the connection. */
static __always_inline void accepted_file(long fd)
{
	struct sock *sk = sock_of_fd(bpf_get_current_task_btf(), fd);

	if (sk && BPF_CORE_READ(sk, sk_protocol) == IPPROTO_TCP)
		accepted_soft(sk, EVM_TRACEPOINT);
}

/* Returning 0 here would starve perf users of the same tracepoint. */
SEC("?tp/syscalls/sys_exit_accept4")
int accept_sys_exit4(struct sys_exit_args *ctx)
{
	accepted_file(ctx->ret);
	return 1;
}

SEC("?tp/syscalls/sys_exit_accept")
int accept_sys_exit(struct sys_exit_args *ctx)
{
	accepted_file(ctx->ret);
	return 1;
}
