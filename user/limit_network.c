// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * limit_network.c - what each network namespace limits: local ports, TIME-WAIT buckets,
 * conntrack; and what the host does for all: orphans, TCP's memory.
 *
 * /proc/net and /proc/sys/net are those of who opens them, so each namespace is entered
 * for as long as its files are read, and left again.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "diag.h"
#include "format.h"
#include "limit_ports.h"
#include "limit_sources.h"
#include "netns.h"
#include "proc_text.h"

/* As many descriptors are held at once. */
#define NAMESPACES_MAX 512

struct ports {
	struct limit_ports services;
	unsigned int low;
	unsigned int high;
	bool no_memory;
};

static bool read_number(const char *path, uint64_t *out)
{
	char text[64];
	unsigned long long n;

	if (!proc_text(path, text, sizeof(text)) || sscanf(text, "%llu", &n) != 1)
		return false;
	*out = n;
	return true;
}

static int take_namespace(struct limit_namespaces *n, const char *path)
{
	struct stat st;
	int fd;

	if (stat(path, &st) || n->len == NAMESPACES_MAX)
		return 0;
	for (size_t i = 0; i < n->len; i++)
		if (n->all[i].inum == st.st_ino)
			return 0;
	if (n->len == n->room) {
		size_t room = n->room ? 2 * n->room : 16;
		struct limit_netns *all = realloc(n->all, room * sizeof(*all));

		if (!all)
			return -ENOMEM;
		n->all = all;
		n->room = room;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC);
	/* The task may have moved between the two. */
	if (fd < 0 || fstat(fd, &st)) {
		if (fd >= 0)
			close(fd);
		return 0;
	}
	n->all[n->len++] = (struct limit_netns){ .inum = st.st_ino, .fd = fd };
	return 0;
}

static int walk(struct limit_namespaces *n, const char *dir, const char *format)
{
	struct dirent *entry;
	DIR *d = opendir(dir);
	char path[512];
	int err = 0;

	while (d && !err && (entry = readdir(d))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), format, entry->d_name);
		err = take_namespace(n, path);
	}
	if (d)
		closedir(d);
	return err;
}

static void leave(int home)
{
	if (setns(home, CLONE_NEWNET)) {
		fprintf(stderr, "tcptrail: cannot return to the own network namespace: %s\n",
			strerror(errno));
		exit(1);
	}
}

/* In each of them; false ends it. Those that cannot be entered are left out. */
static bool in_each(struct limit_namespaces *n, bool (*fn)(void *ctx, struct limit_netns *ns),
		    void *ctx)
{
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	bool ok = home >= 0;

	for (size_t i = 0; ok && i < n->len; i++) {
		if (setns(n->all[i].fd, CLONE_NEWNET))
			continue;
		ok = fn(ctx, &n->all[i]);
		leave(home);
	}
	if (home >= 0)
		close(home);
	return ok;
}

static bool tw_overflow(uint64_t *out)
{
	char *text = malloc(65536);
	bool ok = text && proc_text("/proc/thread-self/net/netstat", text, 65536) &&
		  limit_parse_netstat(text, "TcpExt:", "TCPTimeWaitOverflow", out);

	free(text);
	return ok;
}

/* Of packets whose connection found no room, among few other reasons (nf_conntrack_in()). */
static bool conntrack_drops(uint64_t *out)
{
	char text[16384];
	uint64_t entries;

	return proc_text("/proc/thread-self/net/stat/nf_conntrack", text, sizeof(text)) &&
	       limit_parse_cpus(text, "drop", &entries, out);
}

static bool remember(void *ctx, struct limit_netns *ns)
{
	uint64_t entries;

	(void)ctx;
	ns->has_tw_overflow = tw_overflow(&ns->tw_overflow);
	ns->has_conntrack_drops = conntrack_drops(&ns->conntrack_drops);
	for (size_t i = 0; i < LIMIT_NEIGHBOUR_TABLES; i++)
		ns->has_neighbours_full[i] = limit_neighbours_full(i, &entries, &ns->neighbours_full[i]);
	return true;
}

int limit_namespaces_open(struct limit_namespaces *n)
{
	int err = take_namespace(n, "/proc/self/ns/net");

	if (!err)
		err = walk(n, "/run/netns", "/run/netns/%s");
	if (!err)
		err = walk(n, "/proc", "/proc/%s/ns/net");
	if (!err)
		in_each(n, remember, NULL);
	return err;
}

void limit_namespaces_close(struct limit_namespaces *n)
{
	for (size_t i = 0; i < n->len; i++)
		close(n->all[i].fd);
	free(n->all);
	*n = (struct limit_namespaces){ 0 };
}

static void take_port(void *ctx, const struct inet_diag_msg *m, uint32_t netns)
{
	struct ports *p = ctx;
	struct limit_service service = { 0 };
	struct ev_sock s;

	diag_addresses(m, netns, &s);
	if (s.lport < p->low || s.lport > p->high || !s.rport)
		return;
	service.family = s.family;
	service.rport = s.rport;
	memcpy(service.laddr, s.laddr, sizeof(s.laddr));
	memcpy(service.raddr, s.raddr, sizeof(s.raddr));
	if (!limit_ports_add(&p->services, &service, m->idiag_state == EVS_TIME_WAIT))
		p->no_memory = true;
}

/* Where most of them come from, as far as it is seen: TIME-WAIT has no process. */
static void most_time_wait(struct limit_rows *rows, const struct limit_row *service)
{
	for (size_t i = rows->len; i > 0; i--) {
		struct limit_row *row = &rows->all[i - 1];

		if (row->kind != LIMIT_TIME_WAIT || row->netns != service->netns ||
		    row->time_wait >= service->time_wait)
			continue;
		row->time_wait = service->time_wait;
		snprintf(row->user, sizeof(row->user), "%.95s", service->scope);
	}
}

static bool add_services(struct limit_rows *rows, struct ports *p, const struct limit_netns *ns,
			 uint32_t ports)
{
	struct limit_service top[LIMIT_SERVICES];
	size_t n = limit_ports_top(&p->services, top, LIMIT_SERVICES);

	for (size_t i = 0; i < n; i++) {
		struct limit_row row = { .kind = LIMIT_LOCAL_PORTS, .use = top[i].used, .max = ports,
					 .netns = ns->inum, .time_wait = top[i].time_wait,
					 .service = top[i] };
		char local[64], peer[64];

		format_endpoint(top[i].family, top[i].laddr, true, 0, false, local, sizeof(local));
		format_endpoint(top[i].family, top[i].raddr, true, top[i].rport, true, peer,
				sizeof(peer));
		snprintf(row.scope, sizeof(row.scope), "%s > %s", local, peer);
		most_time_wait(rows, &row);
		if (!limit_rows_add(rows, &row))
			return false;
	}
	return true;
}

static bool take_ports(struct limit_rows *rows, const struct limit_netns *ns, int sock)
{
	struct ports p = { .low = ns->low, .high = ns->high };
	bool ok = true;

	/* A dump that broke off would show less than there is. */
	if (!diag_dump(sock, DIAG_HOLDS_PORT, ns->inum, take_port, NULL, &p))
		ok = !p.no_memory && add_services(rows, &p, ns, ns->ports);
	limit_ports_free(&p.services);
	return ok;
}

static bool take_sockets(struct limit_rows *rows, const struct limit_netns *ns)
{
	int sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	bool ok;

	if (sock < 0)
		return true;
	ok = (!ns->counts_ports || take_ports(rows, ns, sock)) && limit_take_queues(rows, ns, sock);
	close(sock);
	return ok;
}

static bool take_time_wait(struct limit_rows *rows, const struct limit_netns *ns, const char *sockstat)
{
	struct limit_row row = { .kind = LIMIT_TIME_WAIT, .netns = ns->inum };
	uint64_t now;

	if (!limit_parse_sockstat(sockstat, "TCP:", "tw", &row.use) ||
	    !read_number("/proc/sys/net/ipv4/tcp_max_tw_buckets", &row.max))
		return true;
	snprintf(row.scope, sizeof(row.scope), "netns %u", ns->inum);
	if (ns->has_tw_overflow && tw_overflow(&now) && now >= ns->tw_overflow) {
		row.has_failed = true;
		row.failed = now - ns->tw_overflow;
	}
	return limit_rows_add(rows, &row);
}

/* Where the module is loaded. */
static bool take_conntrack(struct limit_rows *rows, const struct limit_netns *ns)
{
	struct limit_row row = { .kind = LIMIT_CONNTRACK, .netns = ns->inum };
	uint64_t now;

	if (!read_number("/proc/sys/net/netfilter/nf_conntrack_count", &row.use) ||
	    !read_number("/proc/sys/net/netfilter/nf_conntrack_max", &row.max) || !row.max)
		return true;
	snprintf(row.scope, sizeof(row.scope), "netns %u", ns->inum);
	if (ns->has_conntrack_drops && conntrack_drops(&now) && now >= ns->conntrack_drops) {
		row.has_failed = true;
		row.failed = now - ns->conntrack_drops;
	}
	return limit_rows_add(rows, &row);
}

static bool sizes(const char *three, const char *option, struct limit_sizes *out)
{
	unsigned long long least, first, most;
	char text[128];

	if (!proc_text(three, text, sizeof(text)) ||
	    sscanf(text, "%llu %llu %llu", &least, &first, &most) != 3)
		return false;
	*out = (struct limit_sizes){ .first = first, .most = most };
	/* Of the host, before Linux 6.12 not shown to other namespaces. */
	read_number(option, &out->option);
	return true;
}

static bool take_inside(void *ctx, struct limit_netns *ns)
{
	struct limit_rows *rows = ctx;
	char sockstat[2048];

	ns->has_buffers = sizes("/proc/sys/net/ipv4/tcp_rmem", "/proc/sys/net/core/rmem_max", &ns->rmem) &&
			  sizes("/proc/sys/net/ipv4/tcp_wmem", "/proc/sys/net/core/wmem_max", &ns->wmem);
	if (proc_text("/proc/thread-self/net/sockstat", sockstat, sizeof(sockstat)) &&
	    !take_time_wait(rows, ns, sockstat))
		return false;
	return take_sockets(rows, ns) && take_conntrack(rows, ns) && limit_take_neighbours(rows, ns);
}

/* In pages: more of it for TCP alone is no advice to give. 0: not known. */
static uint64_t half_of_memory(void)
{
	long pages = sysconf(_SC_PHYS_PAGES);

	return pages > 0 ? pages / 2 : 0;
}

/* Both count all namespaces together, whoever reads them. */
static bool take_of_host(struct limit_rows *rows)
{
	struct limit_row orphans = { .kind = LIMIT_ORPHANS, .scope = "host" };
	struct limit_row memory = { .kind = LIMIT_TCP_MEM, .scope = "host" };
	unsigned long long low, pressure, high;
	char text[2048];
	bool ok = true;

	if (!proc_text("/proc/net/sockstat", text, sizeof(text)))
		return true;
	if (limit_parse_sockstat(text, "TCP:", "orphan", &orphans.use) &&
	    read_number("/proc/sys/net/ipv4/tcp_max_orphans", &orphans.max))
		ok = limit_rows_add(rows, &orphans);
	if (ok && limit_parse_sockstat(text, "TCP:", "mem", &memory.use) &&
	    proc_text("/proc/sys/net/ipv4/tcp_mem", text, sizeof(text)) &&
	    sscanf(text, "%llu %llu %llu", &low, &pressure, &high) == 3) {
		memory.max = high;
		memory.has_below = true;
		memory.below[0] = low;
		memory.below[1] = pressure;
		memory.ceiling = half_of_memory();
		ok = limit_rows_add(rows, &memory);
	}
	return ok;
}

static bool weigh(void *ctx, struct limit_netns *ns)
{
	uint64_t four = 0, six = 0, time_wait = 0;
	char text[8192];

	(void)ctx;
	if (!proc_text("/proc/sys/net/ipv4/ip_local_port_range", text, sizeof(text)) ||
	    sscanf(text, "%u %u", &ns->low, &ns->high) != 2 || !ns->low || ns->low > ns->high) {
		ns->low = ns->high = 0;
		return true;
	}
	ns->ports = ns->high - ns->low + 1;
	if (proc_text("/proc/sys/net/ipv4/ip_local_reserved_ports", text, sizeof(text)))
		ns->ports -= limit_reserved(text, ns->low, ns->high);
	if (proc_text("/proc/thread-self/net/sockstat", text, sizeof(text))) {
		limit_parse_sockstat(text, "TCP:", "inuse", &four);
		limit_parse_sockstat(text, "TCP:", "tw", &time_wait);
	}
	if (proc_text("/proc/thread-self/net/sockstat6", text, sizeof(text)))
		limit_parse_sockstat(text, "TCP6:", "inuse", &six);
	ns->sockets = four + six + time_wait;
	return true;
}

/* No service has more than all there are. */
static void choose(struct limit_namespaces *n, bool all)
{
	for (size_t i = 0; i < n->len; i++) {
		struct limit_netns *ns = &n->all[i];

		ns->counts_ports = ns->low && ns->sockets * 100 >= (uint64_t)ns->ports * LIMIT_SHOWN_PERCENT;
	}
	for (size_t k = 0; all && k < LIMIT_COUNTED; k++) {
		struct limit_netns *most = NULL;

		for (size_t i = 0; i < n->len; i++)
			if (n->all[i].low && !n->all[i].counts_ports &&
			    (!most || n->all[i].sockets > most->sockets))
				most = &n->all[i];
		if (most)
			most->counts_ports = true;
	}
}

bool limit_take_network(struct limit_rows *rows, struct limit_namespaces *n, bool all)
{
	if (!in_each(n, weigh, NULL))
		return false;
	choose(n, all);
	return in_each(n, take_inside, rows) && take_of_host(rows) && limit_take_cgroups(rows);
}

bool limit_take_host(struct limit_rows *rows)
{
	struct limit_netns own = { .fd = -1 };
	char sockstat[2048];

	return (!proc_text("/proc/net/sockstat", sockstat, sizeof(sockstat)) ||
		take_time_wait(rows, &own, sockstat)) &&
	       take_conntrack(rows, &own) && limit_take_neighbours(rows, &own) &&
	       take_of_host(rows) && limit_take_file_max(rows);
}
