// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * conn.bpf.c - what is known of a socket, and who owns it.
 *
 * An owner comes from process context only: the task that a softirq happened
 * to interrupt is never taken (72 % of softirq transitions would be blamed on
 * a foreign process).
 */
#include "bpf/tcptrail.bpf.h"

/*
 * By address, in a preallocated hash. sk_storage would do, but costs two
 * allocations and two RCU callbacks a socket (0.03 of the rate of short
 * connections, tools/bench), is charged to the socket's own optmem, and kprobe
 * and system call programs may not use it. An address comes again: the entry
 * also has the cookie, which does not.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);	/* the loader's --sockets */
	__type(key, __u64);
	__type(value, struct conn);
} conns SEC(".maps");

static const struct conn blank = {};

/* An entry whose socket ended while nothing was called. Until its first event a
 * child has no cookie, and up to 6.12 its listener's. */
static __always_inline bool stale(const struct conn *conn, __u64 cookie)
{
	return conn->cookie && conn->cookie != cookie;
}

static __always_inline struct conn *find(__u64 key, __u64 cookie)
{
	struct conn *conn = bpf_map_lookup_elem(&conns, &key);

	return conn && !stale(conn, cookie) ? conn : NULL;
}

static __always_inline struct conn *get(__u64 key, __u64 cookie)
{
	struct conn *conn = bpf_map_lookup_elem(&conns, &key);

	if (conn && !stale(conn, cookie))
		return conn;
	if (conn) {
		__builtin_memset(conn, 0, sizeof(*conn));
		conn->cookie = cookie;
		return conn;
	}
	/* -EEXIST: another CPU made it between the look-up and here. */
	bpf_map_update_elem(&conns, &key, &blank, BPF_NOEXIST);
	conn = bpf_map_lookup_elem(&conns, &key);
	if (conn)
		conn->cookie = cookie;
	else
		count(EVC_NO_STORAGE);
	return conn;
}

/* NULL: there is no room for it; the caller goes on without. */
__hidden struct conn *conn_get(struct sock *sk)
{
	return get((__u64)(unsigned long)sk, sk->__sk_common.skc_cookie.counter);
}

/* The same for programs to which the socket is but an address. */
__hidden struct conn *conn_get_by(__u64 address, __u64 cookie)
{
	return get(address, cookie);
}

__hidden struct conn *conn_find(struct sock *sk)
{
	return find((__u64)(unsigned long)sk, sk->__sk_common.skc_cookie.counter);
}

/* `conn` is void afterwards. */
__hidden int conn_end(struct sock *sk)
{
	__u64 key = (__u64)(unsigned long)sk;

	bpf_map_delete_elem(&conns, &key);
	return 0;
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

/* A hook's word goes before the snapshot's. Of a listener, which no lock holds,
 * the entry may be another socket's by now: the cookie after the copy tells. */
__hidden int conn_owner(struct sock *sk, struct conn *conn, struct ev_owner *owner)
{
	struct ev_owner *snap;

	if (conn && conn->owner.source != EVO_NONE) {
		*owner = conn->owner;
		barrier();
		if (stale(conn, sk->__sk_common.skc_cookie.counter))
			owner->source = EVO_NONE;
		return 0;
	}
	if (conn && !conn->in_files)
		return 0;
	snap = snapshot_owner(sk);
	if (snap && snap->source != EVO_NONE)
		*owner = *snap;
	return 0;
}
