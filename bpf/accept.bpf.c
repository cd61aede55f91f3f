// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * accept.bpf.c - the task that accept() returned a connection to.
 *
 * fexit writes it into the socket's storage. kprobe and syscall programs may
 * not: they leave it in a bounded hash by cookie (made by the state program at
 * SYN-RECEIVED -> ESTABLISHED), where the socket's next event finds it.
 */
#include "bpf/tcptrail.bpf.h"

/* With TCP Fast Open (RFC 7413) accept() may come before the first event of the
 * socket that gives it a cookie: then its address is the key, and the ports
 * tell that it is still the same. */
struct accepted {
	struct ev_owner owner;
	__u16 lport;
	__be16 rport;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 262144);
	__type(key, __u64);
	__type(value, struct accepted);
} accepted SEC(".maps");

__hidden bool accepted_take(__u64 key, __u16 lport, __be16 rport, struct ev_owner *owner)
{
	struct accepted *found = bpf_map_lookup_elem(&accepted, &key);
	bool same;

	if (!found)
		return false;
	same = found->lport == lport && found->rport == rport;
	if (same)
		*owner = found->owner;
	bpf_map_delete_elem(&accepted, &key);
	return same;
}

static __always_inline void accepted_by_current(struct sock *sk)
{
	__u64 key = BPF_CORE_READ(sk, __sk_common.skc_cookie.counter);
	struct accepted a = {};

	if (!owner_of_task(bpf_get_current_task_btf(), EVO_ACCEPT, &a.owner))
		return;
	if (!key)
		key = (__u64)(unsigned long)sk;
	a.lport = BPF_CORE_READ(sk, __sk_common.skc_num);
	a.rport = BPF_CORE_READ(sk, __sk_common.skc_dport);
	if (bpf_map_update_elem(&accepted, &key, &a, BPF_ANY))
		count(EVC_MAP_FULL);
}

static __always_inline int accepted_typed(struct sock *sk)
{
	struct conn *conn = sk ? conn_get(sk) : NULL;

	if (conn && conn->owner.source != EVO_ACCEPT)
		conn_own(conn, EVO_ACCEPT);
	return 0;
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
		accepted_by_current(sk);
	return 0;
}

SEC("?kretprobe/inet_csk_accept")
int BPF_KRETPROBE(accept_kretprobe, struct sock *sk)
{
	if (sk)
		accepted_by_current(sk);
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
		accepted_by_current(sk);
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
