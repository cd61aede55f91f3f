// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * filter.c - whatever is written as a filter is refused with a place within it, or its
 * normal form parses to itself, and its answers agree with what the kernel side decides.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decode.h"
#include "filter.h"
#include "filter_line.h"
#include "filter_push.h"
#include "tests/prefixes.h"

#define NORMAL_MAX 65536

static struct filter_prefixes prefixes;

static bool filter_prefix_known(const struct filter_prefix *key)
{
	return prefixes_have(&prefixes, key);
}

static __u64 filter_cgroup_answers(__u64 id)
{
	(void)id;
	return 0;
}

#include "bpf/filter_ask.h"

static int netns(const char *word, uint32_t *inum)
{
	*inum = 4026531840u + (uint32_t)strlen(word);
	return 0;
}

static int user(const char *name, uint32_t *uid)
{
	*uid = (uint32_t)strlen(name);
	return 0;
}

static int service(const char *name, uint16_t *port)
{
	*port = (uint16_t)strlen(name);
	return *name == 'h' ? 0 : -1;
}

static int interface(const char *name, uint32_t *ifindex, uint32_t *in)
{
	*ifindex = 2;
	*in = 4026531840u;
	return *name == 'e' ? 0 : -1;
}

/* Names come back as numbers, and those are numbers. */
static const struct filter_env names = { netns, user, service, interface };

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void parse_again(const char *normal, enum filter_rows rows)
{
	static struct filter again;
	static char text[NORMAL_MAX];
	struct filter_error error;

	if (strlen(normal) > FILTER_TEXT_MAX)
		return;
	again = (struct filter){ 0 };
	must(filter_parse(&again, normal, rows, NULL, &error));
	must(!strcmp(filter_text(&again, text, sizeof(text)), normal));
}

static void ask(const struct filter *f, const struct kernel_filter *kernel, uint8_t bits)
{
	struct ev_sock s = { .family = bits & 1 ? 4 : 6, .lport = bits & 2 ? 80 : 0, .rport = bits & 4 ? 443 : 0,
			     .laddr = { bits & 2 ? 127 : 10, 0, 0, 1 }, .raddr = { bits & 4 ? 10 : 0 },
			     .uid = bits & 8 ? 0 : (__u32)-1, .netns = 4026531840u, .role = EVR_CLIENT,
			     .owner = { .pid = 7, .source = bits & 16 ? EVO_CONNECT : 0, .comm = "nginx",
					.followed = bits >> 5 & 1 } };
	struct record r = { .kind = bits % REC_START };
	struct filter_subject subject = { .record = &r };

	decode_sock(&s, &r);
	if (filter_ask(f, &subject) != FILTER_NO)
		must(filter_wants(kernel, &s, 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum filter_rows rows[] = { ROWS_EVENTS, ROWS_LISTENERS, ROWS_STALLS, ROWS_CHECK, ROWS_LIMITS };
	static struct filter f;
	static char text[FILTER_TEXT_MAX + 64], normal[NORMAL_MAX];
	struct kernel_filter kernel = { 0 };
	struct filter_error error;
	enum filter_rows in;
	FILE *out;

	if (!size || size > sizeof(text))
		return 0;
	in = rows[data[0] % 5];
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	f = (struct filter){ 0 };
	out = fopen("/dev/null", "w");
	must(out);
	if (filter_parse(&f, text, in, &names, &error)) {
		parse_again(filter_text(&f, normal, sizeof(normal)), in);
		filter_push(&f, &kernel, &prefixes);
		must(filter_explain(&f, true, out));
		for (unsigned int bits = 0; in == ROWS_EVENTS && bits < 256; bits += 3)
			ask(&f, &kernel, (uint8_t)bits);
	} else {
		must(error.at <= strlen(text) && memchr(error.what, '\0', sizeof(error.what)));
		filter_caret(text, error.at, out);
	}
	fclose(out);
	return 0;
}
