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
#include "stall_json.h"

#define UNIT_MAX	256
#define FILTER_MAX	512
#define SCHEMA_VERSION	"1.0"

struct sink {
	struct output *out;
	uint64_t sequence;
	struct json_time time;
	struct json_time began;	/* of connections: another second than now */
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
	return r->kind == REC_CONNECTION ||
	       (r->kind == REC_STATE && (r->to == EVS_CLOSE || r->to == EVS_TIME_WAIT));
}

static bool failed(const struct record *r)
{
	return r->kind == REC_ERROR || r->kind == REC_LOST || r->kind == REC_DROP ||
	       (r->kind == REC_SUMMARY && r->summary->outcome == OUTCOME_FAILURE) ||
	       (r->kind == REC_LIMIT && r->has & HAS_ERRNO) ||
	       ((r->kind == REC_STATE || r->kind == REC_CONNECTION) && cause_failed(r->cause));
}

static bool succeeded(const struct record *r)
{
	if (r->kind == REC_SUMMARY)
		return r->summary->outcome == OUTCOME_SUCCESS;
	return r->cause != CAUSE_UNKNOWN &&
	       ((r->kind == REC_STATE && r->to == EVS_ESTABLISHED) || enters_end(r));
}

/* Values that ECS allows: event.kind, .category, .type, .outcome. */
static void ecs_class(struct json *j, const struct record *r)
{
	JSON_LITERAL(j, ",\"kind\":");
	if (r->kind == REC_HEARTBEAT || r->kind == REC_SUMMARY)
		JSON_LITERAL(j, "\"metric\"");
	else if (r->kind == REC_STALL)
		JSON_LITERAL(j, "\"alert\"");
	else
		JSON_LITERAL(j, "\"event\"");
	JSON_LITERAL(j, ",\"category\":[\"network\"],\"type\":[");
	if (r->kind >= REC_START || r->kind == REC_SUMMARY)
		JSON_LITERAL(j, "\"info\"");
	else
		JSON_LITERAL(j, "\"connection\"");
	if (r->kind == REC_STATE && r->to == EVS_ESTABLISHED)
		JSON_LITERAL(j, ",\"start\"");
	else if (enters_end(r))
		JSON_LITERAL(j, ",\"end\"");
	if (r->kind == REC_DROP)
		JSON_LITERAL(j, ",\"denied\"");
	else if (failed(r) || (r->kind == REC_STALL && r->stall_phase != STALL_END))
		JSON_LITERAL(j, ",\"error\"");
	JSON_LITERAL(j, "]");
	if (failed(r))
		JSON_LITERAL(j, ",\"outcome\":\"failure\"");
	else if (succeeded(r))
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
	if (r->kind == REC_CONNECTION && r->has & HAS_DURATION && !r->duration_lower) {
		JSON_LITERAL(j, ",\"start\":");
		json_time(j, &s->began, r->wall_ns - r->duration_ns);
	}
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
	/* What that end sent. */
	if (r->kind == REC_CONNECTION) {
		JSON_LITERAL(j, ",\"bytes\":");
		json_u64(j, local ? r->life.bytes_sent : r->life.bytes_received);
		JSON_LITERAL(j, ",\"packets\":");
		json_u64(j, local ? r->life.segments_sent : r->life.segments_received);
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
		JSON_LITERAL(j, ",\"process\":{");
		if (r->kind != REC_SUMMARY) {
			JSON_LITERAL(j, "\"pid\":");
			json_u64(j, r->pid);
			JSON_LITERAL(j, ",");
		}
		JSON_LITERAL(j, "\"name\":");
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

static void queues(struct json *j, const struct record_drop *d)
{
	const char *bound = name_drop_bound(d);

	if (bound) {
		JSON_LITERAL(j, ",\"bound_by\":\"");
		json_word(j, bound);
		JSON_LITERAL(j, "\"");
	}
	json_number(j, ",\"accept_queue\":{\"length\":", d->queues.accept_queue);
	json_number(j, ",\"limit\":", d->queues.backlog);
	json_number(j, "},\"syn_queue\":{\"length\":", d->queues.syn_queue);
	json_number(j, ",\"limit\":", d->queues.backlog);
	json_number(j, "},\"somaxconn\":", d->queues.somaxconn);
	json_number(j, ",\"max_syn_backlog\":", d->queues.max_syn_backlog);
	json_number(j, ",\"syncookies\":", d->queues.syncookies);
	if (d->queues.abort_on_overflow)
		JSON_LITERAL(j, ",\"abort_on_overflow\":true");
	else
		JSON_LITERAL(j, ",\"abort_on_overflow\":false");
}

static void drop(struct json *j, const struct record *r)
{
	/* Polled counters do not tell which segment it was. */
	if (r->drop.stage) {
		json_number(j, r->drop.stage == EVG_ACK ? ",\"stage\":{\"ack\":" : ",\"stage\":{\"syn\":",
			    r->count);
		JSON_LITERAL(j, "}");
	}
	if (r->has & HAS_AT_MOST)
		json_number(j, ",\"at_most\":", r->drop.at_most);
	if (r->has & HAS_NOT_SEEN)
		JSON_LITERAL(j, ",\"not_seen\":true");
	JSON_LITERAL(j, ",\"reason\":\"");
	json_word(j, name_drop_reason(r->drop.reason));
	JSON_LITERAL(j, "\",\"counter\":\"");
	json_word(j, name_drop_counter(r->drop.reason));
	JSON_LITERAL(j, "\"");
	if (r->has & HAS_QUEUES)
		queues(j, &r->drop);
	if (r->has & HAS_TRY)
		json_number(j, ",\"try\":", r->drop.tries);
	if (r->has & HAS_TRY && r->drop.tries_lower)
		JSON_LITERAL(j, ",\"try_lower_bound\":true");
	if (r->has & HAS_ACCEPTS) {
		json_number(j, ",\"accepts\":", r->drop.accepts);
		json_number(j, ",\"accepts_window_ns\":", r->drop.accepts_ns);
	}
	if (r->has & HAS_SYNS)
		json_number(j, ",\"syns\":", r->drop.syns);
	if (r->because) {
		JSON_LITERAL(j, ",\"because\":\"");
		json_word(j, r->because);
		JSON_LITERAL(j, "\"");
	}
	if (!(r->has & HAS_PEERS))
		return;
	json_number(j, ",\"connections\":", r->drop.connections);
	json_number(j, ",\"peers\":", r->drop.peers);
	if (r->drop.peers_lower)
		JSON_LITERAL(j, ",\"connections_lower_bound\":true");
}

static void accept_queue(struct json *j, const struct record *r)
{
	if (!(r->has & HAS_QUEUES))
		return;
	json_number(j, ",\"accept_queue\":{\"length\":", r->accept_queue.length);
	json_number(j, ",\"limit\":", r->accept_queue.limit);
	JSON_LITERAL(j, "}");
}

static void limit(struct json *j, const struct record *r)
{
	const struct record_limit *l = &r->limit;

	JSON_LITERAL(j, ",\"call\":\"");
	json_word(j, name_limit_call(l->call));
	JSON_LITERAL(j, "\",\"limit\":{\"name\":\"");
	json_word(j, name_limit(l->name));
	JSON_LITERAL(j, "\"");
	if (l->has_use)
		json_number(j, ",\"use\":", l->use);
	if (l->has_value && l->value != UINT64_MAX)
		json_number(j, ",\"value\":", l->value);
	if (l->has_hard && l->hard != UINT64_MAX)
		json_number(j, ",\"hard\":", l->hard);
	if (l->set_by) {
		JSON_LITERAL(j, ",\"set_by\":\"");
		json_word(j, l->set_by);
		JSON_LITERAL(j, "\"");
	}
	if (l->low) {
		json_number(j, ",\"range\":[", l->low);
		json_number(j, ",", l->high);
		JSON_LITERAL(j, "]");
	}
	if (l->has_used) {
		json_number(j, ",\"connections\":", l->used);
		json_number(j, ",\"time_wait\":", l->time_wait);
	}
	if (l->name == EVL_SOMAXCONN && l->has_value) {
		JSON_LITERAL(j, ",\"asked\":");
		if (l->asked < 0)
			JSON_LITERAL(j, "-");
		json_u64(j, l->asked < 0 ? -(uint64_t)l->asked : (uint64_t)l->asked);
	}
	JSON_LITERAL(j, "}");
	accept_queue(j, r);
}

static void relisten(struct json *j, const struct record *r)
{
	json_number(j, ",\"backlog_before\":", r->backlog_before);
	accept_queue(j, r);
}

static void time_in(struct json *j, const uint64_t in_ns[EV_LIFE_STATES])
{
	bool first = true;

	JSON_LITERAL(j, ",\"time_in_ns\":{");
	for (unsigned int s = EVS_ESTABLISHED; s < EVS_MAX; s++) {
		unsigned int place = ev_life_place(s);

		if (place >= EV_LIFE_STATES || !in_ns[place])
			continue;
		if (!first)
			JSON_LITERAL(j, ",");
		first = false;
		JSON_LITERAL(j, "\"");
		json_word(j, name_state_otel(s));
		JSON_LITERAL(j, "\":");
		json_u64(j, in_ns[place]);
	}
	JSON_LITERAL(j, "}");
}

static void connection(struct json *j, const struct record *r)
{
	const struct record_life *l = &r->life;

	state(j, r);
	if (l->first_close == EVS_FIN_WAIT1)
		JSON_LITERAL(j, ",\"closed_by\":\"local\"");
	else if (l->first_close == EVS_CLOSE_WAIT)
		JSON_LITERAL(j, ",\"closed_by\":\"peer\"");
	time_in(j, l->in_ns);
	if (r->has & HAS_ACCEPT_WAIT)
		json_number(j, ",\"accept_wait_ns\":", l->accept_wait_ns);
	json_number(j, ",\"retransmits\":{\"syn\":", l->syns_resent);
	json_number(j, ",\"data\":", l->resent);
	json_number(j, ",\"bytes\":", l->bytes_resent);
	JSON_LITERAL(j, "}");
	if (r->has & HAS_RTT) {
		json_number(j, ",\"rtt_us\":", l->rtt_us);
		json_number(j, ",\"rtt_min_us\":", l->rtt_min_us);
	}
	json_number(j, ",\"busy_ns\":", l->busy_ns);
	json_number(j, ",\"limited_ns\":{\"rwnd\":", l->rwnd_ns);
	json_number(j, ",\"sndbuf\":", l->sndbuf_ns);
	JSON_LITERAL(j, "}");
}

static void times(struct json *j, const char *name, const struct record_times *t)
{
	if (!t->count)
		return;
	json_word(j, name);
	json_number(j, "{\"count\":", t->count);
	json_number(j, ",\"p50_ns\":", t->p50_ns);
	json_number(j, ",\"p90_ns\":", t->p90_ns);
	json_number(j, ",\"p99_ns\":", t->p99_ns);
	json_number(j, ",\"max_ns\":", t->max_ns);
	JSON_LITERAL(j, "}");
}

/* Bytes are not those of a source and a destination: what is summed as the rest has
 * neither. */
static void summary(struct json *j, const struct record_summary *s)
{
	if (s->rest)
		JSON_LITERAL(j, ",\"rest\":true");
	times(j, ",\"handshake\":", &s->handshake);
	times(j, ",\"accept_wait\":", &s->accept_wait);
	times(j, ",\"age\":", &s->age);
	json_number(j, ",\"sent_bytes\":", s->bytes_sent);
	json_number(j, ",\"received_bytes\":", s->bytes_received);
	json_number(j, ",\"retransmits\":{\"syn\":", s->syns_resent);
	json_number(j, ",\"data\":", s->resent);
	json_number(j, ",\"bytes\":", s->bytes_resent);
	JSON_LITERAL(j, "}");
}

static void identity(struct json *j, const struct record *r)
{
	JSON_LITERAL(j, ",\"role\":\"");
	json_word(j, name_role(r->role));
	JSON_LITERAL(j, "\"");
	if (r->has & HAS_OWNER && r->kind != REC_SUMMARY) {
		JSON_LITERAL(j, ",\"owner_source\":\"");
		json_word(j, name_owner_source(r->owner_source));
		JSON_LITERAL(j, "\"");
	}
	if (r->kind != REC_SUMMARY) {
		JSON_LITERAL(j, ",\"method\":\"");
		json_word(j, name_method(r->method));
		JSON_LITERAL(j, "\"");
	}
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
	json_number(j, "\"lost\":{\"total\":", t->lost);
	json_number(j, ",\"ring\":", t->lost_ring);
	json_number(j, ",\"missed\":", t->lost_missed);
	json_number(j, ",\"output\":", t->lost_output);
	json_number(j, ",\"malformed\":", t->lost_malformed);
	if (t->lost_recording)
		json_number(j, ",\"recording\":", t->lost_recording);
	JSON_LITERAL(j, "}");
}

/* Equal once all that went in has come out: no hook misses any then. */
static void in_and_out(struct json *j, const char *name, uint64_t in, uint64_t out)
{
	if (!in && !out)
		return;
	json_number(j, name, in);
	json_number(j, ",\"out\":", out);
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
	json_number(j, ",\"uptime_ns\":", r->uptime_ns);
	json_number(j, ",\"totals\":{\"printed\":", t->printed);
	json_number(j, ",\"made\":", t->made);
	json_number(j, ",\"held_back\":", t->held_back);
	json_number(j, ",\"recovered\":", t->recovered);
	json_number(j, ",\"gaps\":", t->gaps);
	json_number(j, ",\"first_seen_late\":", t->late);
	json_number(j, ",\"poorer\":", t->poorer);
	json_number(j, ",\"unknown_cause\":", t->unknown_cause);
	json_number(j, ",\"filtered\":", t->filtered);
	in_and_out(j, ",\"syn_queue\":{\"in\":", t->requests_queued, t->requests_left);
	in_and_out(j, ",\"mini_sockets\":{\"in\":", t->minis_made, t->minis_ended);
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
	word_field(j, ",\"events\":", info->events, 160);
	word_field(j, ",\"filter\":", info->filter, FILTER_MAX);
	if (info->recorded_id) {
		json_number(j, ",\"recording\":{\"version\":", info->recorded_version);
		word_field(j, ",\"ephemeral_id\":", info->recorded_id, 16);
		JSON_LITERAL(j, "}");
	}
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

static void stall(struct json *j, const struct record *r)
{
	const struct stall_row *row = r->stall;
	char advice[512];

	JSON_LITERAL(j, ",\"verdict\":\"");
	json_word(j, stall_name(row->verdict.stall));
	JSON_LITERAL(j, "\",\"phase\":\"");
	json_word(j, stall_phase_name(r->stall_phase));
	JSON_LITERAL(j, "\"");
	if (r->duration_lower)
		JSON_LITERAL(j, ",\"duration_lower_bound\":true");
	if (r->count > 1 && row->oldest.sock.cookie) {
		JSON_LITERAL(j, ",\"oldest_cookie\":\"");
		json_hex(j, row->oldest.sock.cookie);
		JSON_LITERAL(j, "\"");
	}
	stall_json(j, row);
	if (r->stall_phase == STALL_END)
		return;
	stall_rows_advice(row, advice, sizeof(advice));
	JSON_LITERAL(j, ",\"advice\":");
	json_string(j, (const uint8_t *)advice, sizeof(advice));
}

static void own(struct json *j, const struct record *r)
{
	JSON_LITERAL(j, ",\"tcptrail\":{\"schema\":\"" SCHEMA_VERSION "\"");
	if (r->kind < REC_START)
		json_number(j, ",\"count\":", r->count);
	if (r->has & HAS_WINDOW)
		json_number(j, ",\"window_ns\":", r->window_ns);
	if (r->sample_n)
		json_number(j, ",\"sample_n\":", r->sample_n);
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
	else if (r->kind == REC_CONNECTION)
		connection(j, r);
	else if (r->kind == REC_SUMMARY)
		summary(j, r->summary);
	else if (r->kind == REC_LIMIT)
		limit(j, r);
	else if (r->kind == REC_LISTEN)
		relisten(j, r);
	else if (r->kind == REC_STALL)
		stall(j, r);
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
	if (j.full) {
		output_refuse(s->out);
		return false;
	}
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
