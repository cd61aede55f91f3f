// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * refuse.c - for LD_PRELOAD: the first REFUSE loads of a BPF object fail, as they do where the
 * verifier refuses a program (no kernel of the matrix refuses one of ours); and each with the
 * program REFUSE_PROGRAM in it, as a security module does (one was met that allows all of
 * ours but iterators over maps). With REFUSE_SOCK_DIAG no socket of NETLINK_SOCK_DIAG, as
 * where a seccomp filter of a service allows no AF_NETLINK.
 */
#include <bpf/libbpf.h>
#include <dlfcn.h>
#include <errno.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

static int refused(int err)
{
	fprintf(stderr, "refused\n");
	errno = -err;
	return err;
}

static bool has(const struct bpf_object_skeleton *s, const char *name)
{
	const struct bpf_program *p = bpf_object__find_program_by_name(*s->obj, name);

	return p && bpf_program__autoload(p);
}

int bpf_object__load_skeleton(struct bpf_object_skeleton *s)
{
	static int loads;
	const char *refuse = getenv("REFUSE"), *program = getenv("REFUSE_PROGRAM");
	int (*next)(struct bpf_object_skeleton *);

	if (refuse && loads++ < atoi(refuse))
		return refused(-E2BIG);
	if (program && has(s, program))
		return refused(-EPERM);
	*(void **)&next = dlsym(RTLD_NEXT, "bpf_object__load_skeleton");
	return next ? next(s) : -ENOSYS;
}

int socket(int domain, int type, int protocol)
{
	int (*next)(int domain, int type, int protocol);

	if (getenv("REFUSE_SOCK_DIAG") && domain == AF_NETLINK && protocol == NETLINK_SOCK_DIAG) {
		errno = EPERM;
		return -1;
	}
	*(void **)&next = dlsym(RTLD_NEXT, "socket");
	return next ? next(domain, type, protocol) : -1;
}
