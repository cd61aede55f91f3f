// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * conn.bpf.c - what is known of a socket, and who owns it.
 *
 * An owner comes from process context only: the task that a softirq happened
 * to interrupt is never taken (72 % of softirq transitions would be blamed on
 * a foreign process).
 */
#include "bpf/tcptrail.bpf.h"
#include "bpf/conn.h"

/*
 * By address. A hash of the address leads to a set of four places, as in a
 * processor's cache; the places' keys are apart from what they hold, so that one cache
 * line tells whether a socket is there. What finds its four places taken goes into a
 * hash map. For all sockets such a map costs more: 0.25 us for an insertion, and cache
 * lines that the server then misses; so did more places than these 8,192
 * (tools/bench). sk_storage costs two allocations and two RCU callbacks a socket, is
 * charged to the socket's own optmem, and kprobe and system call programs may not use
 * it. An address comes again: the entry also has the cookie, which does not.
 *
 * What a free place holds is blank, from before it became free.
 */
#define WAYS	CONN_WAYS

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);	/* for its alignment: whole cache lines */
	__uint(max_entries, 2048);	/* by the loader: a power of two */
	__type(key, __u32);
	__type(value, struct conn_set);
} conn_sets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, WAYS * 2048);
	__type(key, __u32);
	__type(value, struct conn);
} conns SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);	/* the rest of --sockets */
	__type(key, __u64);
	__type(value, struct conn);
} conns_more SEC(".maps");

const volatile __u32 conn_sets_mask = 2047;	/* sets - 1 */
bool conns_spilled = false;	/* some went to the hash map */

static const struct conn blank = {};

/* To the verifier `key` may be a socket, which it lets nobody compute with: but for
 * this one instruction, by which it becomes a number. */
static __always_inline __u32 low_half(__u64 key)
{
	__u32 low;

	asm volatile("%0 = %1" : "=w"(low) : "w"((__u32)key));
	return low;
}

/* Sockets lie 64 bytes apart at least. Multiplication: Knuth, TAOCP 6.4. */
static __always_inline __u32 set_of(__u64 key)
{
	return (__u32)((low_half(key) >> 6) * 0x9e3779b97f4a7c15ULL >> 32) & conn_sets_mask;
}

static __always_inline struct conn *place(__u32 set, __u32 way)
{
	__u32 at = set * WAYS + way;

	return bpf_map_lookup_elem(&conns, &at);
}

static __always_inline struct conn *look_up(__u64 key)
{
	__u32 set = set_of(key);
	struct conn_set *keys = bpf_map_lookup_elem(&conn_sets, &set);

	for (__u32 way = 0; keys && way < WAYS; way++)
		if (keys->sk[way] == key)
			return place(set, way);
	return conns_spilled ? bpf_map_lookup_elem(&conns_more, &key) : NULL;
}

static __always_inline struct conn *spill(__u64 key)
{
	struct conn *conn;

	conns_spilled = true;
	/* -EEXIST: another CPU made it between the look-up and here. */
	bpf_map_update_elem(&conns_more, &key, &blank, BPF_NOEXIST);
	conn = bpf_map_lookup_elem(&conns_more, &key);
	if (conn)
		conn->sk = key;
	return conn;
}

/* Two CPUs may come for the same socket: the later one finds it, in the place that
 * both tried first. */
static __always_inline struct conn *make(__u64 key)
{
	__u32 set = set_of(key);
	struct conn_set *keys = bpf_map_lookup_elem(&conn_sets, &set);
	struct conn *conn;

	for (__u32 way = 0; keys && way < WAYS; way++) {
		__u64 old = keys->sk[way];

		if (!old)
			old = __sync_val_compare_and_swap(&keys->sk[way], 0, key);
		if (old && old != key)
			continue;
		conn = place(set, way);
		if (conn)
			conn->sk = key;
		return conn;
	}
	return spill(key);
}

static __always_inline void unmake(__u64 key)
{
	__u32 set = set_of(key);
	struct conn_set *keys = bpf_map_lookup_elem(&conn_sets, &set);
	struct conn *conn;

	for (__u32 way = 0; keys && way < WAYS; way++) {
		if (keys->sk[way] != key)
			continue;
		conn = place(set, way);
		if (conn)
			__builtin_memset(conn, 0, sizeof(*conn));
		__sync_lock_test_and_set(&keys->sk[way], 0);
		return;
	}
	if (conns_spilled)
		bpf_map_delete_elem(&conns_more, &key);
}

/* An entry whose socket ended while nothing was called. Until its first event a
 * child has no cookie, and up to 6.12 its listener's. */
static __always_inline bool stale(const struct conn *conn, __u64 cookie)
{
	return conn->cookie && conn->cookie != cookie;
}

static __always_inline __u64 cookie_of(__u64 address)
{
	struct sock *sk = (struct sock *)(unsigned long)address;

	return BPF_CORE_READ(sk, __sk_common.skc_cookie.counter);
}

static __always_inline struct conn *find(__u64 key, __u64 cookie)
{
	struct conn *conn = look_up(key);

	return conn && !stale(conn, cookie) ? conn : NULL;
}

static __always_inline struct conn *get(__u64 key, __u64 cookie)
{
	struct conn *conn = look_up(key);

	if (conn && !stale(conn, cookie))
		return conn;
	/* The caller may have read a cookie that was not made yet: accept() takes a child
	 * whose step to ESTABLISHED, on another CPU, makes it and then writes it here. */
	if (conn && !stale(conn, cookie_of(key)))
		return conn;
	if (conn)
		conn_blank(conn);
	else
		conn = make(key);
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

/* Whatever socket it was of. */
__hidden struct conn *conn_at(__u64 address)
{
	return look_up(address);
}

__hidden struct conn *conn_find_by(__u64 address, __u64 cookie)
{
	return find(address, cookie);
}

/* What is known of it is void afterwards. */
__hidden int conn_end(struct sock *sk)
{
	unmake((__u64)(unsigned long)sk);
	return 0;
}

__hidden int conn_end_at(__u64 address)
{
	unmake(address);
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
	owner->followed = (filter.follow || filter.pids_len) && follows(task->tgid);
	return true;
}

/* `source` and what stands behind it in its word. */
static __always_inline __u32 conn_owner_word(const struct ev_owner *owner)
{
	return owner->source | (__u32)owner->followed << 8;
}

/* The source goes last, by an exchange, and is void meanwhile: a reader on
 * another CPU sees all of an owner or none. */
__hidden int conn_set_owner(struct conn *conn, const struct ev_owner *owner)
{
	__u32 *source = (__u32 *)(void *)&conn->owner.source;

	__sync_lock_test_and_set(source, EVO_NONE);
	conn->owner.pid = owner->pid;
	__builtin_memcpy(conn->owner.comm, owner->comm, sizeof(owner->comm));
	__sync_lock_test_and_set(source, conn_owner_word(owner));
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
