/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* stall_record.h - a group of stuck connections as the record that tells it. Pure. */
#ifndef TCPTRAIL_STALL_RECORD_H
#define TCPTRAIL_STALL_RECORD_H

#include "record.h"
#include "recording.h"

/* All but the time; `row` outlives the record. */
void stall_record(const struct stall_row *row, enum stall_phase phase, struct record *out);

/* What a recording has of it, and back: its bytes are hostile. */
void stall_record_to(const struct record *r, struct rec_stall *out);
void stall_record_from(const struct rec_stall *s, struct stall_row *row, struct record *out);

#endif /* TCPTRAIL_STALL_RECORD_H */
