// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * metrics_print.c - struct metrics in Prometheus' text format, with the names and
 * base units that its conventions want. `promtool check metrics` reads the golden
 * file. Ours and no client library: the libraries in C hold the table, too, and
 * lock it; this is a page of fprintf(3).
 *
 * A counter whose label values are a short closed list starts at 0 (rate() sees no
 * first step otherwise); of the longer lists only what was seen is printed.
 */
#include <inttypes.h>
#include <string.h>

#include "format.h"
#include "metrics.h"
#include "names.h"
#include "options.h"

#define NS_PER_S UINT64_C(1000000000)

static void family(FILE *f, const char *name, const char *type, const char *help)
{
	fprintf(f, "# HELP tcptrail_%s %s\n# TYPE tcptrail_%s %s\n", name, help, name, type);
}

static void seconds(FILE *f, uint64_t ns)
{
	fprintf(f, "%" PRIu64 ".%09" PRIu64, ns / NS_PER_S, ns % NS_PER_S);
}

/* `text` holds what format_plain() lets through: no control, valid UTF-8. */
static void quoted(FILE *f, const char *name, const char *text)
{
	fprintf(f, "%s=\"", name);
	for (; *text; text++) {
		if (*text == '\\' || *text == '"')
			fputc('\\', f);
		fputc(*text, f);
	}
	fputc('"', f);
}

static void label(FILE *f, const char *name, const char *text)
{
	if (!text || !text[0])
		return;
	fputc(',', f);
	quoted(f, name, text);
}

static void histogram(FILE *f, const char *name, const char *labels,
		      const struct metrics_histogram *h, const uint64_t *bounds, size_t n)
{
	const char *comma = labels[0] ? "," : "";
	uint64_t below = 0;

	for (size_t i = 0; i < n; i++) {
		below += h->buckets[i];
		fprintf(f, "tcptrail_%s_bucket{%s%sle=\"%g\"} %" PRIu64 "\n", name, labels, comma,
			bounds[i] / 1e9, below);
	}
	below += h->buckets[n];
	fprintf(f, "tcptrail_%s_bucket{%s%sle=\"+Inf\"} %" PRIu64 "\n", name, labels, comma, below);
	fprintf(f, "tcptrail_%s_sum%s%s%s ", name, labels[0] ? "{" : "", labels, labels[0] ? "}" : "");
	seconds(f, h->sum_ns);
	fprintf(f, "\ntcptrail_%s_count%s%s%s %" PRIu64 "\n", name, labels[0] ? "{" : "", labels,
		labels[0] ? "}" : "", below);
}

static void print_transitions(FILE *f, const struct metrics *m)
{
	family(f, "transitions_total", "counter", "Transitions of RFC 9293's states.");
	for (unsigned int from = 0; from < EVS_MAX; from++)
		for (unsigned int to = 0; to < EVS_MAX; to++)
			if (m->transitions[from][to])
				fprintf(f, "tcptrail_transitions_total{from=\"%s\",to=\"%s\"} %" PRIu64 "\n",
					name_state_otel(from), name_state_otel(to), m->transitions[from][to]);
}

static const char *outcome(enum cause cause)
{
	return cause == CAUSE_UNKNOWN ? "unknown" : cause_failed(cause) ? "failure" : "success";
}

static void print_connections(FILE *f, const struct metrics *m)
{
	char labels[64];

	family(f, "connections_ended_total", "counter", "Connections that ended, by who opened them and how they ended.");
	for (unsigned int role = 0; role < EVR_MAX; role++)
		for (unsigned int cause = 0; cause < CAUSE_MAX; cause++)
			if (m->ended[role][cause])
				fprintf(f, "tcptrail_connections_ended_total{role=\"%s\",outcome=\"%s\",cause=\"%s\"} %" PRIu64 "\n",
					name_role(role), outcome(cause), cause_name(cause),
					m->ended[role][cause]);
	family(f, "connection_duration_seconds", "histogram", "Age of connections at their end; those open before the start left out.");
	for (unsigned int role = 0; role < EVR_LISTENER; role++) {
		snprintf(labels, sizeof(labels), "role=\"%s\"", name_role(role));
		histogram(f, "connection_duration_seconds", labels, &m->age[role], metrics_age_ns,
			  METRICS_AGE_BOUNDS);
	}
	family(f, "state_duration_seconds", "histogram", "Time in each state, told when the connection ended.");
	for (unsigned int s = EVS_ESTABLISHED; s < EVS_MAX; s++) {
		if (ev_life_place(s) >= EV_LIFE_STATES || s == EVS_NEW_SYN_RECV)
			continue;
		snprintf(labels, sizeof(labels), "state=\"%s\"", name_state_otel(s));
		histogram(f, "state_duration_seconds", labels, &m->in_state[ev_life_place(s)],
			  metrics_age_ns, METRICS_AGE_BOUNDS);
	}
	family(f, "handshake_duration_seconds", "histogram", "From the SYN to ESTABLISHED of connections opened here, told when they ended.");
	histogram(f, "handshake_duration_seconds", "", &m->handshake, metrics_wait_ns, METRICS_WAIT_BOUNDS);
}

static void print_listener(FILE *f, const struct metrics_listener *l)
{
	char text[64], comm[4 * EV_COMM_LEN + 1];
	static const uint8_t none[16];

	for (unsigned int reason = 0; reason < EVD_MAX; reason++) {
		if (!l->drops[reason])
			continue;
		fprintf(f, "tcptrail_listener_drops_total{reason=\"%s\"", name_drop_reason(reason));
		label(f, "listener", format_endpoint(l->family ? l->family : 4, l->family ? l->addr : none,
						     true, l->port, true, text, sizeof(text)));
		fprintf(f, ",netns=\"%u\"", l->netns);
		label(f, "comm", format_plain(l->comm, sizeof(l->comm), comm, sizeof(comm)));
		label(f, "service", l->unit);
		label(f, "container", l->container);
		fprintf(f, "} %" PRIu64 "\n", l->drops[reason]);
	}
}

static void print_drops(FILE *f, const struct metrics *m)
{
	static const char *const stages[EVG_MAX] = { "unknown", "syn", "ack" };

	family(f, "drops_total", "counter", "SYNs and final ACKs that listeners refused.");
	for (unsigned int stage = 0; stage < EVG_MAX; stage++)
		for (unsigned int reason = 0; reason < EVD_MAX; reason++)
			if (reason != EVD_COOKIE)
				fprintf(f, "tcptrail_drops_total{stage=\"%s\",reason=\"%s\"} %" PRIu64 "\n",
					stages[stage], name_drop_reason(reason), m->drops[stage][reason]);
	family(f, "listener_drops_total", "counter", "The same by listener; \"other\": those beyond the first 64, or not known.");
	for (size_t i = 0; i < METRICS_LISTENERS; i++)
		if (m->listeners[i].last_ns)
			print_listener(f, &m->listeners[i]);
	for (unsigned int reason = 0; reason < EVD_MAX; reason++)
		if (m->other_drops[reason])
			fprintf(f, "tcptrail_listener_drops_total{reason=\"%s\",listener=\"other\"} %" PRIu64 "\n",
				name_drop_reason(reason), m->other_drops[reason]);
}

static void print_resets(FILE *f, const struct metrics *m)
{
	static const char *const directions[] = { "received", "sent" };
	char name[4 * sizeof(m->reasons[0].name)];

	family(f, "resets_total", "counter", "RSTs, with the running kernel's own reason where it has one.");
	for (int sent = 0; sent < 2; sent++) {
		for (size_t i = 0; i < METRICS_REASONS; i++) {
			if (!m->reasons[i].resets[sent])
				continue;
			fprintf(f, "tcptrail_resets_total{direction=\"%s\"", directions[sent]);
			label(f, "reason", format_plain((const uint8_t *)m->reasons[i].name,
							sizeof(m->reasons[i].name), name, sizeof(name)));
			fprintf(f, "} %" PRIu64 "\n", m->reasons[i].resets[sent]);
		}
		fprintf(f, "tcptrail_resets_total{direction=\"%s\"} %" PRIu64 "\n", directions[sent],
			m->other_resets[sent]);
	}
}

static void print_retransmits(FILE *f, const struct metrics *m)
{
	bool data = m->made & EVENTS_DATA_RETRANSMIT;

	family(f, "retransmits_total", "counter", "Segments sent again; data only where -e names retransmit.");
	for (unsigned int type = EVX_SYN; type < EVX_MAX; type++)
		if (data || type == EVX_SYN || type == EVX_SYNACK)
			fprintf(f, "tcptrail_retransmits_total{type=\"%s\"} %" PRIu64 "\n",
				name_retransmit(type), m->retransmits[type]);
}

static void print_errors(FILE *f, const struct metrics *m)
{
	char name[24];

	family(f, "errors_total", "counter", "Errors that the kernel reported to a socket.");
	for (unsigned int err = 0; err < METRICS_ERRNOS; err++)
		if (m->errors[err])
			fprintf(f, "tcptrail_errors_total{errno=\"%s\"} %" PRIu64 "\n",
				name_errno(err, name, sizeof(name)), m->errors[err]);
	fprintf(f, "tcptrail_errors_total{errno=\"other\"} %" PRIu64 "\n", m->other_errors);
}

/* The pairs that fail and have been seen, and every limit from 0 on. */
static void print_limits(FILE *f, const struct metrics *m)
{
	static const char *const outcomes[] = { "cut", "failed" };
	static const enum ev_limit_call usual[EVL_LIMITS] = {
		[EVL_OPEN_FILES] = EVL_ACCEPT4, [EVL_FILE_MAX] = EVL_ACCEPT4,
		[EVL_LOCAL_PORTS] = EVL_CONNECT, [EVL_SOMAXCONN] = EVL_LISTEN,
	};

	family(f, "limit_hits_total", "counter", "Calls that failed at a limit, or were cut to one.");
	for (unsigned int name = 1; name < EVL_LIMITS; name++)
		for (unsigned int call = 1; call < EVL_CALLS; call++)
			for (unsigned int failed = 0; failed < 2; failed++)
				if (m->limits[name][call][failed] ||
				    (call == usual[name] && failed == (name != EVL_SOMAXCONN)))
					fprintf(f, "tcptrail_limit_hits_total{limit=\"%s\",call=\"%s\",outcome=\"%s\"} %" PRIu64 "\n",
						name_limit(name), name_limit_call(call), outcomes[failed],
						m->limits[name][call][failed]);
}

static void print_sockets(FILE *f, const struct gauges *g)
{
	family(f, "sockets", "gauge", "TCP sockets of this network namespace by state.");
	for (unsigned int state = EVS_ESTABLISHED; state < EVS_MAX; state++)
		if (state != EVS_CLOSE && state != EVS_NEW_SYN_RECV)	/* told as SYN-RECEIVED */
			fprintf(f, "tcptrail_sockets{state=\"%s\"} %" PRIu64 "\n",
				name_state_otel(state), g->sockets[state]);
}

/* Two tables of neighbours: the fuller one. */
static const struct limit_row *nearest_of(const struct gauges *g, unsigned int kind)
{
	const struct limit_row *nearest = NULL;

	for (size_t i = 0; i < g->limits.len; i++)
		if (g->limits.all[i].kind == kind &&
		    (!nearest || limit_percent(&g->limits.all[i]) > limit_percent(nearest)))
			nearest = &g->limits.all[i];
	return nearest;
}

static void print_near_limits(FILE *f, const struct gauges *g)
{
	static const char *const names[] = { "limit_used", "limit_max" };

	family(f, names[0], "gauge", "Use of the limits of the host and of this network namespace.");
	for (unsigned int kind = 0; kind < LIMITS; kind++)
		if (nearest_of(g, kind))
			fprintf(f, "tcptrail_%s{limit=\"%s\"} %" PRIu64 "\n", names[0], limit_name(kind),
				nearest_of(g, kind)->use);
	family(f, names[1], "gauge", "The limits themselves.");
	for (unsigned int kind = 0; kind < LIMITS; kind++)
		if (nearest_of(g, kind))
			fprintf(f, "tcptrail_%s{limit=\"%s\"} %" PRIu64 "\n", names[1], limit_name(kind),
				nearest_of(g, kind)->max);
}

static void print_kinds(FILE *f, const struct metrics *m)
{
	if (m->made & EVENTS_STATE)
		print_transitions(f, m);
	if (m->made & EVENTS_CONNECTION)
		print_connections(f, m);
	if (m->made & EVENTS_ACCEPT) {
		family(f, "accept_wait_seconds", "histogram", "From ESTABLISHED to accept().");
		histogram(f, "accept_wait_seconds", "", &m->accept_wait, metrics_wait_ns, METRICS_WAIT_BOUNDS);
	}
	if (m->made & EVENTS_DROP)
		print_drops(f, m);
	if (m->made & EVENTS_SYNCOOKIE) {
		family(f, "syncookies_total", "counter", "Cookies sent instead of queueing a SYN.");
		fprintf(f, "tcptrail_syncookies_total %" PRIu64 "\n", m->syncookies);
	}
	if (m->made & EVENTS_RESET)
		print_resets(f, m);
	if (m->made & (EVENTS_SYN_RETRANSMIT | EVENTS_DATA_RETRANSMIT))
		print_retransmits(f, m);
	if (m->made & EVENTS_ERROR)
		print_errors(f, m);
	if (m->made & EVENTS_LIMIT)
		print_limits(f, m);
	family(f, "events_total", "counter", "Events of each kind, before -e and --sample leave any out.");
	for (unsigned int kind = 0; kind < REC_START; kind++)
		if (m->events[kind])
			fprintf(f, "tcptrail_events_total{kind=\"%s\"} %" PRIu64 "\n", name_kind(kind),
				m->events[kind]);
}

static void print_stream(FILE *f, const struct stream_totals *t, bool recorded)
{
	const struct {
		const char *place;
		uint64_t n;
	} lost[] = { { "ring", t->lost_ring }, { "missed", t->lost_missed },
		     { "output", t->lost_output }, { "malformed", t->lost_malformed },
		     { "recording", t->lost_recording } };
	size_t places = sizeof(lost) / sizeof(lost[0]) - !recorded;

	family(f, "lost_records_total", "counter", "Events that were not told, by place.");
	for (size_t i = 0; i < places; i++)
		fprintf(f, "tcptrail_lost_records_total{place=\"%s\"} %" PRIu64 "\n", lost[i].place, lost[i].n);
	family(f, "printed_records_total", "counter", "Records given to the output.");
	fprintf(f, "tcptrail_printed_records_total %" PRIu64 "\n", t->printed);
	family(f, "poorer_records_total", "counter", "Records that went out with less: no storage, a full map.");
	fprintf(f, "tcptrail_poorer_records_total %" PRIu64 "\n", t->poorer);
	family(f, "unknown_cause_total", "counter", "Transitions whose cause the socket does not tell.");
	fprintf(f, "tcptrail_unknown_cause_total %" PRIu64 "\n", t->unknown_cause);
}

static void print_start(FILE *f, const struct metrics_own *own)
{
	family(f, "start_time_seconds", "gauge", "When this trace began, seconds since 1970.");
	fputs("tcptrail_start_time_seconds ", f);
	seconds(f, own->started_ns);
	fputc('\n', f);
}

static void print_process(FILE *f, const struct metrics_own *own)
{
	family(f, "cpu_seconds_total", "counter", "CPU time of tcptrail itself; its hooks run in the traced processes' time.");
	fputs("tcptrail_cpu_seconds_total{mode=\"user\"} ", f);
	seconds(f, own->user_ns);
	fputs("\ntcptrail_cpu_seconds_total{mode=\"system\"} ", f);
	seconds(f, own->system_ns);
	fputc('\n', f);
	family(f, "resident_memory_bytes", "gauge", "Memory of tcptrail itself.");
	fprintf(f, "tcptrail_resident_memory_bytes %" PRIu64 "\n", own->resident_bytes);
	if (own->ring_fill < 0)
		return;
	family(f, "ring_fill_ratio", "gauge", "Fill of the ring buffer, the highest since the file was written before.");
	fprintf(f, "tcptrail_ring_fill_ratio %.6f\n", own->ring_fill);
}

bool metrics_print(const struct metrics *m, const struct metrics_own *own, FILE *f)
{
	const struct stream_info *info = own->info;

	if (info) {
		family(f, "build_info", "gauge", "Version, kernel and tier of hooks of this trace.");
		fputs("tcptrail_build_info{", f);
		quoted(f, "version", info->version);
		label(f, "kernel", info->kernel);
		label(f, "tier", info->tier);
		fputs("} 1\n", f);
	}
	if (own->started_ns)
		print_start(f, own);
	if (!own->recorded)
		print_process(f, own);
	if (own->totals)
		print_stream(f, own->totals, own->recorded);
	print_kinds(f, m);
	if (own->gauges && own->gauges->has_sockets)
		print_sockets(f, own->gauges);
	if (own->gauges)
		print_near_limits(f, own->gauges);
	return !ferror(f);
}
