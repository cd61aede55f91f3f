/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * conn.h - where sockets that are followed are kept (conn.bpf.c), as far as the census
 * has to know.
 */
#ifndef TCPTRAIL_CONN_H
#define TCPTRAIL_CONN_H

#define CONN_WAYS	4

struct conn_set {
	__u64 sk[CONN_WAYS];	/* addresses; 0: a free place */
};

#define CENSUS_MAX	1024	/* looked at in one call */

#endif /* TCPTRAIL_CONN_H */
