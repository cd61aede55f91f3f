// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * buffers.bpf.c - a walk over the sockets of tasks, without their locks: whose buffers
 * fill up, who listens, and who holds the local ports to a service.
 */
#include "bpf/fd.bpf.h"
#include "bpf/buffered.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, PORT_SERVICES_MAX);
	__type(key, struct port_service);
	__type(value, __u32);
} port_services SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16384);
	__type(key, struct port_user);
	__type(value, __u32);
} port_users SEC(".maps");

static __always_inline void count_port(const struct ev_sock *s, __u32 pid)
{
	struct port_service service = { .netns = s->netns, .rport = s->rport, .family = s->family };
	struct port_user user = { .pid = pid };
	__u32 one = 1, *n, *number;

	__builtin_memcpy(service.laddr, s->laddr, 16);
	__builtin_memcpy(service.raddr, s->raddr, 16);
	number = bpf_map_lookup_elem(&port_services, &service);
	if (!number)
		return;
	user.service = *number;
	n = bpf_map_lookup_elem(&port_users, &user);
	if (n)
		__sync_fetch_and_add(n, 1);
	else
		bpf_map_update_elem(&port_users, &user, &one, BPF_NOEXIST);
}

static __always_inline bool half_full(const struct buffered *b)
{
	return (b->rmem && b->rmem >= b->rcvbuf / 2) || (b->wmem && b->wmem >= b->sndbuf / 2);
}

/* What there is to tell of it; false: nothing. */
static __always_inline bool take(struct sock *sk, __u32 pid, struct buffered *b)
{
	if (b->sock.state == EVS_LISTEN) {
		queues_of(sk, &b->queues);
		return true;
	}
	count_port(&b->sock, pid);
	b->rmem = sk->sk_backlog.rmem_alloc.counter;
	b->rcvbuf = sk->sk_rcvbuf;
	b->wmem = sk->sk_wmem_queued;
	b->sndbuf = sk->sk_sndbuf;
	b->locks = BPF_CORE_READ_BITFIELD_PROBED(sk, sk_userlocks);
	return half_full(b);
}

SEC("?iter/task_file")
int buffers_walk(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct buffered b = {};
	struct tcp_sock *tp;
	struct sock *sk;
	__u32 state;

	if (!task || !file)
		return 0;
	sk = tcp_of_file(file);
	if (!sk)
		return 0;
	tp = bpf_skc_to_tcp_sock(sk);
	state = sk->__sk_common.skc_state;
	if (!tp || state == EVS_CLOSE)
		return 0;
	sock_describe(sk, tp, &b.sock);
	b.sock.state = state;	/* once: what is told of it depends on it */
	if (!take(sk, task->tgid, &b))
		return 0;
	b.sock.cookie = bpf_get_socket_cookie(sk);
	owner_of_task(task, EVO_SNAPSHOT, &b.sock.owner);
	bpf_seq_write(ctx->meta->seq, &b, sizeof(b));
	return 0;
}
