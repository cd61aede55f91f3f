// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * limit.bpf.c - calls that fail at a limit, or are cut to one: accept() and socket()
 * without a descriptor left, connect() and bind() to port 0 without a local port,
 * listen() beyond somaxconn.
 *
 * Of a call that succeeds a hook compares the result and returns. What the limit is
 * where the kernel has it in a sysctl, user space looks up.
 */
#include "bpf/fd.bpf.h"

#define ENFILE		23
#define EMFILE		24
#define EADDRINUSE	98
#define EADDRNOTAVAIL	99
#define RLIMIT_NOFILE	7
#define SOCK_STREAM	1
#define SOCK_TYPE_MASK	0xf
#define IPPROTO_MPTCP	262

/* connect() that found no port, between its last transition and its return. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);		/* pid and tgid */
	__type(value, struct ev_sock);
} no_ports SEC(".maps");

__hidden int limit_no_port(const struct ev_sock *sock)
{
	__u64 who = bpf_get_current_pid_tgid();

	bpf_map_update_elem(&no_ports, &who, sock, BPF_ANY);
	return 0;
}

static __always_inline void begin(struct ev_limit *e, __u8 method, __u8 call, __u8 limit, __u32 err)
{
	stamp(&e->head, EV_LIMIT, method, sizeof(*e));
	e->call = call;
	e->limit = limit;
	e->err = err;
}

/* Who calls owns it, whoever opened the socket. */
static __always_inline void tell(struct ev_limit *e)
{
	owner_of_task(bpf_get_current_task_btf(), EVO_CALL, &e->sock.owner);
	e->sock.cgroup = bpf_get_current_cgroup_id();
	if (sock_wanted(&e->sock, filter_event(EV_LIMIT, e->err & 0xff)) &&
	    bucket_pass(EV_LIMIT, e->call, ev_limit_reason(e->limit, e->err), &e->sock,
			e->head.ts_ns))
		emit(&e->head, sizeof(*e));
}

/* A listener of MPTCP is another socket than its first subflow's. */
static __always_inline bool is_tcp(struct sock *sk)
{
	__u16 protocol = BPF_CORE_READ(sk, sk_protocol);

	return protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP;
}

static __always_inline void begin_files(struct ev_limit *e, __u8 method, __u8 call, long ret)
{
	struct task_struct *task = bpf_get_current_task_btf();

	begin(e, method, call, ret == -EMFILE ? EVL_OPEN_FILES : EVL_FILE_MAX, -ret);
	if (ret != -EMFILE)
		return;
	e->value = task->signal->rlim[RLIMIT_NOFILE].rlim_cur;
	e->hard = task->signal->rlim[RLIMIT_NOFILE].rlim_max;
}

/* The descriptor comes before the connection is taken off the queue, where it stays. */
static __always_inline void accept_failed(long fd, long ret, __u8 method)
{
	bool four = call_number(call_regs()) == NR_ACCEPT4;
	struct ev_limit e = {};
	struct sock *sk = sock_of_fd(bpf_get_current_task_btf(), fd);

	if (!sk || !is_tcp(sk) || BPF_CORE_READ(sk, __sk_common.skc_state) != EVS_LISTEN)
		return;
	begin_files(&e, method, four ? EVL_ACCEPT4 : EVL_ACCEPT, ret);
	sock_describe_common(&sk->__sk_common, &e.sock);
	e.sock.uid = BPF_CORE_READ(sk, sk_uid.val);
	e.sock.role = EVR_LISTENER;
	/* The queue of an MPTCP listener is its subflow's. */
	if (BPF_CORE_READ(sk, sk_protocol) == IPPROTO_TCP) {
		e.accept_queue = BPF_CORE_READ(sk, sk_ack_backlog);
		e.backlog = BPF_CORE_READ(sk, sk_max_ack_backlog);
		e.flags = EVLF_QUEUE;
	}
	tell(&e);
}

static __always_inline void socket_failed(int family, int type, long ret, __u8 method)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct ev_limit e = {};

	if ((family != AF_INET && family != AF_INET6) || (type & SOCK_TYPE_MASK) != SOCK_STREAM)
		return;
	begin_files(&e, method, EVL_SOCKET, ret);
	e.sock.family = family == AF_INET ? 4 : 6;
	e.sock.netns = BPF_CORE_READ(task, nsproxy, net_ns, ns.inum);
	e.sock.uid = (__u32)-1;
	tell(&e);
}

static __always_inline bool no_descriptor(long ret)
{
	return ret == -EMFILE || ret == -ENFILE;
}

/* IP_LOCAL_PORT_RANGE (Linux 6.3): its own, not the namespace's. Known where it is one
 * number (Linux 6.8). */
static __always_inline __u8 port_flags(struct sock *sk)
{
	struct inet_sock___own_range *inet = (void *)sk;

	if (!bpf_core_field_exists(inet->local_port_range))
		return 0;
	return BPF_CORE_READ(inet, local_port_range) ? EVLF_OWN_RANGE : 0;
}

/* A socket that has a port, and meets another one with both its ends: the error is the
 * same, but no port is missing. */
static __always_inline void connect_failed(struct sock *sk, __u8 method)
{
	struct ev_limit e = {};

	if (BPF_CORE_READ(sk, __sk_common.skc_num))
		return;
	begin(&e, method, EVL_CONNECT, EVL_LOCAL_PORTS, EADDRNOTAVAIL);
	sock_describe_common(&sk->__sk_common, &e.sock);
	e.sock.state = 0;
	e.sock.uid = BPF_CORE_READ(sk, sk_uid.val);
	e.sock.role = EVR_CLIENT;
	e.flags = port_flags(sk);
	tell(&e);
}

/*
 * By the system call alone EADDRNOTAVAIL may also be an address that is not ours. Then
 * connect() did not come as far as SYN-SENT; the state program says when it did, and
 * failed there without a port.
 */
static __always_inline void connect_returned(void)
{
	struct sock *sk = sock_of_fd(bpf_get_current_task_btf(),
				     (int)PT_REGS_PARM1_CORE_SYSCALL(call_regs()));
	__u64 who = bpf_get_current_pid_tgid();
	struct ev_sock *note = bpf_map_lookup_elem(&no_ports, &who);
	struct ev_limit e = {};

	if (!note)
		return;
	e.sock = *note;
	bpf_map_delete_elem(&no_ports, &who);
	if (!sk || (__u64)BPF_CORE_READ(sk, __sk_common.skc_cookie.counter) != e.sock.cookie)
		return;
	begin(&e, EVM_TRACEPOINT, EVL_CONNECT, EVL_LOCAL_PORTS, EADDRNOTAVAIL);
	e.sock.state = 0;
	e.flags = port_flags(sk);
	tell(&e);
}

static __always_inline void no_port_for(struct sock *sk, struct ev_limit *e)
{
	e->sock.uid = BPF_CORE_READ(sk, sk_uid.val);
	e->sock.state = 0;
	e->flags = port_flags(sk);
	tell(e);
}

/* get_port() was asked for any port. listen() asks, too, for a socket without one. */
static __always_inline void bind_failed(struct sock *sk)
{
	bool listen = call_number(call_regs()) == NR_LISTEN;
	struct ev_limit e = {};

	begin(&e, EVM_FENTRY, listen ? EVL_LISTEN : EVL_BIND, EVL_LOCAL_PORTS, EADDRINUSE);
	sock_describe_common(&sk->__sk_common, &e.sock);
	no_port_for(sk, &e);
}

/* What bind() was asked for, from the caller's memory. false: a port. */
static __always_inline bool asked_any_port(struct pt_regs *regs, struct ev_sock *out)
{
	const char *address = (const char *)PT_REGS_PARM2_CORE_SYSCALL(regs);
	__u16 family = 0, port = 0;

	if (bpf_probe_read_user(&family, sizeof(family), address) ||
	    bpf_probe_read_user(&port, sizeof(port), address + 2) || port)
		return false;
	__builtin_memset(out->laddr, 0, sizeof(out->laddr));
	if (family == AF_INET)
		bpf_probe_read_user(out->laddr, 4, address + 4);
	else if (family == AF_INET6 && out->family == 6)
		bpf_probe_read_user(out->laddr, 16, address + 8);
	return true;
}

static __always_inline void bind_returned(__u8 method)
{
	struct pt_regs *regs = call_regs();
	bool listen = call_number(regs) == NR_LISTEN;
	struct sock *sk = sock_of_fd(bpf_get_current_task_btf(),
				     (int)PT_REGS_PARM1_CORE_SYSCALL(regs));
	struct ev_limit e = {};

	if (!sk || !is_tcp(sk) || (!listen && call_number(regs) != NR_BIND))
		return;
	sock_describe_common(&sk->__sk_common, &e.sock);
	if (listen ? e.sock.lport : !asked_any_port(regs, &e.sock))
		return;
	begin(&e, method, listen ? EVL_LISTEN : EVL_BIND, EVL_LOCAL_PORTS, EADDRINUSE);
	no_port_for(sk, &e);
}

static __always_inline void listen_returned(__u8 method)
{
	struct pt_regs *regs = call_regs();
	struct sock *sk = sock_of_fd(bpf_get_current_task_btf(),
				     (int)PT_REGS_PARM1_CORE_SYSCALL(regs));
	__u32 asked = PT_REGS_PARM2_CORE_SYSCALL(regs);
	struct ev_limit e = {};
	struct net *net;

	if (call_number(regs) != NR_LISTEN || !sk || !is_tcp(sk) ||
	    BPF_CORE_READ(sk, __sk_common.skc_state) != EVS_LISTEN)
		return;
	net = BPF_CORE_READ(sk, __sk_common.skc_net.net);
	e.value = (__u32)BPF_CORE_READ(net, core.sysctl_somaxconn);
	if (asked <= e.value)
		return;
	begin(&e, method, EVL_LISTEN, EVL_SOMAXCONN, 0);
	sock_describe_common(&sk->__sk_common, &e.sock);
	e.sock.uid = BPF_CORE_READ(sk, sk_uid.val);
	e.sock.role = EVR_LISTENER;
	e.asked = asked;
	tell(&e);
}

SEC("?fexit/__sys_accept4")
int BPF_PROG(limit_accept_fexit, int fd, void *address, void *len, int flags, int ret)
{
	first_of_calls(TWICE_ACCEPT);
	if (no_descriptor(ret))
		accept_failed(fd, ret, EVM_FENTRY);
	return 0;
}

SEC("?fexit/__sys_accept4")
int BPF_PROG(limit_accept_understudy, int fd, void *address, void *len, int flags, int ret)
{
	if (call_left_to_second(TWICE_ACCEPT) && no_descriptor(ret))
		accept_failed(fd, ret, EVM_FENTRY);
	return 0;
}

SEC("?kretprobe/__sys_accept4")
int BPF_KRETPROBE(limit_accept_kretprobe, int ret)
{
	if (no_descriptor(ret))
		accept_failed((int)PT_REGS_PARM1_CORE_SYSCALL(call_regs()), ret, EVM_KPROBE);
	return 0;
}

static __always_inline int accept_exit(struct sys_exit_args *ctx)
{
	if (no_descriptor(ctx->ret))
		accept_failed((int)PT_REGS_PARM1_CORE_SYSCALL(call_regs()), ctx->ret,
			      EVM_TRACEPOINT);
	return 1;
}

SEC("?tp/syscalls/sys_exit_accept4")
int limit_accept4_exit(struct sys_exit_args *ctx)
{
	return accept_exit(ctx);
}

SEC("?tp/syscalls/sys_exit_accept")
int limit_accept_exit(struct sys_exit_args *ctx)
{
	return accept_exit(ctx);
}

SEC("?fexit/__sys_socket")
int BPF_PROG(limit_socket_fexit, int family, int type, int protocol, int ret)
{
	first_of_calls(TWICE_SOCKET);
	if (no_descriptor(ret))
		socket_failed(family, type, ret, EVM_FENTRY);
	return 0;
}

SEC("?fexit/__sys_socket")
int BPF_PROG(limit_socket_understudy, int family, int type, int protocol, int ret)
{
	if (call_left_to_second(TWICE_SOCKET) && no_descriptor(ret))
		socket_failed(family, type, ret, EVM_FENTRY);
	return 0;
}

static __always_inline void socket_returned(long ret, __u8 method)
{
	struct pt_regs *regs = call_regs();

	if (call_number(regs) == NR_SOCKET)
		socket_failed(PT_REGS_PARM1_CORE_SYSCALL(regs), PT_REGS_PARM2_CORE_SYSCALL(regs),
			      ret, method);
}

SEC("?kretprobe/__sys_socket")
int BPF_KRETPROBE(limit_socket_kretprobe, int ret)
{
	if (no_descriptor(ret))
		socket_returned(ret, EVM_KPROBE);
	return 0;
}

SEC("?tp/syscalls/sys_exit_socket")
int limit_socket_exit(struct sys_exit_args *ctx)
{
	if (no_descriptor(ctx->ret))
		socket_returned(ctx->ret, EVM_TRACEPOINT);
	return 1;
}

SEC("?fexit/inet_hash_connect")
int BPF_PROG(limit_connect_fexit, void *death_row, struct sock *sk, int ret)
{
	first_of_calls(TWICE_CONNECT);
	if (ret == -EADDRNOTAVAIL)
		connect_failed(sk, EVM_FENTRY);
	return 0;
}

SEC("?fexit/inet_hash_connect")
int BPF_PROG(limit_connect_understudy, void *death_row, struct sock *sk, int ret)
{
	if (call_left_to_second(TWICE_CONNECT) && ret == -EADDRNOTAVAIL)
		connect_failed(sk, EVM_FENTRY);
	return 0;
}

SEC("?fexit/inet6_hash_connect")
int BPF_PROG(limit_connect6_fexit, void *death_row, struct sock *sk, int ret)
{
	first_of_calls(TWICE_CONNECT);
	if (ret == -EADDRNOTAVAIL)
		connect_failed(sk, EVM_FENTRY);
	return 0;
}

SEC("?fexit/inet6_hash_connect")
int BPF_PROG(limit_connect6_understudy, void *death_row, struct sock *sk, int ret)
{
	if (call_left_to_second(TWICE_CONNECT) && ret == -EADDRNOTAVAIL)
		connect_failed(sk, EVM_FENTRY);
	return 0;
}

/* Its socket is the first argument of whatever call sends the SYN. */
static __always_inline void connect_soft(void)
{
	struct sock *sk = sock_of_fd(bpf_get_current_task_btf(),
				     (int)PT_REGS_PARM1_CORE_SYSCALL(call_regs()));

	if (sk && BPF_CORE_READ(sk, sk_protocol) == IPPROTO_TCP &&
	    BPF_CORE_READ(sk, __sk_common.skc_state) == EVS_SYN_SENT)
		connect_failed(sk, EVM_KPROBE);
}

SEC("?kretprobe/inet_hash_connect")
int BPF_KRETPROBE(limit_connect_kretprobe, int ret)
{
	if (ret == -EADDRNOTAVAIL)
		connect_soft();
	return 0;
}

SEC("?kretprobe/inet6_hash_connect")
int BPF_KRETPROBE(limit_connect6_kretprobe, int ret)
{
	if (ret == -EADDRNOTAVAIL)
		connect_soft();
	return 0;
}

/* What the state program says, for who wants nothing else of it: it takes 0.2 s to load. */
SEC("?tp_btf/inet_sock_set_state")
int BPF_PROG(limit_connect_state, struct sock *sk, int from, int to)
{
	struct ev_sock s = {};
	struct tcp_sock *tp;

	if (from != EVS_SYN_SENT || to != EVS_CLOSE || sk->sk_protocol != IPPROTO_TCP)
		return 0;
	tp = bpf_skc_to_tcp_sock(sk);
	if (!tp || tp->segs_out || tp->inet_conn.icsk_inet.inet_sport)
		return 0;
	sock_describe(sk, tp, &s);
	s.cookie = bpf_get_socket_cookie(sk);
	s.uid = sk->sk_uid.val;
	s.role = EVR_CLIENT;
	limit_no_port(&s);
	return 0;
}

SEC("?tp/syscalls/sys_exit_connect")
int limit_connect_exit(struct sys_exit_args *ctx)
{
	if (ctx->ret == -EADDRNOTAVAIL)
		connect_returned();
	return 1;
}

/* 1 up to Linux 5.19, -EADDRINUSE since (7a7160edf1bf, "net: Return errno in
 * sk->sk_prot->get_port()."). */
SEC("?fexit/inet_csk_get_port")
int BPF_PROG(limit_bind_fexit, struct sock *sk, unsigned short port, int ret)
{
	first_of_calls(TWICE_BIND);
	if (ret && !port)
		bind_failed(sk);
	return 0;
}

SEC("?fexit/inet_csk_get_port")
int BPF_PROG(limit_bind_understudy, struct sock *sk, unsigned short port, int ret)
{
	if (call_left_to_second(TWICE_BIND) && ret && !port)
		bind_failed(sk);
	return 0;
}

SEC("?kretprobe/inet_csk_get_port")
int BPF_KRETPROBE(limit_bind_kretprobe, int ret)
{
	if (ret)
		bind_returned(EVM_KPROBE);
	return 0;
}

SEC("?tp/syscalls/sys_exit_bind")
int limit_bind_exit(struct sys_exit_args *ctx)
{
	if (ctx->ret == -EADDRINUSE)
		bind_returned(EVM_TRACEPOINT);
	return 1;
}

/* listen() calls it with its argument cut already: the caller's registers have it. */
SEC("?fexit/inet_listen")
int BPF_PROG(limit_listen_fexit, struct socket *socket, int backlog, int ret)
{
	first_of_calls(TWICE_LISTEN);
	if (!ret)
		listen_returned(EVM_FENTRY);
	return 0;
}

SEC("?fexit/inet_listen")
int BPF_PROG(limit_listen_understudy, struct socket *socket, int backlog, int ret)
{
	if (call_left_to_second(TWICE_LISTEN) && !ret)
		listen_returned(EVM_FENTRY);
	return 0;
}

SEC("?kretprobe/inet_listen")
int BPF_KRETPROBE(limit_listen_kretprobe, int ret)
{
	if (!ret)
		listen_returned(EVM_KPROBE);
	return 0;
}

SEC("?tp/syscalls/sys_exit_listen")
int limit_listen_exit(struct sys_exit_args *ctx)
{
	if (!ctx->ret)
		listen_returned(EVM_TRACEPOINT);
	else if (ctx->ret == -EADDRINUSE)
		bind_returned(EVM_TRACEPOINT);
	return 1;
}
