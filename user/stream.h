/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* stream.h - what a stream says of itself in its start record. */
#ifndef TCPTRAIL_STREAM_H
#define TCPTRAIL_STREAM_H

#include "options.h"
#include "record.h"
#include "tiers.h"

struct stream;

struct stream *stream_open(const struct options *o, const struct outcome outcomes[FACTS]);
void stream_close(struct stream *s);

/* Valid until stream_close(). */
const struct stream_info *stream_info(const struct stream *s);

#endif /* TCPTRAIL_STREAM_H */
