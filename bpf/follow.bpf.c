// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * follow.bpf.c - a program and its children: the processes whose sockets alone are
 * wanted. A socket's owner says whether it was one of them, so that neither the end
 * of the process nor the next one with its pid changes what is told of the socket.
 */
#include "bpf/tcptrail.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16384);
	__type(key, __u32);	/* thread group id, initial pid namespace */
	__type(value, __u8);
} followed SEC(".maps");

__hidden bool follows(__u32 tgid)
{
	return bpf_map_lookup_elem(&followed, &tgid);
}

SEC("?tp_btf/sched_process_fork")
int BPF_PROG(follow_fork, struct task_struct *parent, struct task_struct *child)
{
	__u32 from = parent->tgid, to = child->tgid;
	__u8 one = 1;

	if (child->pid != child->tgid || !follows(from))
		return 0;	/* a thread, or somebody else's */
	if (bpf_map_update_elem(&followed, &to, &one, BPF_ANY))
		count(EVC_MAP_FULL);
	return 0;
}

/* Its last thread: the leader may end before the others. */
SEC("?tp_btf/sched_process_exit")
int BPF_PROG(follow_exit, struct task_struct *task)
{
	__u32 tgid = task->tgid;

	if (task->signal->live.counter == 0)
		bpf_map_delete_elem(&followed, &tgid);
	return 0;
}
