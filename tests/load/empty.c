// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * empty.c - attaches the programs of an object (empty.bpf.o), says "attached" and waits
 * to be ended: what tools/bench measures beside the tracers.
 */
#include <bpf/libbpf.h>
#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static void ended(int signal)
{
	(void)signal;
	_exit(0);	/* the links go with their descriptors */
}

int main(int argc, char **argv)
{
	struct bpf_object *object;
	struct bpf_program *program;

	if (argc != 2)
		errx(2, "usage: empty OBJECT");
	object = bpf_object__open(argv[1]);
	if (!object || bpf_object__load(object))
		err(1, "%s", argv[1]);
	bpf_object__for_each_program(program, object)
		if (!bpf_program__attach(program))
			err(1, "%s", bpf_program__name(program));
	signal(SIGINT, ended);
	signal(SIGTERM, ended);
	puts("attached");
	fflush(stdout);
	for (;;)
		pause();
}
