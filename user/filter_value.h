/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * filter_value.h - the values of a filter's terms. Pure, but for what the caller's
 * struct filter_env asks the system.
 */
#ifndef TCPTRAIL_FILTER_VALUE_H
#define TCPTRAIL_FILTER_VALUE_H

#include "filter.h"

/* [FAMILY:]ADDRESS[/PREFIX][:PORT]; * is any. */
struct filter_host {
	bool has_address, has_port;
	struct filter_address address;	/* host bits zeroed; v4-mapped is IPv4 */
	uint64_t low, high;		/* ports */
	uint8_t family;			/* of "inet:*"; 0: not said */
};

struct filter_word {
	const char *text;		/* ends with NUL; not empty */
	bool quoted;
};

/* All: false with what[] filled, FILTER_WHAT bytes. */
#define FILTER_WHAT sizeof(((struct filter_error *)0)->what)

bool filter_value_host(const char *word, const struct filter_env *env, struct filter_host *out,
		       char *what);

bool filter_value_port(const char *word, const struct filter_env *env, uint64_t *low,
		       uint64_t *high, char *what);

/* Of an interface; *netns 0: an index, of any. */
bool filter_value_dev(const char *word, const struct filter_env *env, uint32_t *ifindex,
		      uint32_t *netns, char *what);

/* All other types, into the union of `term`, whose field is set. Strings go to f. */
bool filter_value(struct filter *f, struct filter_term *term, const struct filter_word *word,
		  const struct filter_env *env, char *what);

#endif /* TCPTRAIL_FILTER_VALUE_H */
