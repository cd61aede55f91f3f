/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sample.h - --sample 1/N: of what went well one connection in N is told. By its
 * cookie: all its records or none, the same ones in every trace of this host. What
 * failed, what may have, and what has no cookie is always told. Pure.
 */
#ifndef TCPTRAIL_SAMPLE_H
#define TCPTRAIL_SAMPLE_H

#include <stdbool.h>

#include "record.h"

/* Sets r->sample_n where the record stands for n of its kind. false: leave it out. */
bool sample_record(struct record *r, uint32_t n);

#endif /* TCPTRAIL_SAMPLE_H */
