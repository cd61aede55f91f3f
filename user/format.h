/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * format.h - numbers, times and addresses for people. Each writes to buf, always
 * terminated, and returns it.
 */
#ifndef TCPTRAIL_FORMAT_H
#define TCPTRAIL_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "1,284" (27 bytes at most) */
const char *format_count(uint64_t n, char *buf, size_t len);

/* Decimal units, three digits: "812B", "1.91kB", "48.2kB", "2.10MB" (32 bytes). */
const char *format_bytes(uint64_t n, char *buf, size_t len);

/* Three digits and a unit: "812us", "21.3ms", "1.20s", "49m50s", "2d03h". At
 * most 7 characters below 1,000 days. */
const char *format_duration(uint64_t ns, char *buf, size_t len);

/* "10.0.0.1:443", "[2001:db8::1]:443"; "*" for what is not known. 64 bytes. */
const char *format_endpoint(unsigned int family, const uint8_t *addr, bool has_addr,
			    uint16_t port, bool has_port, char *buf, size_t len);

/*
 * Bytes that a terminal prints and does not obey: printable ASCII and whole,
 * printable UTF-8 stay; controls (C0, C1), broken UTF-8, and characters that
 * reorder a line (bidirectional overrides, RFC 3987 section 4.1) become \xNN.
 * `src` ends at a NUL or at src_len. 4 * src_len + 1 bytes suffice.
 */
const char *format_plain(const uint8_t *src, size_t src_len, char *buf, size_t len);

/* Length of the valid UTF-8 sequence (RFC 3629) at `s`, of at most `len` bytes;
 * 0 when there is none. The code point goes to *code. */
size_t format_utf8(const uint8_t *s, size_t len, uint32_t *code);

#endif /* TCPTRAIL_FORMAT_H */
