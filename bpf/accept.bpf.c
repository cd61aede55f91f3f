// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * accept.bpf.c - the task that accept() returned a connection to.
 */
#include "bpf/tcptrail.bpf.h"

static __always_inline int accepted_by_current(struct conn *conn)
{
	if (conn && conn->owner.source != EVO_ACCEPT)
		conn_own(conn, EVO_ACCEPT);
	return 0;
}

static __always_inline int accepted_typed(struct sock *sk)
{
	return sk ? accepted_by_current(conn_get(sk)) : 0;
}

/* Of kprobes and system calls: to the verifier the socket is a number. */
static __always_inline int accepted_soft(struct sock *sk)
{
	__u64 cookie = BPF_CORE_READ(sk, __sk_common.skc_cookie.counter);

	return accepted_by_current(conn_get_by((__u64)(unsigned long)sk, cookie));
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
		accepted_soft(sk);
	return 0;
}

SEC("?kretprobe/inet_csk_accept")
int BPF_KRETPROBE(accept_kretprobe, struct sock *sk)
{
	if (sk)
		accepted_soft(sk);
	return 0;
}

/* Not seen here: io_uring, callers of the 32-bit table, and MPTCP, whose file
 * holds another socket than the one that carries the connection. */
static __always_inline void accepted_file(long fd)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct fdtable *fdt = task->files->fdt;
	struct socket *socket;
	struct file *file;
	struct sock *sk;

	if (fd < 0 || (__u32)fd >= fdt->max_fds)
		return;
	/* From the table on, all are scalars to the verifier: read softly. */
	if (bpf_probe_read_kernel(&file, sizeof(file), fdt->fd + fd))
		return;
	socket = BPF_CORE_READ(file, private_data);
	/* Another thread may have put another kind of file there meanwhile. */
	if (BPF_CORE_READ(socket, file) != file)
		return;
	sk = BPF_CORE_READ(socket, sk);
	if (BPF_CORE_READ(sk, sk_protocol) == IPPROTO_TCP)
		accepted_soft(sk);
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
