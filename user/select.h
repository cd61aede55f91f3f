/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * select.h - which records the person asked for: kinds (-e) and the plain
 * filters, decided on what is known by now. An unknown value passes.
 */
#ifndef TCPTRAIL_SELECT_H
#define TCPTRAIL_SELECT_H

#include <stdbool.h>

#include "options.h"
#include "record.h"

bool select_record(const struct options *o, const struct record *r);

#endif /* TCPTRAIL_SELECT_H */
