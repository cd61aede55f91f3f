// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "loader.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "bpf/attached.h"
#include "bpf/mib.h"
#include "btfnames.h"
#include "options.h"
#include "privilege.h"
#include "probe.h"
#include "tcptrail.skel.h"
#include "tracefs.h"

struct loader {
	struct tcptrail_bpf *skel;
	struct btf *btf;
	struct ring_buffer *ring;
	struct bpf_link *links[FACTS][WAY_PROGS_MAX];
	struct outcome outcomes[FACTS];
	/* load error of each way's programs; 0: loaded */
	int load_error[FACTS][WAYS_MAX];
	struct mib_index mib;
	uint32_t listen_overflow;	/* that drop reason; 0: none */
	uint64_t *per_cpu;
	uint64_t vanished;
	int cpus;
	loader_record_fn fn;
	void *ctx;
};

static struct loader *fail(struct loader *l, struct loader_failure *why, int code,
			   const char *format, ...)
{
	va_list args;

	why->exit_code = code;
	va_start(args, format);
	vsnprintf(why->what, sizeof(why->what), format, args);
	va_end(args);
	loader_close(l);
	return NULL;
}

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	/* A refused hook is told by doctor; the verifier's pages help us alone. */
	if (level == LIBBPF_DEBUG || !getenv("TCPTRAIL_DEBUG"))
		return 0;
	return vfprintf(stderr, format, args);
}

static struct bpf_program *program(const struct loader *l, const char *name)
{
	return bpf_object__find_program_by_name(l->skel->obj, name);
}

/*
 * Debian's 7.3 runs tracepoints preemptible, 6.18 and older do not: a task preempted
 * in one copy keeps it from all others of its CPU until it runs again. By version,
 * as nothing tells it; wrong costs two needless looks, or what two copies lose.
 */
static bool tracepoints_preemptible(void)
{
	struct utsname name;

	return !uname(&name) && atoi(name.release) >= 7;
}

static bool unwanted(const struct loader_options *o, int fact)
{
	if (o->only_listeners)
		return fact != FACT_STATE && fact != FACT_SOCK_END && fact != FACT_SNAPSHOT &&
		       fact != FACT_ACCEPT && fact != FACT_LISTENERS;
	switch (fact) {
	case FACT_LISTENERS:
		return !o->listeners;
	case FACT_MORE_COPIES:
		return !tracepoints_preemptible();
	case FACT_RETRANSMIT:
	case FACT_RETRANSMIT_SYNACK:
		return !o->retransmit;
	case FACT_RESET_SENT:
	case FACT_RESET_RECEIVED:
		return !o->reset && !o->state;	/* the cause of a transition */
	case FACT_ERROR:
		return !o->error;
	case FACT_DROP_SYN:
	case FACT_DROP_ACK:
	case FACT_DROP_COOKIE_ACK:
		return !o->drop;
	default:
		return false;
	}
}

/* A way that needs a counter or a reason that this kernel does not have. */
static bool unknown_here(const struct loader *l, int fact, const struct way *way)
{
	if (fact < FACT_DROP_SYN || fact > FACT_DROP_COOKIE_ACK)
		return false;
	return way->method == EVM_TP_BTF ? !l->listen_overflow : !l->mib.listen_drops;
}

/* What is known before the load of one way: 0, or -errno of its refusal. */
static int refuse(const struct loader *l, const struct loader_options *o, int fact,
		  const struct way *way)
{
	int err = 0;

	if (tier_excludes(o->tier, way->method) || unwanted(o, fact) ||
	    (way->method == EVM_TRACEPOINT && o->no_syscalls))
		return -ECANCELED;
	if (unknown_here(l, fact, way))
		return -ENOENT;
	for (const char *const *name = way->progs; *name && !err; name++)
		err = probe_program(l->btf, program(l, *name));
	return err;
}

static void plan(struct loader *l, const struct loader_options *o)
{
	struct bpf_program *p;

	bpf_object__for_each_program(p, l->skel->obj)
		bpf_program__set_autoload(p, false);
	for (int f = 0; f < FACTS; f++) {
		for (int w = 0; w < WAYS_MAX && facts[f].ways[w].method; w++) {
			const struct way *way = &facts[f].ways[w];

			if (!l->load_error[f][w])
				l->load_error[f][w] = refuse(l, o, f, way);
			for (int i = 0; way->progs[i] && !l->load_error[f][w]; i++)
				bpf_program__set_autoload(program(l, way->progs[i]), true);
		}
	}
}

static void find_enumerators(struct loader *l)
{
	static const char *const names[] = {
		"LINUX_MIB_LISTENDROPS", "LINUX_MIB_LISTENOVERFLOWS", "LINUX_MIB_TCPREQQFULLDROP",
		"LINUX_MIB_SYNCOOKIESSENT", "SKB_DROP_REASON_TCP_LISTEN_OVERFLOW",
	};
	uint32_t v[5];

	btfnames_values(l->btf, names, v, 5);
	l->mib = (struct mib_index){ .listen_drops = v[0], .listen_overflows = v[1],
				     .reqq_full_drop = v[2], .syncookies_sent = v[3] };
	l->listen_overflow = v[4];
}

/* The kernel's tick, in which it counts timeouts: 1 / CONFIG_HZ. */
static uint32_t tick_ns(void)
{
	struct timespec t;

	if (clock_getres(CLOCK_MONOTONIC_COARSE, &t) || t.tv_sec || t.tv_nsec <= 0)
		return 4000000;
	return t.tv_nsec;
}

/* About 150 bytes each: a quarter of a percent of memory. */
#define BYTES_PER_SOCKET 65536
#define SOCKETS_LEAST 65536
#define SOCKETS_MOST 1048576

static uint32_t sockets_by_memory(void)
{
	uint64_t bytes = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t sockets = bytes / BYTES_PER_SOCKET;

	if (sockets < SOCKETS_LEAST)
		return SOCKETS_LEAST;
	return sockets > SOCKETS_MOST ? SOCKETS_MOST : (uint32_t)sockets;
}

static int open_skeleton(struct loader *l, const struct loader_options *o)
{
	int err;

	l->skel = tcptrail_bpf__open();
	if (!l->skel)
		return -errno;
	l->skel->rodata->filter = o->filter;
	l->skel->rodata->ring_size = o->ring_size;
	l->skel->rodata->tick_ns = tick_ns();
	l->skel->rodata->mib = l->mib;
	l->skel->rodata->only_listeners = o->only_listeners;
	l->skel->rodata->want_state = o->state;
	l->skel->rodata->want_accept = o->accept;
	l->skel->rodata->want_waits = o->only_listeners;
	l->skel->rodata->accept_over_ns = o->accept_over_ns;
	l->skel->rodata->want_reset = o->reset;
	l->skel->rodata->want_data_retransmits = o->data_retransmit;
	err = bpf_map__set_max_entries(l->skel->maps.conns,
				       o->sockets ? o->sockets : sockets_by_memory());
	return err ? err : bpf_map__set_max_entries(l->skel->maps.ring, o->ring_size);
}

/* Load with this one way, and none, beside what is required. */
static int try_alone(struct loader *l, const struct loader_options *o, int fact, int way)
{
	struct loader alone = { .btf = l->btf, .mib = l->mib, .listen_overflow = l->listen_overflow };
	int err = open_skeleton(&alone, o);

	for (int f = 0; f < FACTS; f++)
		for (int w = 0; w < WAYS_MAX; w++)
			alone.load_error[f][w] = -ECANCELED;
	alone.load_error[fact][way] = 0;
	if (!err) {
		plan(&alone, o);
		err = tcptrail_bpf__load(alone.skel);
	}
	tcptrail_bpf__destroy(alone.skel);
	return err;
}

/* One program that the verifier refuses fails the whole object: find out which,
 * one by one (slow, and rare), and load again without. */
static int load_without_refused(struct loader *l, const struct loader_options *o)
{
	int err;

	for (int f = 0; f < FACTS; f++)
		for (int w = 0; w < WAYS_MAX && facts[f].ways[w].method; w++)
			if (!l->load_error[f][w] && facts[f].ways[w].progs[0])
				l->load_error[f][w] = try_alone(l, o, f, w);
	tcptrail_bpf__destroy(l->skel);
	l->skel = NULL;
	err = open_skeleton(l, o);
	if (err)
		return err;
	plan(l, o);
	return tcptrail_bpf__load(l->skel);
}

static int load(struct loader *l, const struct loader_options *o)
{
	int err = open_skeleton(l, o);

	if (err)
		return err;
	plan(l, o);
	err = tcptrail_bpf__load(l->skel);
	return err && err != -EPERM ? load_without_refused(l, o) : err;
}

static void detach_fact(struct loader *l, int fact)
{
	for (int i = 0; i < WAY_PROGS_MAX; i++) {
		bpf_link__destroy(l->links[fact][i]);
		l->links[fact][i] = NULL;
	}
}

static struct bpf_link *attach_tracepoint(const struct bpf_program *p)
{
	const char *section = bpf_program__section_name(p);
	int fd = tracefs_perf_event(strchr(section, '/') + 1);
	struct bpf_link *link;

	if (fd < 0) {
		errno = -fd;
		return NULL;
	}
	link = bpf_program__attach_perf_event(p, fd);
	if (!link)
		close(fd);
	return link;
}

static struct bpf_link *attach(const struct bpf_program *p)
{
	if (bpf_program__type(p) == BPF_PROG_TYPE_TRACEPOINT)
		return attach_tracepoint(p);
	return bpf_program__attach(p);
}

/* All programs of a way, or none. */
static int attach_way(struct loader *l, int fact, const struct way *way)
{
	for (int i = 0; way->progs[i]; i++) {
		struct bpf_program *p = program(l, way->progs[i]);
		int err;

		/* Called, or attached when they run. */
		if (bpf_program__type(p) == BPF_PROG_TYPE_SYSCALL || fact == FACT_CENSUS ||
		    fact == FACT_LISTENERS)
			continue;
		l->links[fact][i] = attach(p);
		if (l->links[fact][i])
			continue;
		err = -errno;
		detach_fact(l, fact);
		return err ? err : -EINVAL;
	}
	return 0;
}

static void attach_fact(struct loader *l, int fact)
{
	struct outcome *out = &l->outcomes[fact];

	for (int w = 0; w < WAYS_MAX && facts[fact].ways[w].method; w++) {
		const struct way *way = &facts[fact].ways[w];
		int err = l->load_error[fact][w];

		if (!err)
			err = attach_way(l, fact, way);
		if (!err) {
			out->way = way;
			return;
		}
		out->refused[out->refused_len].method = way->method;
		out->refused[out->refused_len].prog = way->progs[0];
		out->refused[out->refused_len].error = err;
		out->refused_len++;
	}
}

static enum ev_method method_of(const struct loader *l, int fact)
{
	return l->outcomes[fact].way ? l->outcomes[fact].way->method : EVM_NONE;
}

static bool by_function(const struct loader *l, int fact)
{
	return method_of(l, fact) == EVM_FENTRY || method_of(l, fact) == EVM_KPROBE;
}

/* The programs that give way to others are attached first. */
static void attach_all(struct loader *l)
{
	struct attached *a = &l->skel->bss->attached;

	for (int f = FACTS - 1; f >= 0; f--)
		if (f != FACT_STATE && f != FACT_UNDERSTUDY && f != FACT_MORE_COPIES)
			attach_fact(l, f);
	a->tw_alloc = method_of(l, FACT_TW_ENTERED) == EVM_FENTRY;
	a->tw = by_function(l, FACT_TW_ENTERED) && by_function(l, FACT_TW_LEFT);
	a->abort = by_function(l, FACT_KILLED);
	a->fin_dropped = method_of(l, FACT_FIN_WAIT_2) == EVM_TP_BTF;
	a->notes = by_function(l, FACT_TW_ENTERED) || by_function(l, FACT_KILLED) ||
		   by_function(l, FACT_RST_FLAG);
	/* Before they run: who leaves a mark has to know for how many. */
	a->more_copies = !l->load_error[FACT_MORE_COPIES][0];
	attach_fact(l, FACT_STATE);
	attach_fact(l, FACT_UNDERSTUDY);
	attach_fact(l, FACT_MORE_COPIES);
}

/* Runs an iterator; ours print nothing, they write storage or count. */
static int walk(struct bpf_link *link)
{
	char unused[64];
	ssize_t n;
	int fd;

	if (!link)
		return -ENOENT;
	fd = bpf_iter_create(bpf_link__fd(link));
	if (fd < 0)
		return -errno;
	do
		n = read(fd, unused, sizeof(unused));
	while (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)));
	close(fd);
	return n < 0 ? -errno : 0;
}

/* Of what was open before the hooks. */
static void snapshot(struct loader *l)
{
	walk(l->links[FACT_SNAPSHOT][0]);
	detach_fact(l, FACT_SNAPSHOT);
	l->skel->bss->attached.settled = 1;
}

static int on_record(void *ctx, void *data, size_t size)
{
	struct loader *l = ctx;

	/* libbpf has moved on behind the record when it looks at the result. */
	return l->fn(l->ctx, data, size) ? 0 : -EAGAIN;
}

static struct loader *fail_load(struct loader *l, struct loader_failure *why, int err)
{
	const char *missing = probe_missing(l->btf);

	if (missing)
		return fail(l, why, EXIT_KERNEL, "this kernel cannot be traced: %s", missing);
	if (err == -EPERM)
		return fail(l, why, EXIT_PRIVILEGE,
			    "loading BPF programs is not permitted (lockdown, an LSM or a missing "
			    "capability refuses it): %s", strerror(-err));
	return fail(l, why, EXIT_RUNTIME, "cannot load the BPF programs: %s", strerror(-err));
}

static int prepare(struct loader *l)
{
	l->cpus = libbpf_num_possible_cpus();
	if (l->cpus < 1)
		return -EINVAL;
	l->per_cpu = calloc(l->cpus, sizeof(*l->per_cpu));
	if (!l->per_cpu)
		return -ENOMEM;
	l->ring = ring_buffer__new(bpf_map__fd(l->skel->maps.ring), on_record, l, NULL);
	return l->ring ? 0 : -errno;
}

static struct loader *check(struct loader *l, const struct loader_options *o,
			    struct loader_failure *why)
{
	const char *missing = l->outcomes[FACT_STATE].way ? NULL : probe_missing(l->btf);

	if (missing)
		return fail(l, why, EXIT_KERNEL, "this kernel cannot be traced: %s", missing);
	for (int f = 0; f < FACTS; f++)
		if (facts[f].required && !l->outcomes[f].way)
			return fail(l, why, EXIT_KERNEL, "this kernel cannot be traced: no hook for %s",
				    facts[f].name);
	if (o->tier != TIER_AUTO && tier_of(l->outcomes) != o->tier)
		return fail(l, why, EXIT_KERNEL,
			    "--probe %s: no such hook works on this kernel; see tcptrail doctor",
			    tier_name(o->tier));
	return l;
}

struct loader *loader_open(const struct loader_options *o, loader_record_fn fn, void *ctx,
			   struct loader_failure *why)
{
	struct loader *l = calloc(1, sizeof(*l));
	char caps[64];
	int err;

	libbpf_set_print(quiet);
	if (!l)
		return fail(l, why, EXIT_RUNTIME, "%s", strerror(ENOMEM));
	l->fn = fn;
	l->ctx = ctx;
	if (privilege_missing(caps, sizeof(caps)))
		return fail(l, why, EXIT_PRIVILEGE, "not permitted: needs %s; run it as root, or "
			    "give it these capabilities", caps);
	l->btf = btf__load_vmlinux_btf();
	if (!l->btf)
		return fail(l, why, EXIT_KERNEL, "this kernel cannot be traced: it has no BTF "
			    "(CONFIG_DEBUG_INFO_BTF, /sys/kernel/btf/vmlinux)");
	if (o->drop || o->listeners)
		find_enumerators(l);
	err = load(l, o);
	if (err)
		return fail_load(l, why, err);
	err = prepare(l);
	if (err)
		return fail(l, why, EXIT_RUNTIME, "cannot read the ring buffer: %s", strerror(-err));
	attach_all(l);
	if (!check(l, o, why))
		return NULL;
	snapshot(l);
	return l;
}

int loader_fd(const struct loader *l)
{
	return bpf_map__fd(l->skel->maps.ring);
}

size_t loader_consume(struct loader *l)
{
	int n = ring_buffer__consume(l->ring);

	return n > 0 ? n : 0;
}

int loader_portfill(struct loader *l, struct portfill_slot *slots, size_t len)
{
	LIBBPF_OPTS(bpf_test_run_opts, run);
	int err;

	if (method_of(l, FACT_PORT) == EVM_NONE)
		return -ENOENT;
	memcpy(l->skel->bss->portfill_slots, slots, len * sizeof(*slots));
	l->skel->bss->portfill_len = len;
	err = bpf_prog_test_run_opts(bpf_program__fd(program(l, "portfill")), &run);
	if (err)
		return err;
	memcpy(slots, l->skel->bss->portfill_slots, len * sizeof(*slots));
	return 0;
}

static uint64_t sum(const struct loader *l, __u32 counter)
{
	uint64_t total = 0;

	if (bpf_map_lookup_elem(bpf_map__fd(l->skel->maps.counters), &counter, l->per_cpu))
		return 0;
	for (int cpu = 0; cpu < l->cpus; cpu++)
		total += l->per_cpu[cpu];
	return total;
}

/* Never too many: who is born or ends during the walk counts as there. */
void loader_census(struct loader *l)
{
	union bpf_iter_link_info info = { .map.map_fd = bpf_map__fd(l->skel->maps.conns) };
	LIBBPF_OPTS(bpf_iter_attach_opts, opts, .link_info = &info, .link_info_len = sizeof(info));
	uint64_t born = sum(l, EVC_BORN), ended;
	struct bpf_link *link;

	if (method_of(l, FACT_CENSUS) == EVM_NONE)
		return;
	l->skel->bss->census_followed = 0;
	link = bpf_program__attach_iter(program(l, "census"), &opts);
	if (link && !walk(link)) {
		ended = sum(l, EVC_ENDED) + l->skel->bss->census_followed;
		l->vanished = born > ended ? born - ended : 0;
	}
	bpf_link__destroy(link);
}

static uint64_t missed(const struct loader *l, const char *name)
{
	struct bpf_prog_info info = { 0 };
	__u32 len = sizeof(info);

	/* Not loaded: it has no descriptor. */
	if (bpf_program__fd(program(l, name)) < 0 ||
	    bpf_obj_get_info_by_fd(bpf_program__fd(program(l, name)), &info, &len))
		return 0;
	return info.recursion_misses;
}

void loader_counters(struct loader *l, struct kernel_counters *out)
{
	static const char *const alone[] = { "reset_sent", "reset_sent_reason", "reset_received",
					     "error", "retransmit_synack", "drop_syn_fexit",
					     "drop_ack_fexit", "drop_cookie_fexit" };
	memset(out, 0, sizeof(*out));
	for (__u32 i = 0; i < EVC_MAX; i++)
		out->count[i] = sum(l, i);
	out->vanished = l->vanished;
	out->missed_1 = missed(l, "state");
	out->missed_2 = missed(l, "state_understudy");
	for (size_t i = 0; i < sizeof(alone) / sizeof(alone[0]); i++)
		out->missed_other += missed(l, alone[i]);
}

uint32_t loader_round(struct loader *l, uint64_t now_ns)
{
	volatile __u64 *begun = &l->skel->bss->bucket_round_ns;
	volatile __u32 *round = &l->skel->data->bucket_round;

	*begun = now_ns;
	*round += 1;
	return *round - 1;
}

void loader_buckets(struct loader *l, loader_bucket_fn fn, void *ctx)
{
	int fd = bpf_map__fd(l->skel->maps.buckets);
	int total = bpf_map__fd(l->skel->maps.bucket_total);
	struct ev_bucket_key key, next;
	struct ev_bucket b;

	for (int r = bpf_map_get_next_key(fd, NULL, &next); !r;
	     r = bpf_map_get_next_key(fd, &key, &next)) {
		key = next;
		if (!bpf_map_lookup_elem(fd, &key, &b) && (b.held[0] || b.held[1]))
			fn(ctx, &key, &b);
	}
	for (__u32 kind = 0; kind < EV_KIND_MAX; kind++) {
		__u32 slot = 1 + kind;

		key = (struct ev_bucket_key){ .kind = kind };
		if (!bpf_map_lookup_elem(total, &slot, &b) && (b.held[0] || b.held[1]))
			fn(ctx, &key, &b);
	}
}

int loader_listeners(struct loader *l, loader_listening_fn fn, void *ctx)
{
	union bpf_iter_link_info info = { .map.map_fd = bpf_map__fd(l->skel->maps.listens) };
	LIBBPF_OPTS(bpf_iter_attach_opts, opts, .link_info = &info, .link_info_len = sizeof(info));
	struct listening rows[64];
	struct bpf_link *link;
	ssize_t n;
	int fd, err;

	if (method_of(l, FACT_LISTENERS) == EVM_NONE)
		return -ENOTSUP;
	l->skel->bss->walk_number++;
	link = bpf_program__attach_iter(program(l, "listening_walk"), &opts);
	if (!link)
		return -errno;
	fd = bpf_iter_create(bpf_link__fd(link));
	err = fd < 0 ? -errno : 0;
	/* The kernel hands out whole structs only: a read ends between two. */
	while (!err && (n = read(fd, rows, sizeof(rows))) != 0) {
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			err = -errno;
		for (ssize_t i = 0; n > 0 && i < n / (ssize_t)sizeof(rows[0]); i++)
			fn(ctx, &rows[i]);
	}
	if (fd >= 0)
		close(fd);
	bpf_link__destroy(link);
	return err;
}

bool loader_accepts(struct loader *l, loader_accepts_fn fn, void *ctx)
{
	int fd = bpf_map__fd(l->skel->maps.accepts);
	struct accept_stats stats;
	uint64_t key, next;

	if (method_of(l, FACT_ACCEPT) == EVM_NONE)
		return false;
	for (int r = bpf_map_get_next_key(fd, NULL, &next); !r;
	     r = bpf_map_get_next_key(fd, &key, &next)) {
		key = next;
		if (!bpf_map_lookup_elem(fd, &key, &stats))
			fn(ctx, &stats);
	}
	return true;
}

void loader_netns_counts(struct loader *l, loader_netns_fn fn, void *ctx)
{
	int fd = bpf_map__fd(l->skel->maps.netns_counts);
	struct netns_count count;
	uint32_t key, next;

	for (int r = bpf_map_get_next_key(fd, NULL, &next); !r;
	     r = bpf_map_get_next_key(fd, &key, &next)) {
		key = next;
		if (!bpf_map_lookup_elem(fd, &key, &count) &&
		    count.walk == l->skel->bss->walk_number)
			fn(ctx, key, &count);
	}
}

void loader_forget(struct loader *l, uint64_t cookie)
{
	bpf_map_delete_elem(bpf_map__fd(l->skel->maps.timewaits), &cookie);
}

const struct outcome *loader_outcomes(const struct loader *l)
{
	return l->outcomes;
}

const struct btf *loader_btf(const struct loader *l)
{
	return l->btf;
}

void loader_detach(struct loader *l)
{
	for (int f = 0; f < FACTS; f++)
		detach_fact(l, f);
}

void loader_close(struct loader *l)
{
	if (!l)
		return;
	loader_detach(l);
	ring_buffer__free(l->ring);
	tcptrail_bpf__destroy(l->skel);
	btf__free(l->btf);
	free(l->per_cpu);
	free(l);
}
