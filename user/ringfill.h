/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * ringfill.h - how full a BPF ring buffer is, read from its positions (libbpf
 * tells from 1.5 on, we need 1.1; the layout is ABI: Linux,
 * Documentation/bpf/ringbuf.rst).
 */
#ifndef TCPTRAIL_RINGFILL_H
#define TCPTRAIL_RINGFILL_H

#include <stdint.h>

struct ringfill {
	const unsigned long *consumer;	/* NULL: not known */
	const unsigned long *producer;
	uint32_t size;			/* of the ring, bytes */
};

/* `fd` is the ring's. Without the positions the fill is not known: no error. */
void ringfill_open(struct ringfill *r, int fd, uint32_t size);
void ringfill_close(struct ringfill *r);

/* 0 to 1; below 0: not known. */
double ringfill_now(const struct ringfill *r);

#endif /* TCPTRAIL_RINGFILL_H */
