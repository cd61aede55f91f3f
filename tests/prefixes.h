/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * prefixes.h - the kernel's trie of a filter's prefixes as an array: is one of them that
 * key's? For who includes bpf/filter_ask.h in a test.
 */
#ifndef TCPTRAIL_TESTS_PREFIXES_H
#define TCPTRAIL_TESTS_PREFIXES_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/kernel_filter.h"

static inline bool prefixes_have(const struct filter_prefixes *prefixes, const struct filter_prefix *key)
{
	for (uint32_t i = 0; i < prefixes->len; i++) {
		const struct filter_prefix *p = &prefixes->all[i];
		unsigned int bits = p->bits - FILTER_PREFIX_BITS, at = 0;

		while (at < bits && !((p->address[at / 8] ^ key->address[at / 8]) & 0x80 >> at % 8))
			at++;
		if (p->set == key->set && p->family == key->family && p->bits <= key->bits && at == bits)
			return true;
	}
	return false;
}

#endif /* TCPTRAIL_TESTS_PREFIXES_H */
