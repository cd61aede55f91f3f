// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * limit_neighbours.c - the neighbour tables, which all namespaces share: beyond gc_thresh3
 * nothing can be sent to a host that is not in them. Only the first namespace has their files.
 */
#include <stdio.h>
#include <string.h>

#include "limit_sources.h"
#include "proc_text.h"

static const struct {
	const char *scope;
	const char *stat;
	const char *thresh;	/* without its number */
	const char *set_by;
} tables[LIMIT_NEIGHBOUR_TABLES] = {
	{ "host, IPv4 (ARP)", "/proc/thread-self/net/stat/arp_cache",
	  "/proc/sys/net/ipv4/neigh/default/gc_thresh", "net.ipv4.neigh.default.gc_thresh3" },
	{ "host, IPv6 (NDP)", "/proc/thread-self/net/stat/ndisc_cache",
	  "/proc/sys/net/ipv6/neigh/default/gc_thresh", "net.ipv6.neigh.default.gc_thresh3" },
};

static bool threshold(size_t table, int n, uint64_t *out)
{
	unsigned long long value;
	char path[64], text[64];

	snprintf(path, sizeof(path), "%s%d", tables[table].thresh, n);
	if (!proc_text(path, text, sizeof(text)) || sscanf(text, "%llu", &value) != 1)
		return false;
	*out = value;
	return true;
}

bool limit_neighbours_full(size_t table, uint64_t *entries, uint64_t *fulls)
{
	char text[16384];

	return proc_text(tables[table].stat, text, sizeof(text)) &&
	       limit_parse_cpus(text, "table_fulls", entries, fulls);
}

bool limit_take_neighbours(struct limit_rows *rows, const struct limit_netns *ns)
{
	for (size_t i = 0; i < LIMIT_NEIGHBOUR_TABLES; i++) {
		struct limit_row row = { .kind = LIMIT_NEIGHBOURS, .set_by = tables[i].set_by };
		uint64_t fulls;

		if (!limit_neighbours_full(i, &row.use, &fulls) || !threshold(i, 3, &row.max))
			continue;
		row.has_below = threshold(i, 2, &row.below[1]);
		if (ns->has_neighbours_full[i] && fulls >= ns->neighbours_full[i]) {
			row.has_failed = true;
			row.failed = fulls - ns->neighbours_full[i];
		}
		snprintf(row.scope, sizeof(row.scope), "%s", tables[i].scope);
		if (!limit_rows_add(rows, &row))
			return false;
	}
	return true;
}
