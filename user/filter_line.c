// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "filter_line.h"

#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <arpa/inet.h>

#include "value.h"

/* In double quotes, as filter_lex.h takes them. */
static size_t quote(const char *s, char *buf)
{
	char *to = buf;

	*to++ = '"';
	for (; *s; *to++ = *s++)
		if (*s == '"' || *s == '\\')
			*to++ = '\\';
	*to++ = '"';
	*to = '\0';
	return (size_t)(to - buf);
}

/* The longest, 16 pids and all the rest, takes 250 bytes. */
const char *filter_plain_text(const struct filter_plain *p, bool tree, char buf[FILTER_PLAIN_LEN])
{
	const struct {
		const char *field;
		uint32_t value;
	} numbers[] = { { "port", p->port }, { "sport", p->lport }, { "dport", p->rport },
			{ "family", p->family }, { "netns", p->netns } };
	size_t len = 0;

	buf[0] = '\0';
	for (uint32_t i = 0; i < p->pids_len; i++)
		len += (size_t)sprintf(buf + len, "%s%u", i ? "," : tree ? "tree " : "pid ", p->pids[i]);
	if (p->comm) {
		len += (size_t)sprintf(buf + len, " comm ");
		len += quote(p->comm, buf + len);
	}
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (numbers[i].value)
			len += (size_t)sprintf(buf + len, " %s %u", numbers[i].field, numbers[i].value);
	return buf;
}

void filter_words_add(struct filter_words *w, const char *word)
{
	size_t room = sizeof(w->text) - w->len;
	int n = snprintf(w->text + w->len, room, "%s%s", w->len ? " " : "", word);

	w->full |= (size_t)n >= room;
	w->len = w->full ? sizeof(w->text) - 1 : w->len + (size_t)n;
}

#define CARET_BEFORE	50
#define CARET_BEHIND	28

/* Control bytes would move the cursor; a byte that goes on in UTF-8 has no column. */
void filter_caret(const char *text, size_t at, FILE *out)
{
	size_t len = strlen(text), from, to, column = 2;

	from = at > CARET_BEFORE ? at - CARET_BEFORE : 0;
	to = len - at > CARET_BEHIND ? at + CARET_BEHIND : len;
	while (from && (text[from] & 0xc0) == 0x80)
		from--;
	while (to < len && (text[to] & 0xc0) == 0x80)
		to++;
	fprintf(out, "  %s", from ? "..." : "");
	column += from ? 3 : 0;
	for (size_t i = from; i < to; i++) {
		unsigned char c = (unsigned char)text[i];

		fputc(c == '\n' || c == '\t' ? ' ' : c < 0x20 || c == 0x7f ? '?' : c, out);
		if (i < at && (c & 0xc0) != 0x80)
			column++;
	}
	fprintf(out, "%s\n%*s^\n", to < len ? "..." : "", (int)column, "");
}

static int user(const char *name, uint32_t *uid)
{
	const struct passwd *entry = getpwnam(name);

	if (!entry)
		return -ENOENT;
	*uid = entry->pw_uid;
	return 0;
}

static int service(const char *name, uint16_t *port)
{
	const struct servent *entry = getservbyname(name, "tcp");

	if (!entry)
		return -ENOENT;
	*port = ntohs((uint16_t)entry->s_port);
	return 0;
}

static int interface(const char *name, uint32_t *ifindex, uint32_t *netns)
{
	struct stat st;

	*ifindex = if_nametoindex(name);
	if (!*ifindex || stat("/proc/self/ns/net", &st))
		return -errno;
	*netns = (uint32_t)st.st_ino;
	return 0;
}

const struct filter_env filter_system = { value_netns, user, service, interface };
