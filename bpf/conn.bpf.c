// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * conn.bpf.c - what a socket carries, and who owns it.
 *
 * An owner comes from process context only: the task that a softirq happened
 * to interrupt is never taken (72 % of softirq transitions would be blamed on
 * a foreign process).
 */
#include "bpf/tcptrail.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct conn);
} conns SEC(".maps");

/* NULL: the kernel has no room for it; the caller goes on without. */
__hidden struct conn *conn_get(struct sock *sk)
{
	struct conn *conn = bpf_sk_storage_get(&conns, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);

	/* Another CPU made it between the look-up and the creation: -EEXIST. */
	if (!conn)
		conn = bpf_sk_storage_get(&conns, sk, 0, 0);
	if (!conn)
		count(EVC_NO_STORAGE);
	return conn;
}

/* From here on its end is waited for. Not from the birth of a child: when two
 * CPUs make a child of one request the loser is freed without an end
 * (inet_csk_complete_hashdance()). */
__hidden int conn_follow(struct conn *conn)
{
	if (conn->born)
		return 0;
	conn->born = 1;
	count(EVC_BORN);
	return 0;
}

__hidden struct conn *conn_find(struct sock *sk)
{
	return bpf_sk_storage_get(&conns, sk, 0, 0);
}

/* false: a kernel thread (a workqueue of MPTCP, NFS...) owns no connection. */
__hidden bool owner_of_task(struct task_struct *task, __u8 source, struct ev_owner *owner)
{
	if (task->flags & PF_KTHREAD)
		return false;
	owner->pid = task->tgid;
	/* The leader's: threads name themselves as they like. */
	bpf_probe_read_kernel(owner->comm, sizeof(owner->comm), task->group_leader->comm);
	owner->source = source;
	return true;
}

/* The source goes last, by an exchange, and is void meanwhile: a reader on
 * another CPU sees all of an owner or none. */
__hidden int conn_set_owner(struct conn *conn, const struct ev_owner *owner)
{
	__u32 *source = (__u32 *)(void *)&conn->owner.source;

	__sync_lock_test_and_set(source, EVO_NONE);
	conn->owner.pid = owner->pid;
	__builtin_memcpy(conn->owner.comm, owner->comm, sizeof(owner->comm));
	__sync_lock_test_and_set(source, (__u32)owner->source);
	return 0;
}

/* The current task's, in a hook that runs in its context. */
__hidden int conn_own(struct conn *conn, __u8 source)
{
	struct ev_owner owner = {};

	if (owner_of_task(bpf_get_current_task_btf(), source, &owner))
		conn_set_owner(conn, &owner);
	return 0;
}

/* A hook's word goes before the snapshot's. */
__hidden int conn_owner(struct sock *sk, struct conn *conn, struct ev_owner *owner)
{
	struct ev_owner *snap;

	if (conn && conn->owner.source != EVO_NONE) {
		*owner = conn->owner;
		return 0;
	}
	if (conn && !conn->in_files)
		return 0;
	snap = snapshot_owner(sk);
	if (snap && snap->source != EVO_NONE)
		*owner = *snap;
	return 0;
}
