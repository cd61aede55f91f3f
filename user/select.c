// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "select.h"

#include <string.h>

static bool kind_selected(const struct options *o, const struct record *r)
{
	bool syn = r->rexmit == EVX_SYN || r->rexmit == EVX_SYNACK;

	switch (r->kind) {
	case REC_STATE:
		return o->events & EVENTS_STATE ||
		       (o->events & EVENTS_FAILED && cause_failed(r->cause));
	case REC_RETRANSMIT:
		return o->events & (syn ? EVENTS_SYN_RETRANSMIT : EVENTS_DATA_RETRANSMIT);
	case REC_RESET:
		return o->events & EVENTS_RESET;
	case REC_ERROR:
		return o->events & EVENTS_ERROR;
	case REC_DROP:
		return o->events & EVENTS_DROP;
	case REC_SYNCOOKIE:
		return o->events & EVENTS_SYNCOOKIE;
	case REC_ACCEPT:
		return o->events & EVENTS_ACCEPT;
	default:
		return true;	/* the stream itself */
	}
}

static bool ports_selected(const struct kernel_filter *f, const struct record *r)
{
	bool has_l = r->has & HAS_LPORT, has_r = r->has & HAS_RPORT;

	if (f->lport && has_l && f->lport != r->lport)
		return false;
	if (f->rport && has_r && f->rport != r->rport)
		return false;
	/* A listener has no remote port: then the local one decides alone. */
	if (f->port && has_l && f->port != r->lport &&
	    ((has_r && f->port != r->rport) || r->role == EVR_LISTENER))
		return false;
	return true;
}

static bool owner_selected(const struct options *o, const struct record *r)
{
	if (!(r->has & HAS_OWNER))
		return true;
	if (o->comm && strncmp(o->comm, (const char *)r->comm, sizeof(r->comm)))
		return false;
	for (uint32_t i = 0; i < o->filter.pids_len; i++)
		if (o->filter.pids[i] == r->pid)
			return true;
	return !o->filter.pids_len;
}

bool select_record(const struct options *o, const struct record *r)
{
	if (!kind_selected(o, r))
		return false;
	if (r->kind >= REC_START)
		return true;
	if (o->filter.netns && r->has & HAS_NETNS && o->filter.netns != r->netns)
		return false;
	if (o->filter.family && r->family && o->filter.family != r->family)
		return false;
	return ports_selected(&o->filter, r) && owner_selected(o, r);
}
