// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "json.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <time.h>

#include "format.h"

#define SECOND_NS 1000000000ULL

void json_u64(struct json *j, uint64_t n)
{
	char digits[20];
	size_t i = sizeof(digits);

	do
		digits[--i] = '0' + n % 10;
	while (n /= 10);
	json_raw(j, digits + i, sizeof(digits) - i);
}

void json_hex(struct json *j, uint64_t n)
{
	char digits[16];
	size_t i = sizeof(digits);

	do
		digits[--i] = "0123456789abcdef"[n & 15];
	while (n >>= 4);
	json_raw(j, digits + i, sizeof(digits) - i);
}

static void escape(struct json *j, uint8_t c)
{
	char text[8];

	if (c == '"' || c == '\\')
		json_raw(j, (const char[]){ '\\', c }, 2);
	else if (c == '\n')
		JSON_LITERAL(j, "\\n");
	else
		json_raw(j, text, snprintf(text, sizeof(text), "\\u%04x", c));
}

void json_string(struct json *j, const uint8_t *src, size_t src_len)
{
	JSON_LITERAL(j, "\"");
	for (size_t i = 0; i < src_len && src[i];) {
		uint32_t code;
		size_t n = format_utf8(src + i, src_len - i, &code);

		if (!n) {
			JSON_LITERAL(j, "\\ufffd");
			n = 1;
		} else if (n == 1 && (code < 0x20 || code == '"' || code == '\\' || code == 0x7f)) {
			escape(j, code);
		} else {
			json_raw(j, (const char *)src + i, n);
		}
		i += n;
	}
	JSON_LITERAL(j, "\"");
}

/* inet_ntop() goes through snprintf(): four numbers are quicker by hand. */
static void ipv4(struct json *j, const uint8_t *a)
{
	for (int i = 0; i < 4; i++) {
		if (i)
			JSON_LITERAL(j, ".");
		json_u64(j, a[i]);
	}
}

void json_address(struct json *j, unsigned int family, const uint8_t *addr)
{
	char text[INET6_ADDRSTRLEN];

	JSON_LITERAL(j, "\"");
	if (family == 4)
		ipv4(j, addr);
	else if (inet_ntop(AF_INET6, addr, text, sizeof(text)))
		json_word(j, text);
	JSON_LITERAL(j, "\"");
}

void json_time(struct json *j, struct json_time *cache, uint64_t wall_ns)
{
	uint64_t second = wall_ns / SECOND_NS, ns = wall_ns % SECOND_NS;
	char digits[9];

	if (second != cache->second || !cache->text[0]) {
		time_t t = second;
		struct tm tm;

		gmtime_r(&t, &tm);
		strftime(cache->text, sizeof(cache->text), "%Y-%m-%dT%H:%M:%S.", &tm);
		cache->second = second;
	}
	for (int i = 8; i >= 0; i--, ns /= 10)
		digits[i] = '0' + ns % 10;
	JSON_LITERAL(j, "\"");
	json_word(j, cache->text);
	json_raw(j, digits, sizeof(digits));
	JSON_LITERAL(j, "Z\"");
}
