// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "filter_value.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "filter_terms.h"
#include "value.h"

__attribute__((format(printf, 2, 3)))
static bool refuse(char *what, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(what, FILTER_WHAT, format, args);
	va_end(args);
	return false;
}

static void no_host_bits(struct filter_address *a)
{
	unsigned int bits = a->prefix;

	for (size_t i = 0; i < sizeof(a->bytes); i++, bits = bits > 8 ? bits - 8 : 0)
		if (bits < 8)
			a->bytes[i] &= (uint8_t)~(0xffu >> bits);
}

/* As sock.bpf.c tells them (RFC 4291 section 2.5.5.2). */
static void unmap(struct filter_address *a)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (a->family != 6 || a->prefix < 96 || memcmp(a->bytes, mapped, sizeof(mapped)))
		return;
	memmove(a->bytes, a->bytes + 12, 4);
	memset(a->bytes + 4, 0, 12);
	a->family = 4;
	a->prefix -= 96;
}

/* ss(8) takes "10/8" and "192.168/16". */
static const char *rest_of(const char *word, size_t len)
{
	static const char *const rest[] = { ".0.0.0", ".0.0", ".0", "" };
	unsigned int dots = 0;

	for (size_t i = 0; i < len; i++)
		dots += word[i] == '.';
	return dots < 4 ? rest[dots] : "";
}

/* "10.0.0.0/8" of `len` bytes */
static bool read_address(const char *word, size_t len, struct filter_address *a, char *what)
{
	char text[INET6_ADDRSTRLEN + 1];
	const char *slash = memchr(word, '/', len);
	size_t n = slash ? (size_t)(slash - word) : len;
	uint64_t prefix;

	*a = (struct filter_address){ .family = memchr(word, ':', n) ? 6 : 4 };
	snprintf(text, sizeof(text), "%.*s%s", (int)n, word,
		 slash && a->family == 4 ? rest_of(word, n) : "");
	if (n >= sizeof(text) || inet_pton(a->family == 4 ? AF_INET : AF_INET6, text, a->bytes) != 1)
		return refuse(what, "'%.*s' is no address (names are not looked up)",
			      n < 64 ? (int)n : 64, word);
	a->prefix = a->family == 4 ? 32 : 128;
	if (slash) {
		snprintf(text, sizeof(text), "%.*s", (int)(len - n - 1), slash + 1);
		if (!value_number(text, 0, a->prefix, &prefix))
			return refuse(what, "'%.16s' is no prefix length from 0 to %u", text, a->prefix);
		a->prefix = (uint8_t)prefix;
	}
	unmap(a);
	no_host_bits(a);
	return true;
}

static bool read_one_port(const char *word, const struct filter_env *env, uint64_t *port,
			  char *what)
{
	uint16_t known;

	if (value_number(word, 0, UINT16_MAX, port))
		return true;
	if (*word >= '0' && *word <= '9')
		return refuse(what, "'%.32s' is no port from 0 to 65535", word);
	if (!env || !env->service || env->service(word, &known))
		return refuse(what, "'%.32s' is no port, nor in /etc/services", word);
	*port = known;
	return true;
}

/* "inet6:" and the like, as ss(8) takes them. */
static const char *skip_family(const char *word, uint8_t *family)
{
	*family = 0;
	if (!strncmp(word, "inet:", 5)) {
		*family = 4;
		return word + 5;
	}
	if (!strncmp(word, "inet6:", 6)) {
		*family = 6;
		return word + 6;
	}
	return word;
}

bool filter_value_port(const char *word, const struct filter_env *env, uint64_t *low,
		       uint64_t *high, char *what)
{
	char first[8];
	const char *dash;
	uint8_t family;

	word = skip_family(word, &family);
	word += *word == ':';
	dash = strchr(word, '-');
	/* Services have dashes too: http-alt. */
	if (*word >= '0' && *word <= '9' && dash && dash - word < (int)sizeof(first)) {
		snprintf(first, sizeof(first), "%.*s", (int)(dash - word), word);
		if (!value_number(first, 0, UINT16_MAX, low) ||
		    !value_number(dash + 1, *low, UINT16_MAX, high))
			return refuse(what, "'%.32s' is no range of ports", word);
		return true;
	}
	if (!read_one_port(word, env, low, what))
		return false;
	*high = *low;
	return true;
}

/* Where ":PORT" begins; the end of the word: nowhere. */
static const char *port_part(const char *word)
{
	const char *colon = strrchr(word, ':');

	if (*word == '[') {
		const char *close = strchr(word, ']');

		colon = close ? strchr(close, ':') : NULL;
	} else if (colon && strchr(word, ':') != colon) {
		colon = NULL;	/* an IPv6 address that is not in brackets */
	}
	return colon ? colon : word + strlen(word);
}

static bool read_bracketed(const char *word, size_t len, struct filter_address *a, char *what)
{
	const char *close = memchr(word, ']', len);
	char text[INET6_ADDRSTRLEN + 8];
	int n;

	if (!close)
		return refuse(what, "a ']' is missing");
	n = snprintf(text, sizeof(text), "%.*s%.*s", (int)(close - word - 1), word + 1,
		     (int)(len - (size_t)(close - word) - 1), close + 1);
	if (n >= (int)sizeof(text))
		return refuse(what, "'%.64s' is no address", word);
	return read_address(text, (size_t)n, a, what);
}

bool filter_value_host(const char *word, const struct filter_env *env, struct filter_host *out,
		       char *what)
{
	const char *port;
	size_t len;

	*out = (struct filter_host){ 0 };
	word = skip_family(word, &out->family);
	port = port_part(word);
	len = (size_t)(port - word);
	if (len && !(len == 1 && *word == '*')) {
		out->has_address = true;
		if (*word == '[' ? !read_bracketed(word, len, &out->address, what) :
				   !read_address(word, len, &out->address, what))
			return false;
		if (out->family && out->family != out->address.family)
			return refuse(what, "'%.64s' is of the other family", word);
	}
	if (*port == ':' && strcmp(port, ":*") != 0) {
		out->has_port = true;
		return filter_value_port(port, env, &out->low, &out->high, what);
	}
	if (!out->has_address && !out->family && !*port && *word != '*')
		return refuse(what, "an address is missing");
	return true;
}

bool filter_value_dev(const char *word, const struct filter_env *env, uint32_t *ifindex,
		      uint32_t *netns, char *what)
{
	uint64_t number;

	*netns = 0;
	if (value_number(word, 1, UINT32_MAX, &number)) {
		*ifindex = (uint32_t)number;
		return true;
	}
	if (env && env->interface && !env->interface(word, ifindex, netns))
		return true;
	return refuse(what, "'%.32s' is no interface of this network namespace, nor an index", word);
}

static bool keep(struct filter *f, struct filter_term *t, const char *before, const char *text,
		 const char *behind, bool glob, char *what)
{
	size_t room = sizeof(f->strings) - f->strings_len;
	int n = snprintf(f->strings + f->strings_len, room, "%s%s%s", before, text, behind);

	if ((size_t)n >= room)
		return refuse(what, "the filter is too long");
	t->string = (struct filter_string){ .at = f->strings_len, .glob = glob };
	f->strings_len = (uint16_t)(f->strings_len + n + 1);
	return true;
}

/* With the mount before it or not, with a slash before it or not. */
static bool keep_cgroup(struct filter *f, struct filter_term *t, const char *path, bool glob,
			char *what)
{
	static const char mount[] = "sys/fs/cgroup";
	size_t len = strlen(mount);
	char *kept;

	for (path += strspn(path, "/"); !strncmp(path, mount, len) && (!path[len] || path[len] == '/');
	     path += strspn(path, "/"))
		path += len;
	if (!keep(f, t, "/", path, "", glob, what))
		return false;
	kept = f->strings + t->string.at;
	for (len = strlen(kept); len > 1 && kept[len - 1] == '/'; len--)
		kept[len - 1] = '\0';
	return true;
}

static bool keep_string(struct filter *f, struct filter_term *t, const struct filter_word *w,
			char *what)
{
	bool glob = !w->quoted && strpbrk(w->text, "*?[");
	bool bare = t->field == FIELD_UNIT && !glob && !w->quoted && !strchr(w->text, '.');

	if (t->field == FIELD_COMM && !glob && strlen(w->text) >= EV_COMM_LEN)
		return refuse(what, "the kernel keeps 15 bytes of a name: '%.15s'", w->text);
	if (t->field == FIELD_CGROUP)
		return keep_cgroup(f, t, w->text, glob, what);
	/* As systemctl(1) does. */
	return keep(f, t, "", w->text, bare ? ".service" : "", glob, what);
}

static bool read_list(struct filter_term *t, const char *word, char *what)
{
	char known[FILTER_WHAT];

	t->set = filter_list_bits(t->field, word, strlen(word));
	if (t->set)
		return true;
	filter_list_words(t->field, known, sizeof(known));
	if (strlen(known) > 90)
		snprintf(known, sizeof(known), "tcptrail help filter has them");
	return refuse(what, "'%.32s' is no %s (%s)", word,
		      t->field <= FIELD_TO && t->field >= FIELD_STATE ? "state" :
		      filter_fields[t->field].word, known);
}

static bool read_netns(struct filter_term *t, const char *word, const struct filter_env *env,
		       char *what)
{
	uint64_t number = 0;
	uint32_t inum = 0;
	int err;

	if (!env || !env->netns) {
		if (!value_number(word, 1, UINT32_MAX, &number))
			return refuse(what, "'%.64s' is no network namespace", word);
		inum = (uint32_t)number;
	} else {
		err = env->netns(word, &inum);
		if (err == -EINVAL)
			return refuse(what, "'%.64s' is no network namespace", word);
		if (err)
			return refuse(what, "'%.64s': %s", word, strerror(-err));
	}
	t->number.low = t->number.high = inum;
	return true;
}

static bool read_uid(struct filter_term *t, const char *word, const struct filter_env *env,
		     char *what)
{
	uint64_t number;
	uint32_t uid;

	if (!value_number(word, 0, filter_fields[FIELD_UID].max, &number)) {
		if (!env || !env->user || env->user(word, &uid))
			return refuse(what, "'%.32s' is no user", word);
		number = uid;
	}
	t->number.low = t->number.high = number;
	return true;
}

static bool read_number(struct filter_term *t, const char *word, char *what)
{
	const struct filter_field_row *row = &filter_fields[t->field];
	uint64_t min = t->field == FIELD_PID || t->field == FIELD_TREE;

	if (row->type == TYPE_TIME) {
		if (!value_time(word, &t->number.low))
			return refuse(what, "'%.32s' is no time such as 10ms, 1.5s or 2m", word);
	} else if (!value_number(word, min, row->max, &t->number.low)) {
		return refuse(what, "'%.32s' is no number from %u to %llu", word, (unsigned int)min,
			      (unsigned long long)row->max);
	}
	t->number.high = t->number.low;
	return true;
}

static bool read_family(struct filter_term *t, const char *word, char *what)
{
	bool v4 = !strcmp(word, "inet") || !strcmp(word, "4") || !strcmp(word, "ipv4");

	if (!v4 && strcmp(word, "inet6") && strcmp(word, "6") && strcmp(word, "ipv6"))
		return refuse(what, "'%.32s' is neither inet nor inet6", word);
	t->number.low = t->number.high = v4 ? 4 : 6;
	return true;
}

bool filter_value(struct filter *f, struct filter_term *t, const struct filter_word *w,
		  const struct filter_env *env, char *what)
{
	switch (filter_fields[t->field].type) {
	case TYPE_LIST:
		return read_list(t, w->text, what);
	case TYPE_STRING:
		return keep_string(f, t, w, what);
	case TYPE_NETNS:
		return read_netns(t, w->text, env, what);
	case TYPE_UID:
		return read_uid(t, w->text, env, what);
	case TYPE_FAMILY:
		return read_family(t, w->text, what);
	case TYPE_ERRNO:
		t->number.low = t->number.high = filter_errno(w->text, strlen(w->text));
		return t->number.low || refuse(what, "'%.32s' is no errno", w->text);
	case TYPE_PORT:
		return filter_value_port(w->text, env, &t->number.low, &t->number.high, what);
	case TYPE_NUMBER:
	case TYPE_TIME:
		return read_number(t, w->text, what);
	default:
		return refuse(what, "no value");	/* hosts, interfaces: not by this way */
	}
}
