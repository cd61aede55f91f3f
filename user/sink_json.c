// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * sink_json.c - NDJSON: nested Elastic Common Schema 8.11 names, OpenTelemetry's
 * words for the states, everything of our own under `tcptrail`. What is not
 * known is left out. u64 identifiers are strings (RFC 8259 section 6 promises
 * only 53 bits). user/schema.json describes it.
 *
 * No line is longer than 4096 bytes: the strings that others choose are cut, the
 * unit's name at 256 bytes and the filter's text at 512, before anything else.
 */
#include <stdlib.h>

#include "json.h"
#include "names.h"
#include "sink.h"

#define UNIT_MAX	256
#define FILTER_MAX	512
#define SCHEMA_VERSION	"1.0"

struct sink {
	struct output *out;
	uint64_t sequence;
	struct json_time time;
	char agent[256];	/* the constant part behind the time */
	size_t agent_len;
};

static void render_agent(struct sink *s, const struct sink_options *o)
{
	struct json j = { .at = s->agent, .end = s->agent + sizeof(s->agent) };

	JSON_LITERAL(&j, ",\"ecs\":{\"version\":\"8.11.0\"},\"agent\":{\"type\":\"tcptrail\"");
	if (o->ephemeral_id) {
		JSON_LITERAL(&j, ",\"ephemeral_id\":");
		json_string(&j, (const uint8_t *)o->ephemeral_id, 32);
	}
	JSON_LITERAL(&j, "}");
	if (o->host_name) {
		JSON_LITERAL(&j, ",\"host\":{\"name\":");
		json_string(&j, (const uint8_t *)o->host_name, 64);
		JSON_LITERAL(&j, "}");
	}
	s->agent_len = j.at - s->agent;
}

static struct sink *sink_json_open(struct output *out, const struct sink_options *options)
{
	struct sink *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->out = out;
	render_agent(s, options);
	return s;
}

static bool enters_end(const struct record *r)
{
	return r->kind == REC_STATE && (r->to == EVS_CLOSE || r->to == EVS_TIME_WAIT);
}

static bool failed(const struct record *r)
{
	return r->kind == REC_ERROR || r->kind == REC_LOST || r->kind == REC_DROP ||
	       (r->kind == REC_STATE && cause_failed(r->cause));
}

/* Values that ECS allows: event.kind, .category, .type, .outcome. */
static void ecs_class(struct json *j, const struct record *r)
{
	JSON_LITERAL(j, ",\"kind\":");
	if (r->kind == REC_HEARTBEAT)
		JSON_LITERAL(j, "\"metric\"");
	else
		JSON_LITERAL(j, "\"event\"");
	JSON_LITERAL(j, ",\"category\":[\"network\"],\"type\":[");
	if (r->kind >= REC_START)
		JSON_LITERAL(j, "\"info\"");
	else
		JSON_LITERAL(j, "\"connection\"");
	if (r->kind == REC_STATE && r->to == EVS_ESTABLISHED)
		JSON_LITERAL(j, ",\"start\"");
	else if (enters_end(r))
		JSON_LITERAL(j, ",\"end\"");
	if (r->kind == REC_DROP)
		JSON_LITERAL(j, ",\"denied\"");
	else if (failed(r))
		JSON_LITERAL(j, ",\"error\"");
	JSON_LITERAL(j, "]");
	if (failed(r))
		JSON_LITERAL(j, ",\"outcome\":\"failure\"");
	else if (r->kind == REC_STATE && r->cause != CAUSE_UNKNOWN &&
		 (r->to == EVS_ESTABLISHED || enters_end(r)))
		JSON_LITERAL(j, ",\"outcome\":\"success\"");
}

static void event(struct sink *s, struct json *j, const struct record *r)
{
	const char *kind = name_kind(r->kind);

	JSON_LITERAL(j, ",\"event\":{\"action\":\"");
	json_word(j, kind);
	JSON_LITERAL(j, "\",\"dataset\":\"tcptrail.");
	json_word(j, kind);
	JSON_LITERAL(j, "\",\"sequence\":");
	json_u64(j, s->sequence + 1);
	ecs_class(j, r);
	if (r->has & HAS_DURATION) {
		JSON_LITERAL(j, ",\"duration\":");
		json_u64(j, r->duration_ns);
	}
	JSON_LITERAL(j, "}");
}

/* `name` is ",\"source\":{" or the like; address and port as far as known. */
static void endpoint(struct json *j, const char *name, const char *address_name,
		     const struct record *r, bool local)
{
	bool has_addr = r->has & (local ? HAS_LADDR : HAS_RADDR);
	bool has_port = r->has & (local ? HAS_LPORT : HAS_RPORT);

	if (!has_addr && !has_port)
		return;
	json_word(j, name);
	if (has_addr) {
		json_word(j, address_name);
		json_address(j, r->family, local ? r->laddr : r->raddr);
	}
	if (has_port) {
		if (has_addr)
			JSON_LITERAL(j, ",");
		JSON_LITERAL(j, "\"port\":");
		json_u64(j, local ? r->lport : r->rport);
	}
	JSON_LITERAL(j, "}");
}

static void network(struct json *j, const struct record *r)
{
	JSON_LITERAL(j, ",\"network\":{\"transport\":\"tcp\"");
	if (r->family == 4)
		JSON_LITERAL(j, ",\"type\":\"ipv4\"");
	else if (r->family == 6)
		JSON_LITERAL(j, ",\"type\":\"ipv6\"");
	if (r->role == EVR_CLIENT)
		JSON_LITERAL(j, ",\"direction\":\"egress\"");
	else if (r->role != EVR_UNKNOWN)
		JSON_LITERAL(j, ",\"direction\":\"ingress\"");
	if (r->has & HAS_STATE) {
		JSON_LITERAL(j, ",\"connection\":{\"state\":\"");
		json_word(j, name_state_otel(r->to));
		JSON_LITERAL(j, "\"}");
	}
	/* Who opened it is not known: no source, no destination. */
	if (r->role == EVR_UNKNOWN) {
		endpoint(j, ",\"local\":{", "\"address\":", r, true);
		endpoint(j, ",\"peer\":{", "\"address\":", r, false);
	}
	JSON_LITERAL(j, "}");
	if (r->role != EVR_UNKNOWN) {
		endpoint(j, ",\"source\":{", "\"ip\":", r, r->role == EVR_CLIENT);
		endpoint(j, ",\"destination\":{", "\"ip\":", r, r->role != EVR_CLIENT);
	}
}

static void owner(struct json *j, const struct record *r)
{
	const struct cgroup_info *cg = r->has & HAS_CGROUP ? r->cgroup : NULL;

	if (r->has & HAS_OWNER) {
		JSON_LITERAL(j, ",\"process\":{\"pid\":");
		json_u64(j, r->pid);
		JSON_LITERAL(j, ",\"name\":");
		json_string(j, r->comm, sizeof(r->comm));
		JSON_LITERAL(j, "}");
	}
	if (r->has & HAS_UID) {
		JSON_LITERAL(j, ",\"user\":{\"id\":\"");
		json_u64(j, r->uid);
		JSON_LITERAL(j, "\"}");
	}
	if (cg && cg->container_id) {
		JSON_LITERAL(j, ",\"container\":{\"id\":");
		json_string(j, (const uint8_t *)cg->container_id, 64);
		JSON_LITERAL(j, "}");
	}
	if (cg && cg->pod_uid) {
		JSON_LITERAL(j, ",\"kubernetes\":{\"pod\":{\"uid\":");
		json_string(j, (const uint8_t *)cg->pod_uid, 36);
		JSON_LITERAL(j, "}}");
	}
	if (cg && cg->unit) {
		JSON_LITERAL(j, ",\"service\":{\"name\":");
		json_string(j, (const uint8_t *)cg->unit, UNIT_MAX);
		JSON_LITERAL(j, "}");
	}
}

static void state(struct json *j, const struct record *r)
{
	if (r->has & HAS_FROM) {
		JSON_LITERAL(j, ",\"from\":\"");
		json_word(j, name_state_otel(r->from));
		JSON_LITERAL(j, "\"");
	}
	JSON_LITERAL(j, ",\"cause\":\"");
	json_word(j, cause_name(r->cause));
	JSON_LITERAL(j, "\"");
	if (r->duration_lower)
		JSON_LITERAL(j, ",\"duration_lower_bound\":true");
	if (!r->missed_len)
		return;
	JSON_LITERAL(j, ",\"missed\":[");
	for (int i = 0; i < r->missed_len; i++) {
		if (i)
			JSON_LITERAL(j, ",");
		JSON_LITERAL(j, "\"");
		json_word(j, name_state_otel(r->missed[i]));
		JSON_LITERAL(j, "\"");
	}
	JSON_LITERAL(j, "]");
}

static void retransmit(struct json *j, const struct record *r)
{
	JSON_LITERAL(j, ",\"retransmit\":{\"type\":\"");
	json_word(j, name_retransmit(r->rexmit));
	JSON_LITERAL(j, "\"");
	if (r->has & HAS_ATTEMPT) {
		JSON_LITERAL(j, ",\"attempt\":");
		json_u64(j, r->attempt);
	}
	if (r->has & HAS_RTO) {
		JSON_LITERAL(j, ",\"rto_ns\":");
		json_u64(j, r->rto_ns);
		JSON_LITERAL(j, ",\"backoff\":");
		json_u64(j, r->backoff);
	}
	JSON_LITERAL(j, "}");
}

static void reset(struct json *j, const struct record *r)
{
	JSON_LITERAL(j, ",\"reset\":{\"direction\":\"");
	json_word(j, r->sent ? "sent" : "received");
	JSON_LITERAL(j, "\"");
	if (r->no_socket)
		JSON_LITERAL(j, ",\"no_socket\":true");
	if (r->has & HAS_REASON) {
		JSON_LITERAL(j, ",\"reason\":");
		json_string(j, (const uint8_t *)r->reason, 64);
	}
	JSON_LITERAL(j, "}");
}

static void number(struct json *j, const char *name, uint64_t n)
{
	json_word(j, name);
	json_u64(j, n);
}

static void queues(struct json *j, const struct record_drop *d)
{
	const char *bound = name_drop_bound(d);

	if (bound) {
		JSON_LITERAL(j, ",\"bound_by\":\"");
		json_word(j, bound);
		JSON_LITERAL(j, "\"");
	}
	number(j, ",\"accept_queue\":{\"length\":", d->queues.accept_queue);
	number(j, ",\"limit\":", d->queues.backlog);
	number(j, "},\"syn_queue\":{\"length\":", d->queues.syn_queue);
	number(j, ",\"limit\":", d->queues.backlog);
	number(j, "},\"somaxconn\":", d->queues.somaxconn);
	number(j, ",\"max_syn_backlog\":", d->queues.max_syn_backlog);
	number(j, ",\"syncookies\":", d->queues.syncookies);
	if (d->queues.abort_on_overflow)
		JSON_LITERAL(j, ",\"abort_on_overflow\":true");
	else
		JSON_LITERAL(j, ",\"abort_on_overflow\":false");
}

static void drop(struct json *j, const struct record *r)
{
	/* Polled counters do not tell which segment it was. */
	if (r->drop.stage) {
		number(j, r->drop.stage == EVG_ACK ? ",\"stage\":{\"ack\":" : ",\"stage\":{\"syn\":",
		       r->count);
		JSON_LITERAL(j, "}");
	}
	if (r->has & HAS_AT_MOST)
		number(j, ",\"at_most\":", r->drop.at_most);
	JSON_LITERAL(j, ",\"reason\":\"");
	json_word(j, name_drop_reason(r->drop.reason));
	JSON_LITERAL(j, "\",\"counter\":\"");
	json_word(j, name_drop_counter(r->drop.reason));
	JSON_LITERAL(j, "\"");
	if (r->has & HAS_QUEUES)
		queues(j, &r->drop);
	if (r->has & HAS_TRY)
		number(j, ",\"try\":", r->drop.tries);
	if (r->has & HAS_TRY && r->drop.tries_lower)
		JSON_LITERAL(j, ",\"try_lower_bound\":true");
	if (!(r->has & HAS_PEERS))
		return;
	number(j, ",\"connections\":", r->drop.connections);
	number(j, ",\"peers\":", r->drop.peers);
	if (r->drop.peers_lower)
		JSON_LITERAL(j, ",\"connections_lower_bound\":true");
}

static void accept_queue(struct json *j, const struct record *r)
{
	if (!(r->has & HAS_QUEUES))
		return;
	number(j, ",\"accept_queue\":{\"length\":", r->accept_queue.length);
	number(j, ",\"limit\":", r->accept_queue.limit);
	JSON_LITERAL(j, "}");
}

static void identity(struct json *j, const struct record *r)
{
	JSON_LITERAL(j, ",\"role\":\"");
	json_word(j, name_role(r->role));
	JSON_LITERAL(j, "\"");
	if (r->has & HAS_OWNER) {
		JSON_LITERAL(j, ",\"owner_source\":\"");
		json_word(j, name_owner_source(r->owner_source));
		JSON_LITERAL(j, "\"");
	}
	JSON_LITERAL(j, ",\"method\":\"");
	json_word(j, name_method(r->method));
	JSON_LITERAL(j, "\"");
	if (r->has & HAS_COOKIE) {
		JSON_LITERAL(j, ",\"cookie\":\"");
		json_hex(j, r->cookie);
		JSON_LITERAL(j, "\"");
	}
	if (r->has & HAS_NETNS) {
		JSON_LITERAL(j, ",\"netns\":");
		json_u64(j, r->netns);
	}
	if (r->has & HAS_IFINDEX) {
		JSON_LITERAL(j, ",\"ifindex\":");
		json_u64(j, r->ifindex);
	}
	if (r->mptcp)
		JSON_LITERAL(j, ",\"mptcp\":true");
	if (r->shared_port)
		JSON_LITERAL(j, ",\"shared_port\":true");
	if (r->late)
		JSON_LITERAL(j, ",\"first_seen_late\":true");
	if (r->poor)
		JSON_LITERAL(j, ",\"no_storage\":true");
}

static void lost(struct json *j, const struct stream_totals *t)
{
	number(j, "\"lost\":{\"total\":", t->lost);
	number(j, ",\"ring\":", t->lost_ring);
	number(j, ",\"missed\":", t->lost_missed);
	number(j, ",\"output\":", t->lost_output);
	number(j, ",\"malformed\":", t->lost_malformed);
	JSON_LITERAL(j, "}");
}

static void totals(struct json *j, const struct record *r)
{
	const struct stream_totals *t = r->totals;

	if (!t)
		return;
	if (r->kind == REC_LOST) {
		JSON_LITERAL(j, ",");
		lost(j, t);
		return;
	}
	number(j, ",\"uptime_ns\":", r->uptime_ns);
	number(j, ",\"totals\":{\"printed\":", t->printed);
	number(j, ",\"made\":", t->made);
	number(j, ",\"held_back\":", t->held_back);
	number(j, ",\"recovered\":", t->recovered);
	number(j, ",\"gaps\":", t->gaps);
	number(j, ",\"first_seen_late\":", t->late);
	number(j, ",\"poorer\":", t->poorer);
	number(j, ",\"unknown_cause\":", t->unknown_cause);
	number(j, ",\"filtered\":", t->filtered);
	JSON_LITERAL(j, ",");
	lost(j, t);
	JSON_LITERAL(j, "}");
}

static void word_field(struct json *j, const char *name, const char *value, size_t max)
{
	if (!value)
		return;
	json_word(j, name);
	json_string(j, (const uint8_t *)value, max);
}

static void start(struct json *j, const struct stream_info *info)
{
	if (!info)
		return;
	word_field(j, ",\"version\":", info->version, 32);
	word_field(j, ",\"kernel\":", info->kernel, 65);
	word_field(j, ",\"boot_id\":", info->boot_id, 40);
	word_field(j, ",\"tier\":", info->tier, 16);
	word_field(j, ",\"events\":", info->events, 64);
	word_field(j, ",\"filter\":", info->filter, FILTER_MAX);
	JSON_LITERAL(j, ",\"hooks\":{");
	for (size_t i = 0; i < info->hooks_len; i++) {
		if (i)
			JSON_LITERAL(j, ",");
		json_string(j, (const uint8_t *)info->hooks[i].fact, 64);
		JSON_LITERAL(j, ":");
		json_string(j, (const uint8_t *)info->hooks[i].method, 16);
	}
	JSON_LITERAL(j, "}");
}

static void own(struct json *j, const struct record *r)
{
	JSON_LITERAL(j, ",\"tcptrail\":{\"schema\":\"" SCHEMA_VERSION "\"");
	if (r->kind < REC_START)
		number(j, ",\"count\":", r->count);
	if (r->has & HAS_WINDOW)
		number(j, ",\"window_ns\":", r->window_ns);
	if (r->kind == REC_STATE)
		state(j, r);
	else if (r->kind == REC_RETRANSMIT)
		retransmit(j, r);
	else if (r->kind == REC_RESET)
		reset(j, r);
	else if (r->kind == REC_DROP || r->kind == REC_SYNCOOKIE)
		drop(j, r);
	else if (r->kind == REC_ACCEPT)
		accept_queue(j, r);
	if (r->kind < REC_START)
		identity(j, r);
	if (r->kind == REC_START)
		start(j, r->info);
	else
		totals(j, r);
	JSON_LITERAL(j, "}}\n");
}

static bool sink_json_write(struct sink *s, const struct record *r)
{
	char *room = output_reserve(s->out, OUTPUT_LINE_MAX), error[24];
	struct json j = { .at = room, .end = room + OUTPUT_LINE_MAX };

	if (!room)
		return false;
	JSON_LITERAL(&j, "{\"@timestamp\":");
	json_time(&j, &s->time, r->wall_ns);
	json_raw(&j, s->agent, s->agent_len);
	event(s, &j, r);
	if (r->kind < REC_START) {
		network(&j, r);
		owner(&j, r);
	}
	if (r->has & HAS_ERRNO) {
		JSON_LITERAL(&j, ",\"error\":{\"code\":\"");
		json_word(&j, name_errno(r->err, error, sizeof(error)));
		JSON_LITERAL(&j, "\"}");
	}
	own(&j, r);
	if (j.full)
		return false;
	s->sequence++;
	output_commit(s->out, j.at - room);
	return true;
}

static void sink_json_close(struct sink *s)
{
	free(s);
}

const struct sink_ops sink_json = {
	.name = "json",
	.open = sink_json_open,
	.write = sink_json_write,
	.close = sink_json_close,
};
