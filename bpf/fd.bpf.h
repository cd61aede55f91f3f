/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * fd.bpf.h - the socket behind a descriptor or a file, and the system call that a task
 * is in.
 */
#ifndef TCPTRAIL_FD_BPF_H
#define TCPTRAIL_FD_BPF_H

#include "bpf/tcptrail.bpf.h"

/* Softly: from the table of files on, all are scalars to the verifier. */
static __always_inline struct sock *sock_of_fd(struct task_struct *task, long fd)
{
	struct fdtable *fdt = task->files->fdt;
	struct socket *socket;
	struct file *file;

	if (fd < 0 || (__u32)fd >= fdt->max_fds)
		return NULL;
	if (bpf_probe_read_kernel(&file, sizeof(file), fdt->fd + fd))
		return NULL;
	socket = BPF_CORE_READ(file, private_data);
	/* Another thread may have put another kind of file there meanwhile. */
	if (BPF_CORE_READ(socket, file) != file)
		return NULL;
	return BPF_CORE_READ(socket, sk);
}

/* Of a walk over files, where the verifier knows what it is; NULL: it is not TCP's. */
static __always_inline struct sock *tcp_of_file(struct file *file)
{
	struct socket *socket = bpf_sock_from_file(file);
	struct sock *sk;

	if (!socket)
		return NULL;
	sk = socket->sk;
	return sk && sk->sk_protocol == IPPROTO_TCP ? sk : NULL;
}

/* Numbers of the 64-bit table; by a 32-bit caller they are other calls, which come
 * to none of our hooks. */
#if defined(__TARGET_ARCH_arm64)
enum { NR_SOCKET = 198, NR_BIND = 200, NR_LISTEN = 201, NR_ACCEPT4 = 242 };
#else
enum { NR_SOCKET = 41, NR_BIND = 49, NR_LISTEN = 50, NR_ACCEPT4 = 288 };
#endif

static __always_inline struct pt_regs *call_regs(void)
{
	return (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
}

static __always_inline long call_number(struct pt_regs *regs)
{
#if defined(__TARGET_ARCH_arm64)
	return BPF_CORE_READ(regs, syscallno);
#else
	return BPF_CORE_READ(regs, orig_ax);
#endif
}

#endif /* TCPTRAIL_FD_BPF_H */
