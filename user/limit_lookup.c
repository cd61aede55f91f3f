// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "limit_lookup.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "diag.h"
#include "limit_rows.h"
#include "netns.h"
#include "proc_text.h"

bool limit_lookup_files(uint64_t *use, uint64_t *max)
{
	unsigned long long used, unused, most;
	char text[128];

	if (!proc_text("/proc/sys/fs/file-nr", text, sizeof(text)) ||
	    sscanf(text, "%llu %llu %llu", &used, &unused, &most) != 3)
		return false;
	*use = used - unused;
	*max = most;
	return true;
}

uint64_t limit_lookup_nr_open(void)
{
	unsigned long long n;
	char text[64];

	return proc_text("/proc/sys/fs/nr_open", text, sizeof(text)) &&
	       sscanf(text, "%llu", &n) == 1 ? n : UINT64_MAX;
}

static void read_range(void *ctx)
{
	struct limit_range *range = ctx;
	unsigned int low, high;
	char text[8192];

	if (!proc_text("/proc/sys/net/ipv4/ip_local_port_range", text, sizeof(text)) ||
	    sscanf(text, "%u %u", &low, &high) != 2 || !low || low > high || high > UINT16_MAX)
		return;
	range->low = low;
	range->high = high;
	range->ports = high - low + 1;
	if (proc_text("/proc/sys/net/ipv4/ip_local_reserved_ports", text, sizeof(text)))
		range->ports -= limit_reserved(text, low, high);
}

/* The caller's is mostly that of the call. -1: it is not. */
static int of_process(uint32_t netns, uint32_t pid)
{
	struct stat st;
	char path[64];
	int fd;

	if (!pid)
		return -1;
	snprintf(path, sizeof(path), "/proc/%u/ns/net", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || (!fstat(fd, &st) && st.st_ino == netns))
		return fd;
	close(fd);
	return -1;
}

/* A descriptor of the namespace, or -1. */
static int open_netns(uint32_t netns, uint32_t pid)
{
	struct netns wanted = { .inum = netns, .fd = of_process(netns, pid) };

	if (wanted.fd < 0)
		netns_open(&wanted, 1);
	return wanted.fd;
}

bool limit_lookup_range(uint32_t netns, uint32_t pid, struct limit_range *out)
{
	int fd = open_netns(netns, pid);

	*out = (struct limit_range){ .netns = netns };
	if (fd < 0)
		return false;
	netns_inside(fd, read_range, out);
	close(fd);
	return out->ports;
}

static void count_connection(void *ctx, const struct inet_diag_msg *m, uint32_t netns)
{
	struct limit_service *service = ctx;
	struct ev_sock s;

	diag_addresses(m, netns, &s);
	if (s.family != service->family || s.rport != service->rport ||
	    memcmp(s.laddr, service->laddr, sizeof(s.laddr)) ||
	    memcmp(s.raddr, service->raddr, sizeof(s.raddr)))
		return;
	service->used++;
	service->time_wait += m->idiag_state == EVS_TIME_WAIT;
}

bool limit_lookup_service(uint32_t netns, uint32_t pid, struct limit_service *service)
{
	int fd = open_netns(netns, pid);
	int sock = fd < 0 ? -1 : netns_diag_socket(fd);
	bool known = false;

	service->used = service->time_wait = 0;
	if (fd >= 0)
		close(fd);
	if (sock < 0)
		return false;
	known = !diag_dump(sock, DIAG_HOLDS_PORT, netns, count_connection, NULL, service);
	close(sock);
	return known;
}
