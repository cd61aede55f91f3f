// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "filter_terms.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "help_text.h"
#include "limit_rows.h"
#include "names.h"
#include "stall_rules.h"
#include "value.h"

#define E ROWS_EVENTS
#define L ROWS_LISTENERS
#define S ROWS_STALLS
#define C ROWS_CHECK
#define M ROWS_LIMITS

const struct filter_field_row filter_fields[FIELDS] = {
	[FIELD_SRC] = { "src", "local", "HOST", "this host's end, as in ss(8)", TYPE_ADDRESS, 0, E | L | S | C | M },
	[FIELD_DST] = { "dst", "peer remote", "HOST", "the other end", TYPE_ADDRESS, 0, E | S | C | M },
	[FIELD_HOST] = { "host", NULL, "HOST", "either end", TYPE_ADDRESS, 0, E | L | S | C | M },
	[FIELD_SPORT] = { "sport", "lport", "PORT", "this host's port", TYPE_PORT, UINT16_MAX, E | L | S | C },
	[FIELD_DPORT] = { "dport", "rport", "PORT", "the other end's", TYPE_PORT, UINT16_MAX, E | S | C | M },
	[FIELD_PORT] = { "port", NULL, "PORT", "either", TYPE_PORT, UINT16_MAX, E | L | S | C },
	[FIELD_FAMILY] = { "family", NULL, "inet|inet6", "IPv4 (in IPv6 sockets too) or IPv6; 4 or 6", TYPE_FAMILY, 0, E | L | S | C | M },
	[FIELD_DEV] = { "dev", NULL, "INTERFACE", "bound to it: a name (of this namespace) or an index", TYPE_DEV, UINT32_MAX, E | L | S | C },
	[FIELD_LOOPBACK] = { "loopback", NULL, NULL, "an end in 127.0.0.0/8, or ::1", TYPE_FLAG, 0, E | L | S | C },
	[FIELD_NETNS] = { "netns", NULL, "NETNS", "a path, a name of ip netns, a process id or an inode number", TYPE_NETNS, UINT32_MAX, E | L | S | C | M },
	[FIELD_PID] = { "pid", NULL, "N", "the owner's process id", TYPE_NUMBER, VALUE_PID_MAX, E | L | S | C | M },
	[FIELD_TREE] = { "tree", NULL, "N[,N]...", "of these processes and their descendants (once, up to 16)", TYPE_NUMBER, VALUE_PID_MAX, E },
	[FIELD_COMM] = { "comm", NULL, "NAME", "the owner's name", TYPE_STRING, EV_COMM_LEN - 1, E | L | S | C },
	[FIELD_UID] = { "uid", NULL, "USER", "the socket's user, a number or a name", TYPE_UID, UINT32_MAX - 1, E | L | S | C },
	[FIELD_CGROUP] = { "cgroup", NULL, "PATH", "in that cgroup, or below it", TYPE_STRING, 0, E | L | S | C },
	[FIELD_UNIT] = { "unit", "service", "UNIT", "systemd's; nginx is nginx.service", TYPE_STRING, 0, E | L | S | C },
	[FIELD_CONTAINER] = { "container", NULL, "ID", "its beginning is enough", TYPE_STRING, 0, E | L | S | C },
	[FIELD_POD] = { "pod", NULL, "UID", "Kubernetes's; its beginning is enough", TYPE_STRING, 0, E | L | S | C },
	[FIELD_ROLE] = { "role", NULL, "WORD", "client, server or listener", TYPE_LIST, 0, E },
	[FIELD_STATE] = { "state", NULL, "STATE", "that it is in, or entered; all, connected, synchronized,\nbucket and big as in ss(8); exclude STATE, too", TYPE_LIST, 0, E | S },
	[FIELD_EXCLUDE] = { "exclude", NULL, "STATE", NULL, TYPE_LIST, 0, E | S },
	[FIELD_FROM] = { "from", NULL, "STATE", "a transition's (or an end's): left", TYPE_LIST, 0, E },
	[FIELD_TO] = { "to", NULL, "STATE", "the same: entered", TYPE_LIST, 0, E },
	[FIELD_EVENT] = { "event", "action", "WORD", "event.action; without -e those are told, all of them", TYPE_LIST, 0, E },
	[FIELD_CAUSE] = { "cause", NULL, "WORD", "of a transition or an end: fin-received, timeout...", TYPE_LIST, 0, E },
	[FIELD_REASON] = { "reason", NULL, "WORD", "of a drop (accept-queue-full...) or a reset (the kernel's)", TYPE_STRING, 0, E },
	[FIELD_VERDICT] = { "verdict", NULL, "WORD", "what it is stuck on: syn-no-answer, close-wait...", TYPE_LIST, 0, E | S },
	[FIELD_LIMIT] = { "limit", NULL, "WORD", "of a row of limits, or that a call failed at (-e limit)", TYPE_LIST, 0, E | M | C },
	[FIELD_ERRNO] = { "errno", NULL, "NAME", "ECONNREFUSED, or its number", TYPE_ERRNO, 0, E },
	[FIELD_FAILED] = { "failed", NULL, NULL, "event.outcome is failure", TYPE_FLAG, 0, E },
	[FIELD_RETRANS] = { "retrans", NULL, "[N]", "retransmissions, of a connection's life or which it is;\nalone: any", TYPE_NUMBER, UINT32_MAX, E | S },
	[FIELD_HANDSHAKE] = { "handshake", NULL, "TIME", "a connection's (or transition's) in SYN-SENT, SYN-RECEIVED", TYPE_TIME, UINT64_MAX, E },
	[FIELD_ACCEPT_WAIT] = { "accept-wait", "accept_wait", "TIME", "from ESTABLISHED to accept()", TYPE_TIME, UINT64_MAX, E },
	[FIELD_FOR] = { "for", "age duration", "TIME", "in the state left; a connection's age; stuck for", TYPE_TIME, UINT64_MAX, E | S },
};

static bool same(const char *word, const char *with, size_t len)
{
	return !strncasecmp(word, with, len) && !word[len];
}

static bool listed(const char *list, const char *word, size_t len)
{
	while (list && *list) {
		size_t n = strcspn(list, " ");

		if (n == len && !strncasecmp(list, word, len))
			return true;
		list += n + (list[n] == ' ');
	}
	return false;
}

enum filter_field filter_field_by_word(const char *word, size_t len)
{
	for (unsigned int i = 0; i < FIELDS; i++)
		if (same(filter_fields[i].word, word, len) || listed(filter_fields[i].aka, word, len))
			return i;
	return FIELDS;
}

#define BIT(state) (1ULL << (state))
#define ALL_STATES (BIT(EVS_ESTABLISHED) | BIT(EVS_SYN_SENT) | BIT(EVS_SYN_RECV) | \
		    BIT(EVS_FIN_WAIT1) | BIT(EVS_FIN_WAIT2) | BIT(EVS_TIME_WAIT) | \
		    BIT(EVS_CLOSE) | BIT(EVS_CLOSE_WAIT) | BIT(EVS_LAST_ACK) | BIT(EVS_LISTEN) | \
		    BIT(EVS_CLOSING))
#define CONNECTED (ALL_STATES & ~(BIT(EVS_LISTEN) | BIT(EVS_CLOSE)))
#define BUCKET (BIT(EVS_SYN_RECV) | BIT(EVS_TIME_WAIT))

/* Without '-' and '_', in capitals. The first for each single state is the one printed by
 * name_state(); the rest are what ss, bcc and netstat say. */
static const struct {
	const char *word;
	uint64_t bits;
} states[] = {
	{ "ESTABLISHED", BIT(EVS_ESTABLISHED) }, { "ESTAB", BIT(EVS_ESTABLISHED) },
	{ "SYNSENT", BIT(EVS_SYN_SENT) },
	{ "SYNRECEIVED", BIT(EVS_SYN_RECV) }, { "SYNRECV", BIT(EVS_SYN_RECV) },
	{ "NEWSYNRECV", BIT(EVS_SYN_RECV) }, { "SYNRCVD", BIT(EVS_SYN_RECV) },
	{ "FINWAIT1", BIT(EVS_FIN_WAIT1) }, { "FINWAIT2", BIT(EVS_FIN_WAIT2) },
	{ "TIMEWAIT", BIT(EVS_TIME_WAIT) },
	{ "CLOSED", BIT(EVS_CLOSE) }, { "CLOSE", BIT(EVS_CLOSE) }, { "UNCONN", BIT(EVS_CLOSE) },
	{ "UNCONNECTED", BIT(EVS_CLOSE) },
	{ "CLOSEWAIT", BIT(EVS_CLOSE_WAIT) }, { "LASTACK", BIT(EVS_LAST_ACK) },
	{ "LISTEN", BIT(EVS_LISTEN) }, { "LISTENING", BIT(EVS_LISTEN) },
	{ "CLOSING", BIT(EVS_CLOSING) },
	{ "ALL", ALL_STATES }, { "CONNECTED", CONNECTED },
	{ "SYNCHRONIZED", CONNECTED & ~BIT(EVS_SYN_SENT) },
	{ "BUCKET", BUCKET }, { "BIG", ALL_STATES & ~BUCKET },
};
static const char *const groups[] = { "all", "connected", "synchronized", "bucket", "big" };

static uint64_t state_bits(const char *word, size_t len)
{
	char plain[16];
	size_t n = 0;

	if (len > 4 && !strncasecmp(word, "TCP_", 4)) {
		word += 4;
		len -= 4;
	}
	for (size_t i = 0; i < len; i++) {
		if (word[i] == '-' || word[i] == '_')
			continue;
		if (n == sizeof(plain) - 1)
			return 0;
		plain[n++] = (char)toupper((unsigned char)word[i]);
	}
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (strlen(states[i].word) == n && !memcmp(states[i].word, plain, n))
			return states[i].bits;
	return 0;
}

/* Of the rows of limits, and behind them what only events name. */
static const char *limit_word(unsigned int value)
{
	if (value < LIMITS)
		return limit_name((enum limit_kind)value);
	value -= LIMITS;
	for (unsigned int i = 0; i < LIMITS && value < EVL_LIMITS; i++)
		if (!strcmp(limit_name((enum limit_kind)i), name_limit((enum ev_limit_name)value)))
			return NULL;
	return value && value < EVL_LIMITS ? name_limit((enum ev_limit_name)value) : NULL;
}

/* The word of one value of a closed list; NULL: there is none, or no more. */
static const char *list_word(enum filter_field field, unsigned int value)
{
	switch (field) {
	case FIELD_ROLE:
		return value && value < EVR_MAX ? name_role(value) : NULL;
	case FIELD_EVENT:
		return value < REC_START ? name_kind(value) : NULL;
	case FIELD_CAUSE:
		return value < CAUSE_MAX ? cause_name(value) : NULL;
	case FIELD_LIMIT:
		return limit_word(value);
	case FIELD_VERDICT:
		return value && value < STALLS ? stall_name(value) : NULL;
	default:
		return NULL;
	}
}

static bool is_state(enum filter_field field)
{
	return field == FIELD_STATE || field == FIELD_FROM || field == FIELD_TO ||
	       field == FIELD_EXCLUDE;
}

uint64_t filter_list_bits(enum filter_field field, const char *word, size_t len)
{
	if (is_state(field))
		return state_bits(word, len);
	for (unsigned int i = 0; i < 64; i++) {
		const char *known = list_word(field, i);

		if (known && same(known, word, len))
			return 1ULL << i;
	}
	return 0;
}

static void lower(char *text)
{
	for (; *text; text++)
		*text = (char)tolower((unsigned char)*text);
}

/* Truncates as snprintf() does: the caller's room is what a person may write. */
static size_t add(char *buf, size_t len, size_t at, const char *word, const char *before)
{
	if (at < len)
		at += (size_t)snprintf(buf + at, len - at, "%s%s", at ? before : "", word);
	return at;
}

void filter_list_text(enum filter_field field, uint64_t bits, char *buf, size_t len)
{
	size_t at = 0;

	buf[0] = '\0';
	for (size_t i = 0; is_state(field) && i < sizeof(groups) / sizeof(groups[0]); i++) {
		if (state_bits(groups[i], strlen(groups[i])) == bits) {
			snprintf(buf, len, "%s", groups[i]);
			return;
		}
	}
	for (unsigned int i = 0; i < 64; i++) {
		const char *word = is_state(field) ? name_state(i) : list_word(field, i);

		if (bits >> i & 1 && word)
			at = add(buf, len, at, word, ",");
	}
	lower(buf);
}

void filter_list_words(enum filter_field field, char *buf, size_t len)
{
	size_t at = 0;

	buf[0] = '\0';
	for (unsigned int i = 0; i < 64; i++) {
		bool state = is_state(field) && ALL_STATES >> i & 1;
		const char *word = state ? name_state(i) : list_word(field, i);

		if (word)
			at = add(buf, len, at, word, ", ");
	}
	lower(buf);
}

#define ERRNO_MAX 4095	/* MAX_ERRNO of the kernel */

uint32_t filter_errno(const char *word, size_t len)
{
	char text[8];
	uint64_t number;

	for (int i = 1; i <= ERRNO_MAX; i++) {
		const char *name = strerrorname_np(i);

		if (name && same(name, word, len))
			return (uint32_t)i;
	}
	if (len >= sizeof(text))
		return 0;
	memcpy(text, word, len);
	text[len] = '\0';
	return value_number(text, 1, ERRNO_MAX, &number) ? (uint32_t)number : 0;
}

static void help_row(FILE *out, const struct filter_field_row *row)
{
	char left[40];

	snprintf(left, sizeof(left), "  %s%s%s", row->word, row->value ? " " : "",
		 row->value ? row->value : "");
	help_text_row(out, left, 22, row->help);
}

void filter_help(FILE *out)
{
	static const enum filter_field lists[] = { FIELD_STATE, FIELD_EVENT, FIELD_CAUSE, FIELD_LIMIT, FIELD_VERDICT };
	char words[1024];

	fputs("usage: tcptrail [trace|listeners|stalls|limits|check] [OPTION]... [FILTER]\n\n"
	      "FILTER narrows what is shown, in the grammar of ss(8): terms with `and` (or\n"
	      "nothing) between, `or`, `not`, ( ); also & && | || !. A term compares, with =\n"
	      "where nothing stands: = == eq, != ne neq, < lt, <= le leq, > gt, >= ge geq;\n"
	      "several values with commas: one of them. In one word for the shell or in many;\n"
	      "( ) < > | & ! * have to be quoted for it.\n\n"
	      "Terms:\n", out);
	for (size_t i = 0; i < FIELDS; i++)
		if (filter_fields[i].help)
			help_row(out, &filter_fields[i]);
	fputs("\nHOST is an address, a prefix (10.0.0.0/8), either with a port behind it\n"
	      "(10.0.0.1:443, [::1]:80), or a port alone (:443). PORT is a number, with or without\n"
	      "a colon, a range (8000-8100) or a name of /etc/services. TIME is 10ms, 1.5s, 2m.\n"
	      "Names and paths may be patterns of the shell (nginx*), unless in quotes of their own.\n"
	      "STATE is taken as ss, bcc, OpenTelemetry and RFC 9293 write it.\n\n"
	      "A term whose answer is not known (a socket without a known owner, say) lets the\n"
	      "record pass, and so does its negation. What a record cannot have is no match: an\n"
	      "accept has no errno, a listener no peer. --explain prints what was understood, and\n"
	      "what of it the kernel side decides.\n", out);
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		size_t at = 0, len;

		filter_list_words(lists[i], words, sizeof(words));
		fprintf(out, "\n%s:", filter_fields[lists[i]].word);
		for (size_t column = 9; (len = strcspn(words + at, ",")) > 0; at += len + (words[at + len] ? 2 : 0)) {
			if (column + len + 2 > 80)
				column = (size_t)fprintf(out, "\n ") - 1;
			column += (size_t)fprintf(out, " %.*s", (int)len, words + at);
		}
	}
	fputs("\n\nExamples:\n"
	      "  tcptrail sport = :443 and dst 10.0.0.0/8\n"
	      "  tcptrail 'not loopback and ( dport = :http or sport >= :1024 )'\n"
	      "  tcptrail -e connection 'failed or handshake > 1s'\n"
	      "  tcptrail -e drop,accept unit nginx\n"
	      "  tcptrail from established to close-wait comm java\n"
	      "  tcptrail stalls verdict close-wait,close-wait-unread and 'for > 10m'\n"
	      "  tcptrail --explain 'dst 10.0.0.0/8 and failed'\n", out);
}
