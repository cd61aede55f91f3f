/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * json_check.h - is a line one JSON value (RFC 8259) in valid UTF-8? For fuzzers, which
 * ask it a hundred thousand times a second; the tests have real parsers.
 */
#ifndef TCPTRAIL_JSON_CHECK_H
#define TCPTRAIL_JSON_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct json_check {
	const unsigned char *at, *end;
	int depth;
};

static bool json_check_value(struct json_check *c);

static bool json_check_is(struct json_check *c, const char *text)
{
	size_t len = strlen(text);

	if ((size_t)(c->end - c->at) < len || memcmp(c->at, text, len))
		return false;
	c->at += len;
	return true;
}

/* The bytes of one character (Unicode table 3-7); 0: there is none. */
static size_t json_check_utf8(const unsigned char *p, size_t left)
{
	size_t n = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0;

	if (!n || n > left)
		return 0;
	for (size_t i = 1; i < n; i++)
		if (p[i] >> 6 != 2)
			return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return n;
}

static bool json_check_escape(struct json_check *c)
{
	if (c->at == c->end)
		return false;
	if (*c->at != 'u')
		return strchr("\"\\/bfnrt", *c->at) && *c->at && c->at++;
	return c->end - c->at >= 5 && strspn((const char *)c->at + 1, "0123456789abcdef") >= 4 &&
	       (c->at += 5);
}

static bool json_check_string(struct json_check *c)
{
	if (!json_check_is(c, "\""))
		return false;
	while (c->at < c->end && *c->at != '"') {
		size_t n = json_check_utf8(c->at, c->end - c->at);

		if (!n || *c->at < 0x20)
			return false;
		if (*c->at == '\\') {
			c->at++;
			if (!json_check_escape(c))
				return false;
		} else {
			c->at += n;
		}
	}
	return json_check_is(c, "\"");
}

/* No fraction is ever written. */
static bool json_check_number(struct json_check *c)
{
	const unsigned char *from;

	json_check_is(c, "-");
	for (from = c->at; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++)
		;
	return c->at > from && (*from != '0' || c->at == from + 1);
}

static bool json_check_list(struct json_check *c, const char *close, bool named)
{
	if (json_check_is(c, close))
		return true;
	do
		if ((named && (!json_check_string(c) || !json_check_is(c, ":"))) || !json_check_value(c))
			return false;
	while (json_check_is(c, ","));
	return json_check_is(c, close);
}

static bool json_check_value(struct json_check *c)
{
	bool whole;

	if (c->at == c->end || ++c->depth > 16)
		return false;
	if (json_check_is(c, "{"))
		whole = json_check_list(c, "}", true);
	else if (json_check_is(c, "["))
		whole = json_check_list(c, "]", false);
	else if (*c->at == '"')
		whole = json_check_string(c);
	else
		whole = json_check_is(c, "true") || json_check_is(c, "false") || json_check_number(c);
	c->depth--;
	return whole;
}

static inline bool json_check(const char *text, size_t len)
{
	struct json_check c = { (const unsigned char *)text, (const unsigned char *)text + len, 0 };

	return json_check_value(&c) && c.at == c.end;
}

#endif /* TCPTRAIL_JSON_CHECK_H */
