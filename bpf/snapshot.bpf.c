// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * snapshot.bpf.c - sockets that were open before the start, found through the
 * files of every task: all namespaces at once, and no socket lock (iter/tcp
 * takes it and hangs, immune to SIGKILL, on a sender that sleeps in a page
 * fault). It never overwrites what a hook wrote meanwhile.
 */
#include "bpf/fd.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct ev_owner);
} snapshots SEC(".maps");

__hidden struct ev_owner *snapshot_owner(struct sock *sk)
{
	return bpf_sk_storage_get(&snapshots, sk, 0, 0);
}

/* Time in the state: at least since now. By cmpxchg: a hook's state stays. */
static __always_inline void seen_in(struct conn *conn, __u32 state)
{
	if (conn->state)
		return;
	conn->since_ns = bpf_ktime_get_ns();
	conn->lower = 1;
	conn->began_ns = conn->since_ns;
	conn->began_lower = 1;
	if (state == EVS_LISTEN)
		conn->role = EVR_LISTENER;
	__sync_val_compare_and_swap(&conn->state, 0, state);
}

/* Tasks come in order of pid: of those that share a socket, the first is kept
 * (of a pre-forking server, the parent). */
static __always_inline bool own(struct sock *sk, struct task_struct *task)
{
	struct ev_owner *owner = bpf_sk_storage_get(&snapshots, sk, 0,
						    BPF_SK_STORAGE_GET_F_CREATE);
	struct ev_owner fresh = {};

	if (!owner) {
		count(EVC_NO_STORAGE);
		return false;
	}
	if (owner->source || !owner_of_task(task, EVO_SNAPSHOT, &fresh))
		return false;
	owner->pid = fresh.pid;
	__builtin_memcpy(owner->comm, fresh.comm, sizeof(fresh.comm));
	__sync_lock_test_and_set((__u32 *)(void *)&owner->source,
				 EVO_SNAPSHOT | (__u32)fresh.followed << 8);
	return true;
}

static __always_inline void listening(struct sock *sk, struct tcp_sock *tp,
				      struct task_struct *task)
{
	struct ev_owner owner = {};
	struct ev_sock at = {};

	owner_of_task(task, EVO_SNAPSHOT, &owner);
	sock_describe(sk, tp, &at);
	listener_add(&at, &owner);
	listening_begin(sk, &owner);
}

SEC("iter/task_file")
int snapshot(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct tcp_sock *tp;
	struct conn *conn;
	struct sock *sk;
	__u32 state;

	if (!task || !file)
		return 0;
	sk = tcp_of_file(file);
	if (!sk)
		return 0;
	tp = bpf_skc_to_tcp_sock(sk);
	state = sk->__sk_common.skc_state;
	if (!tp || state == EVS_CLOSE || (only_listeners && state != EVS_LISTEN))
		return 0;
	conn = conn_get(sk);
	if (!conn)
		return 0;
	conn->cookie = bpf_get_socket_cookie(sk);
	seen_in(conn, state);
	conn_follow(conn);
	if (conn->owner.source != EVO_NONE || !own(sk, task))
		return 0;
	conn->in_files = 1;
	if (state == EVS_LISTEN)
		listening(sk, tp, task);
	return 0;
}
