// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * faulty.c - a sender that sleeps in a page fault with its socket locked: the
 * second page of its buffer is registered with userfaultfd and never provided
 * (as a dead NFS server or FUSE would). Says "locked" and waits to be killed.
 */
#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE 4096

struct job {
	int fd;
	char *buf;
};

static void *send_it(void *arg)
{
	struct job *job = arg;

	/* Copies the first page, sleeps at the second. */
	if (send(job->fd, job->buf, 2 * PAGE, 0) < 0)
		warn("send");
	return NULL;
}

static int connected(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int listener = socket(AF_INET, SOCK_STREAM, 0), fd = socket(AF_INET, SOCK_STREAM, 0);

	if (listener < 0 || fd < 0 || bind(listener, (void *)&a, sizeof(a)) || listen(listener, 1) ||
	    getsockname(listener, (void *)&a, &len) || connect(fd, (void *)&a, sizeof(a)))
		err(1, "connect");
	return fd;
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct job job;
	pthread_t thread;
	int uffd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api)) {
		puts("no userfaultfd here");
		return 0;
	}
	job.buf = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (job.buf == MAP_FAILED)
		err(1, "mmap");
	memset(job.buf, 'x', PAGE);
	reg.range.start = (unsigned long)job.buf + PAGE;
	reg.range.len = PAGE;
	if (ioctl(uffd, UFFDIO_REGISTER, &reg)) {
		puts("no userfaultfd here");
		return 0;
	}
	job.fd = connected();
	if (pthread_create(&thread, NULL, send_it, &job))
		errx(1, "thread");
	usleep(200000);
	puts("locked");
	fflush(stdout);
	getchar();
	return 0;
}
