// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "stall_json.h"

#include "stall_timers.h"

static void known(struct json *j, const char *name, uint32_t ms)
{
	if (ms != STALLED_UNKNOWN)
		json_number(j, name, ms * 1000000ULL);
}

static void growth(struct json *j, int32_t per_min)
{
	JSON_LITERAL(j, ",\"growth_per_min\":");
	if (per_min < 0)
		JSON_LITERAL(j, "-");
	json_u64(j, per_min < 0 ? -(int64_t)per_min : per_min);
}

static void descriptors(struct json *j, const struct stall_row *row)
{
	uint64_t left;

	json_number(j, ",\"limit\":{\"name\":\"open-files\",\"use\":", row->files);
	if (row->files_max != UINT64_MAX)
		json_number(j, ",\"value\":", row->files_max);
	if (stall_rows_emfile(row, &left))
		json_number(j, ",\"reached_in_ns\":", left);
	JSON_LITERAL(j, "}");
}

static void path(struct json *j, const struct stall_path *p)
{
	const char *state = stall_path_neighbour(p);

	if (!p->known)
		return;
	if (p->no_route)
		JSON_LITERAL(j, ",\"no_route\":true");
	if (p->interface[0]) {
		JSON_LITERAL(j, ",\"interface\":");
		json_string(j, (const uint8_t *)p->interface, sizeof(p->interface));
	}
	if (p->gateway) {
		JSON_LITERAL(j, ",\"gateway\":");
		json_address(j, p->family, p->next_hop);
	}
	if (state) {
		JSON_LITERAL(j, ",\"neighbour\":");
		json_string(j, (const uint8_t *)state, 16);
	}
}

static void drop(struct json *j, const struct stall_drop *d)
{
	const char *where = stall_drop_where(d);

	if (!where)
		return;
	JSON_LITERAL(j, ",\"drop\":{\"where\":\"");
	json_word(j, where);
	JSON_LITERAL(j, "\"");
	if (d->reason[0]) {
		JSON_LITERAL(j, ",\"reason\":");
		json_string(j, (const uint8_t *)d->reason, sizeof(d->reason));
	}
	json_number(j, ",\"ns_ago\":", d->ago_ms * 1000000ULL);
	JSON_LITERAL(j, "}");
}

static void buffers(struct json *j, const struct stalled *s)
{
	json_number(j, ",\"unsent\":", s->unsent);
	json_number(j, ",\"unacked\":", s->unacked);
	json_number(j, ",\"unread\":", s->unread);
	json_number(j, ",\"window\":", s->window);
	json_number(j, ",\"send_buffer\":{\"used\":", s->queued);
	json_number(j, ",\"limit\":", s->sndbuf);
	json_number(j, "},\"receive_buffer\":{\"used\":", s->rmem);
	json_number(j, ",\"limit\":", s->rcvbuf);
	JSON_LITERAL(j, "}");
}

/* Of a request and of one in the accept queue only that much is read, or there. */
static void evidence(struct json *j, const struct stall_row *row)
{
	const struct stalled *s = &row->oldest;
	bool whole = s->place == STALLED_FILE || s->place == STALLED_ORPHAN;

	json_number(j, ",\"evidence\":{\"retransmits\":", s->retransmits);
	json_number(j, ",\"probes\":", s->probes);
	if (whole && s->retransmits)
		json_word(j, s->left && row->drop.where != DROPPED_OUT ? ",\"local_drop\":false" :
									 ",\"local_drop\":true");
	drop(j, &row->drop);
	path(j, &row->path);
	if (whole)
		buffers(j, s);
	if (s->backlog) {
		json_number(j, ",\"accept_queue\":{\"length\":", s->accept_queue);
		json_number(j, ",\"limit\":", s->backlog);
		JSON_LITERAL(j, "}");
	}
	if (s->place != STALLED_QUEUED) {
		known(j, ",\"next_ns\":", stall_next_ms(s));
		known(j, ",\"gives_up_ns\":", stall_gives_up_ms(s));
	}
	/* lsndtime, lrcvtime and rcv_tstamp are set when it opens (tcp_finish_connect()). */
	if (whole && s->sock.state != EVS_SYN_SENT) {
		known(j, ",\"sent_ns_ago\":", s->sent_ms);
		known(j, ",\"received_ns_ago\":", s->received_ms);
		known(j, ",\"heard_ns_ago\":", s->heard_ms);
	}
	JSON_LITERAL(j, "}");
}

void stall_json(struct json *j, const struct stall_row *row)
{
	if (row->has_growth)
		growth(j, row->growth_per_min);
	if (row->waiting)
		json_number(j, ",\"others_waiting\":", row->waiting);
	if (row->because[0]) {
		JSON_LITERAL(j, ",\"because\":");
		json_string(j, (const uint8_t *)row->because, sizeof(row->because));
	}
	if (row->files)
		descriptors(j, row);
	evidence(j, row);
}
