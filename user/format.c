// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "format.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *format_count(uint64_t n, char *buf, size_t len)
{
	char digits[24];
	int count = snprintf(digits, sizeof(digits), "%" PRIu64, n);
	size_t used = 0;

	for (int i = 0; i < count && used + 2 < len; i++) {
		if (i && (count - i) % 3 == 0)
			buf[used++] = ',';
		buf[used++] = digits[i];
	}
	buf[used] = '\0';
	return buf;
}

/* v in thousandths of the unit, three digits. */
static void three_digits(uint64_t v, const char *unit, char *buf, size_t len)
{
	if (v < 10000)
		snprintf(buf, len, "%" PRIu64 ".%02" PRIu64 "%s", v / 1000, v % 1000 / 10, unit);
	else if (v < 100000)
		snprintf(buf, len, "%" PRIu64 ".%" PRIu64 "%s", v / 1000, v % 1000 / 100, unit);
	else
		snprintf(buf, len, "%" PRIu64 "%s", v / 1000, unit);
}

const char *format_duration(uint64_t ns, char *buf, size_t len)
{
	uint64_t s = ns / 1000000000;

	if (ns < 1000000)
		snprintf(buf, len, "%" PRIu64 "us", ns / 1000);
	else if (s == 0)
		three_digits(ns / 1000, "ms", buf, len);
	else if (s < 600)
		three_digits(ns / 1000000, "s", buf, len);
	else if (s < 3600)
		snprintf(buf, len, "%" PRIu64 "m%02" PRIu64 "s", s / 60, s % 60);
	else if (s < 86400)
		snprintf(buf, len, "%" PRIu64 "h%02" PRIu64 "m", s / 3600, s % 3600 / 60);
	else
		snprintf(buf, len, "%" PRIu64 "d%02" PRIu64 "h", s / 86400, s % 86400 / 3600);
	return buf;
}

const char *format_endpoint(unsigned int family, const uint8_t *addr, bool has_addr,
			    uint16_t port, bool has_port, char *buf, size_t len)
{
	char text[INET6_ADDRSTRLEN] = "*", number[8] = "*";

	if (has_addr)
		inet_ntop(family == 6 ? AF_INET6 : AF_INET, addr, text, sizeof(text));
	if (has_port)
		snprintf(number, sizeof(number), "%u", port);
	if (!has_addr && !has_port)
		snprintf(buf, len, "*");
	else if (has_addr && family == 6)
		snprintf(buf, len, "[%s]:%s", text, number);
	else
		snprintf(buf, len, "%s:%s", text, number);
	return buf;
}

size_t format_utf8(const uint8_t *s, size_t len, uint32_t *code)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n;

	if (!len)
		return 0;
	if (s[0] < 0x80) {
		*code = s[0];
		return 1;
	}
	n = s[0] >= 0xf0 && s[0] < 0xf5 ? 4 : s[0] >= 0xe0 && s[0] < 0xf0 ? 3
	  : s[0] >= 0xc2 && s[0] < 0xe0 ? 2 : 0;
	if (!n || n > len)
		return 0;
	*code = s[0] & (0xff >> (n + 1));
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | (s[i] & 0x3f);
	}
	/* Overlong forms, surrogates, beyond Unicode. */
	if (*code < least[n] || *code > 0x10ffff || (*code >= 0xd800 && *code < 0xe000))
		return 0;
	return n;
}

static bool obeyed(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x200e || c == 0x200f ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff ||
	       c == '\\';
}

const char *format_plain(const uint8_t *src, size_t src_len, char *buf, size_t len)
{
	size_t used = 0;

	for (size_t i = 0; i < src_len && src[i] && used + 5 < len;) {
		uint32_t code = 0;
		size_t n = format_utf8(src + i, src_len - i, &code);

		if (n && !obeyed(code)) {
			memcpy(buf + used, src + i, n);
			used += n;
			i += n;
			continue;
		}
		used += snprintf(buf + used, len - used, "\\x%02x", src[i]);
		i++;
	}
	buf[used] = '\0';
	return buf;
}

const char *format_bytes(uint64_t n, char *buf, size_t len)
{
	static const char *const units[] = { "kB", "MB", "GB", "TB", "PB", "EB" };
	uint64_t scaled = n;
	size_t unit = 0;

	if (n < 1000) {
		snprintf(buf, len, "%uB", (unsigned int)n);
		return buf;
	}
	/* In thousandths of the unit; rounded down: 999,999 is 999 kB. */
	while (scaled >= 1000000) {
		scaled /= 1000;
		unit++;
	}
	if (scaled < 10000)
		snprintf(buf, len, "%u.%02u%s", (unsigned int)(scaled / 1000),
			 (unsigned int)(scaled % 1000 / 10), units[unit]);
	else if (scaled < 100000)
		snprintf(buf, len, "%u.%u%s", (unsigned int)(scaled / 1000),
			 (unsigned int)(scaled % 1000 / 100), units[unit]);
	else
		snprintf(buf, len, "%u%s", (unsigned int)(scaled / 1000), units[unit]);
	return buf;
}
