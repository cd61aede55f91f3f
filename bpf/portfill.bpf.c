// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * portfill.bpf.c - the local port of CLOSED -> SYN-SENT and CLOSED -> LISTEN.
 *
 * The state program runs before connect() chooses a port (and before listen()
 * without bind() does). User space asks again when it drains the record, a few
 * ms later: the port is in the socket by then. The cookie says whether the
 * memory is still that socket: a stale address is read, never trusted.
 */
#include "bpf/tcptrail.bpf.h"
#include "bpf/portfill.h"

struct portfill_slot portfill_slots[PORTFILL_MAX] = {};
__u32 portfill_len = 0;

/* Until now without a port: from here on its children find its owner. */
static __always_inline void listening(struct sock_common *skc, struct portfill_slot *slot)
{
	struct ev_owner owner = slot->owner;
	struct ev_sock at = {};

	sock_describe_common(skc, &at);
	listener_add(&at, &owner);
}

/* Global: the verifier looks at it once, not at each turn of the loop. */
int portfill_one(__u32 i)
{
	struct portfill_slot *slot;
	struct inet_sock *inet;

	if (i >= PORTFILL_MAX)
		return 0;
	slot = &portfill_slots[i];
	inet = (struct inet_sock *)(unsigned long)slot->sk;
	slot->answer = PORTFILL_GONE;
	if (!slot->cookie ||
	    (__u64)BPF_CORE_READ(inet, sk.__sk_common.skc_cookie.counter) != slot->cookie)
		return 0;
	slot->port = bpf_ntohs(BPF_CORE_READ(inet, inet_sport));
	/* Read again: the socket may have ended in between. */
	if ((__u64)BPF_CORE_READ(inet, sk.__sk_common.skc_cookie.counter) != slot->cookie)
		return 0;
	slot->answer = slot->port ? PORTFILL_PORT : PORTFILL_NONE;
	if (slot->port && BPF_CORE_READ(inet, sk.__sk_common.skc_state) == EVS_LISTEN)
		listening(&inet->sk.__sk_common, slot);
	return 0;
}

SEC("syscall")
int portfill(void *ctx)
{
	for (__u32 i = 0; i < PORTFILL_MAX; i++) {
		if (i >= portfill_len)
			break;
		portfill_one(i);
	}
	return 0;
}
