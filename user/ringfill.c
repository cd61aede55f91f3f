// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ringfill.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* One page each: the consumer's position is at 0, the producer's behind it. */
static const unsigned long *position(int fd, long offset)
{
	void *page = mmap(NULL, sysconf(_SC_PAGESIZE), PROT_READ, MAP_SHARED, fd, offset);

	return page == MAP_FAILED ? NULL : page;
}

void ringfill_open(struct ringfill *r, int fd, uint32_t size)
{
	memset(r, 0, sizeof(*r));
	r->size = size;
	r->consumer = position(fd, 0);
	r->producer = position(fd, sysconf(_SC_PAGESIZE));
	if (!r->consumer || !r->producer)
		ringfill_close(r);
}

void ringfill_close(struct ringfill *r)
{
	if (r->consumer)
		munmap((void *)r->consumer, sysconf(_SC_PAGESIZE));
	if (r->producer)
		munmap((void *)r->producer, sysconf(_SC_PAGESIZE));
	r->consumer = r->producer = NULL;
}

double ringfill_now(const struct ringfill *r)
{
	unsigned long consumed, produced;

	if (!r->consumer || !r->size)
		return -1;
	consumed = __atomic_load_n(r->consumer, __ATOMIC_ACQUIRE);
	produced = __atomic_load_n(r->producer, __ATOMIC_ACQUIRE);
	return (double)(produced - consumed) / r->size;
}
