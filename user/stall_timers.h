/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * stall_timers.h - when the kernel sends again, and when it gives a connection up: from
 * its own timers, its counts and the limits of that socket and namespace. Pure.
 */
#ifndef TCPTRAIL_STALL_TIMERS_H
#define TCPTRAIL_STALL_TIMERS_H

#include <stdint.h>

#include "bpf/stalled.h"

/* Until the next retransmission or probe. STALLED_UNKNOWN: none is due. */
uint32_t stall_next_ms(const struct stalled *s);

/*
 * From now on, if all goes on as it does: nothing is answered, or each probe of a closed
 * window is. As Linux 6.18 does in tcp_write_timeout(), tcp_probe_timer(),
 * tcp_keepalive_timer() and reqsk_timer_handler(), but for a host that runs out of memory
 * or orphans (tcp_out_of_resources()). STALLED_UNKNOWN: it does not, or not known.
 */
uint32_t stall_gives_up_ms(const struct stalled *s);

#endif /* TCPTRAIL_STALL_TIMERS_H */
