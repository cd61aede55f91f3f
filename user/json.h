/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * json.h - appends JSON to a buffer. Ours, because it is the hot path: no
 * allocation, no tree, constant parts copied as they are (a library's writer
 * took several times as long for each record).
 *
 * Nothing is written past `end`; once it would be, `full` is set and the line is
 * void. Output is valid UTF-8 whatever comes in.
 */
#ifndef TCPTRAIL_JSON_H
#define TCPTRAIL_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct json {
	char *at;
	char *end;
	bool full;
};

static inline void json_raw(struct json *j, const char *text, size_t len)
{
	if ((size_t)(j->end - j->at) < len) {
		j->full = true;
		return;
	}
	memcpy(j->at, text, len);
	j->at += len;
}

/* A constant part. */
#define JSON_LITERAL(j, text) json_raw(j, text, sizeof(text) - 1)

/* A word of ours: nothing in it needs escaping. */
static inline void json_word(struct json *j, const char *word)
{
	json_raw(j, word, strlen(word));
}

void json_u64(struct json *j, uint64_t n);
void json_hex(struct json *j, uint64_t n);

/* `name` is what comes before the number, punctuation included: ",\"port\":". */
static inline void json_number(struct json *j, const char *name, uint64_t n)
{
	json_word(j, name);
	json_u64(j, n);
}

/* A quoted string of hostile bytes, up to a NUL or src_len: controls escaped,
 * each byte that is no UTF-8 becomes U+FFFD (RFC 8259 section 8.1). */
void json_string(struct json *j, const uint8_t *src, size_t src_len);

/* A quoted address; family 4 or 6, network order. */
void json_address(struct json *j, unsigned int family, const uint8_t *addr);

/* A quoted RFC 3339 time in UTC with nine digits. The part down to the second
 * is kept in *cache between calls. */
struct json_time {
	uint64_t second;
	char text[24];		/* "2026-11-22T06:50:00." */
};
void json_time(struct json *j, struct json_time *cache, uint64_t wall_ns);

#endif /* TCPTRAIL_JSON_H */
