// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "loader.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "bpf/attached.h"
#include "bpf/conn.h"
#include "bpf/mib.h"
#include "bpf/orphan.h"
#include "accept_rates.h"
#include "btfnames.h"
#include "descendants.h"
#include "mapwalk.h"
#include "options.h"
#include "privilege.h"
#include "probe.h"
#include "tcptrail.skel.h"
#include "tracefs.h"

struct loader {
	struct tcptrail_bpf *skel;
	struct btf *btf;
	struct ring_buffer *ring;
	struct bpf_link *links[FACTS][2 * WAY_PROGS_MAX];
	struct outcome outcomes[FACTS];
	/* load error of each way's programs; 0: loaded */
	int load_error[FACTS][WAYS_MAX];
	struct mib_index mib;
	uint32_t listen_overflow;	/* that drop reason; 0: none */
	uint64_t *per_cpu;
	uint64_t vanished;
	int cpus;
	bool twice;			/* with what understudy_of() has */
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

static bool of_stalls(int fact)
{
	return fact >= FACT_STALLS && fact <= FACT_STALLS_DROPPED;
}

static bool of_limits(int fact)
{
	return fact >= FACT_LIMIT_ACCEPT && fact <= FACT_LIMIT_ALONE;
}

/* By a view, which needs little of what a trace does. */
static bool unwanted_by_view(const struct loader_options *o, int fact)
{
	if (o->only_stalls)
		return !of_stalls(fact);
	if (o->only_limits)
		return fact != FACT_BUFFERS && !of_limits(fact);
	return fact != FACT_STATE && fact != FACT_SOCK_END && fact != FACT_SNAPSHOT &&
	       fact != FACT_ACCEPT && fact != FACT_LISTENERS && fact != FACT_SYNS &&
	       (!of_limits(fact) || fact == FACT_LIMIT_ALONE || !o->limit) &&
	       (fact != FACT_BUFFERS || !o->buffers) &&
	       (!of_stalls(fact) || !o->stalls);
}

static bool unwanted(const struct loader_options *o, int fact)
{
	if (o->only_stalls || o->only_limits || o->only_listeners)
		return unwanted_by_view(o, fact);
	switch (fact) {
	case FACT_LISTENERS:
		return !o->listeners;
	case FACT_STALLS:
	case FACT_STALLS_ALONE:
	case FACT_STALLS_DROPPED:
		return !o->stalls;
	case FACT_BUFFERS:
		return !o->buffers;
	case FACT_FOLLOW:
		return !o->filter.follow && !o->filter.pids_len;
	case FACT_MORE_COPIES:
		return !tracepoints_preemptible();
	case FACT_LIMIT_ACCEPT:
	case FACT_LIMIT_SOCKET:
	case FACT_LIMIT_CONNECT:
	case FACT_LIMIT_BIND:
	case FACT_LIMIT_LISTEN:
		return !o->limit;
	case FACT_LIMIT_ALONE:
		return true;		/* the state program does it */
	case FACT_RETRANSMIT:
	case FACT_RETRANSMIT_SYNACK:
		return !o->retransmit;
	case FACT_RESET_SENT:
	case FACT_RESET_RECEIVED:
		return !o->reset && !o->state && !o->connection;	/* the cause of a transition */
	case FACT_ERROR:
		return !o->error;
	case FACT_SYN_QUEUE:
		return !o->state && !o->connection;
	case FACT_SYNS:
		return !o->syns;
	case FACT_RELISTEN:
		return !o->state;
	case FACT_DROP_ACK:
		return !o->drop && !o->state && !o->connection;	/* what it did to a request */
	case FACT_DROP_SYN:
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

/* Its programs, second copies last; NULL after the last. */
static struct bpf_program *nth_program(const struct loader *l, const struct way *way, int n)
{
	const char *second;
	int firsts = 0;

	while (way->progs[firsts])
		firsts++;
	if (n < firsts)
		return program(l, way->progs[n]);
	second = l->twice && n < 2 * firsts ? understudy_of(way->progs[n - firsts]) : NULL;
	return second ? program(l, second) : NULL;
}

/* What is known before the load of one way: 0, or -errno of its refusal. */
static int refuse(const struct loader *l, const struct loader_options *o, int fact,
		  const struct way *way)
{
	int err = 0;

	if (tier_excludes(o->tier, way->method) || unwanted(o, fact) ||
	    (way->method == EVM_TRACEPOINT && o->no_syscalls))
		return -ECANCELED;
	/* A request is followed by function hooks or not at all. */
	if (fact == FACT_DROP_ACK && !o->drop && way->method == EVM_TP_BTF)
		return -ECANCELED;
	if (unknown_here(l, fact, way))
		return -ENOENT;
	if (fact == FACT_STALLS_ALONE && !privilege_network())
		return -EPERM;
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
			for (int i = 0; !l->load_error[f][w] && (p = nth_program(l, way, i)); i++)
				bpf_program__set_autoload(p, true);
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

/* The offsets of numa_drop_counters (bpf/listening.bpf.c), where this kernel has it. */
static void find_numa_drops(struct loader *l)
{
	int id = btf__find_by_name_kind(l->btf, "numa_drop_counters", BTF_KIND_STRUCT);
	const struct btf_type *t = id > 0 ? btf__type_by_id(l->btf, id) : NULL;

	for (int i = 0; t && i < btf_vlen(t) && i < 2; i++)
		l->skel->rodata->numa_drops[i] = btf_member_bit_offset(t, i) / 8;
}

/* The kernel's tick, in which it counts timeouts: 1 / CONFIG_HZ. */
static uint32_t tick_ns(void)
{
	struct timespec t;

	if (clock_getres(CLOCK_MONOTONIC_COARSE, &t) || t.tv_sec || t.tv_nsec <= 0)
		return 4000000;
	return t.tv_nsec;
}

/* About 290 bytes each: half a percent of memory. */
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

/* conn.bpf.c: a quarter of the sockets in sets of four places, but no more of these than
 * a processor's cache holds; the rest in the hash map. */
static int make_room(struct tcptrail_bpf *skel, uint32_t sockets)
{
	uint32_t sets = 1;
	int err;

	while (sets < 2048 && sets <= sockets / 32)
		sets *= 2;
	skel->rodata->conn_sets_mask = sets - 1;
	err = bpf_map__set_max_entries(skel->maps.conn_sets, sets);
	if (!err)
		err = bpf_map__set_max_entries(skel->maps.conns, 4 * sets);
	return err ? err : bpf_map__set_max_entries(skel->maps.conns_more, sockets - 4 * sets);
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
	find_numa_drops(l);
	l->skel->rodata->mib = l->mib;
	l->skel->rodata->only_listeners = o->only_listeners;
	l->skel->rodata->twice = l->twice;
	l->skel->rodata->want_state = o->state;
	l->skel->rodata->want_connection = o->connection;
	l->skel->rodata->only_failed = o->only_failed;
	l->skel->rodata->want_accept = o->accept;
	l->skel->rodata->want_waits = o->only_listeners;
	l->skel->rodata->accept_over_ns = o->accept_over_ns;
	l->skel->rodata->want_reset = o->reset;
	l->skel->rodata->want_drop = o->drop;
	l->skel->rodata->want_data_retransmits = o->data_retransmit;
	err = make_room(l->skel, o->sockets ? o->sockets : sockets_by_memory());
	return err ? err : bpf_map__set_max_entries(l->skel->maps.ring, o->ring_size);
}

/* Load with this one way, and none, beside what is required. */
static int try_alone(struct loader *l, const struct loader_options *o, int fact, int way)
{
	struct loader alone = { .btf = l->btf, .mib = l->mib, .twice = l->twice,
				.listen_overflow = l->listen_overflow };
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

/* One program that the verifier, or a security module, refuses fails the whole object:
 * find out which, one by one (slow, and rare), and load again without. */
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

static int load_once(struct loader *l, const struct loader_options *o)
{
	int err = open_skeleton(l, o);

	if (err)
		return err;
	plan(l, o);
	return tcptrail_bpf__load(l->skel);
}

static int fill_prefixes(struct loader *l, const struct filter_prefixes *prefixes)
{
	const __u8 one = 1;
	int err = 0;

	for (__u32 i = 0; prefixes && i < prefixes->len && !err; i++)
		err = bpf_map__update_elem(l->skel->maps.filter_prefixes, &prefixes->all[i],
					   sizeof(prefixes->all[i]), &one, sizeof(one), BPF_ANY);
	return err;
}

/* A filter may be more than this kernel's verifier bears: then user space alone asks it. */
static int load(struct loader *l, const struct loader_options *o)
{
	struct loader_options unfiltered = *o;
	int err = load_once(l, o);

	unfiltered.filter.atoms_len = 0;
	if (err && err != -EPERM && o->filter.atoms_len) {
		tcptrail_bpf__destroy(l->skel);
		l->skel = NULL;
		err = load_once(l, &unfiltered);
	}
	if (!err || (err == -EPERM && !probe_permitted(l->btf)))
		return err;
	return load_without_refused(l, err == -EPERM ? o : &unfiltered);
}

static void detach_fact(struct loader *l, int fact)
{
	/* The last copy first: alone it would count its work as skipped by the first. */
	for (int i = 2 * WAY_PROGS_MAX - 1; i >= 0; i--) {
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

/* All programs of a way, or none. Of a tracepoint's programs the first attached runs first, of
 * a function's the last (bpf_trampoline_link_prog()). */
static int attach_way(struct loader *l, int fact, const struct way *way)
{
	bool function = way->method == EVM_FENTRY;
	int n = 0;

	while (nth_program(l, way, n))
		n++;
	for (int k = 0; k < n; k++) {
		int i = function ? n - 1 - k : k, err;
		struct bpf_program *p = nth_program(l, way, i);

		/* Called when they are wanted. */
		if (bpf_program__type(p) == BPF_PROG_TYPE_SYSCALL || fact == FACT_STALLS_ALONE)
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
	a->connect_returns = method_of(l, FACT_LIMIT_CONNECT) == EVM_TRACEPOINT;
	a->requests = by_function(l, FACT_SYN_QUEUE) && by_function(l, FACT_DROP_ACK);
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

int loader_follow(struct loader *l, uint32_t pid)
{
	uint8_t one = 1;

	if (!l->links[FACT_FOLLOW][0])
		return -ENOENT;
	return bpf_map__update_elem(l->skel->maps.followed, &pid, sizeof(pid), &one, sizeof(one),
				    BPF_ANY);
}

static void follow_one(void *ctx, uint32_t pid)
{
	loader_follow(ctx, pid);	/* full: their children go unseen, they do not */
}

/* The hook first: a child that comes meanwhile is in both. */
static void follow_family(struct loader *l, const struct kernel_filter *f)
{
	for (uint32_t i = 0; i < f->pids_len; i++)
		loader_follow(l, f->pids[i]);
	if (f->pids_len)
		descendants_each(f->pids, f->pids_len, follow_one, l);
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
	int only = o->only_stalls ? FACT_STALLS : o->only_limits ? FACT_BUFFERS : -1;
	const char *missing = l->outcomes[only < 0 ? FACT_STATE : only].way ? NULL : probe_missing(l->btf);

	if (missing)
		return fail(l, why, EXIT_KERNEL, "this kernel cannot be traced: %s", missing);
	for (int f = 0; f < FACTS; f++)
		if ((only < 0 ? facts[f].required : f == only) && !l->outcomes[f].way)
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
	l->twice = tracepoints_preemptible();
	if (privilege_missing(caps, sizeof(caps)))
		return fail(l, why, EXIT_PRIVILEGE, "not permitted: needs %s; run it as root, or "
			    "give it these capabilities", caps);
	l->btf = btf__load_vmlinux_btf();
	if (!l->btf)
		return fail(l, why, EXIT_KERNEL, "this kernel cannot be traced: it has no BTF "
			    "(CONFIG_DEBUG_INFO_BTF, /sys/kernel/btf/vmlinux)");
	if (!o->only_stalls)
		find_enumerators(l);
	err = load(l, o);
	if (err)
		return fail_load(l, why, err);
	err = fill_prefixes(l, o->prefixes);
	if (err)
		return fail(l, why, EXIT_RUNTIME, "cannot hand on the filter: %s", strerror(-err));
	err = prepare(l);
	if (err)
		return fail(l, why, EXIT_RUNTIME, "cannot read the ring buffer: %s", strerror(-err));
	attach_all(l);
	if (!check(l, o, why))
		return NULL;
	follow_family(l, &o->filter);
	snapshot(l);
	return l;
}

struct filter_cgroup *loader_cgroups(struct loader *l)
{
	return l->skel->bss->filter_cgroups;
}

int loader_fd(const struct loader *l)
{
	return bpf_map__fd(l->skel->maps.ring);
}

void loader_consume(struct loader *l)
{
	ring_buffer__consume(l->ring);
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

bool loader_readable(const struct loader *l)
{
	__u32 zero = 0;

	return !bpf_map_lookup_elem(bpf_map__fd(l->skel->maps.counters), &zero, l->per_cpu);
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

struct census {
	struct loader *loader;
	size_t per_key;		/* addresses a key */
	bool values;		/* they are the values, not the keys */
	int err;
};

static bool count_sockets(void *ctx, const void *keys, const void *values, uint32_t n)
{
	struct census *c = ctx;
	struct tcptrail_bpf *skel = c->loader->skel;
	LIBBPF_OPTS(bpf_test_run_opts, run);

	skel->bss->census_len = n * c->per_key;
	memcpy(skel->bss->census_wanted, c->values ? values : keys, n * c->per_key * sizeof(__u64));
	c->err = bpf_prog_test_run_opts(bpf_program__fd(skel->progs.census), &run);
	return !c->err;
}

/* Of both tables. */
static int count_all_sockets(struct loader *l)
{
	struct census c = { .loader = l, .per_key = CONN_WAYS, .values = true };
	int err = mapwalk(bpf_map__fd(l->skel->maps.conn_sets), CENSUS_MAX / CONN_WAYS, count_sockets, &c);

	if (err || c.err || !l->skel->bss->conns_spilled)
		return err ? err : c.err;
	c = (struct census){ .loader = l, .per_key = 1 };
	err = mapwalk(bpf_map__fd(l->skel->maps.conns_more), CENSUS_MAX, count_sockets, &c);
	return err ? err : c.err;
}

/* Never too many: who is born or ends during the walk counts as there. */
void loader_census(struct loader *l)
{
	uint64_t born = sum(l, EVC_BORN), ended;

	if (method_of(l, FACT_CENSUS) == EVM_NONE)
		return;
	l->skel->bss->census_followed = 0;
	if (count_all_sockets(l))
		return;
	ended = sum(l, EVC_ENDED) + l->skel->bss->census_followed;
	l->vanished = born > ended ? born - ended : 0;
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
	static const char *const others[] = { "reset_sent", "reset_sent_reason", "reset_received",
					      "error", "retransmit_synack", "drop_syn_fexit",
					      "drop_ack_fexit", "drop_cookie_fexit",
					      "limit_accept_fexit", "limit_socket_fexit",
					      "limit_connect_fexit", "limit_connect6_fexit",
					      "limit_bind_fexit", "limit_listen_fexit",
					      "request_queued_fentry", "request_left_fentry",
					      "tw_alloc_fexit", "tw_schedule_fentry", "tw_kill_fentry" };
	static const char *const accepts[] = { "accept_graft_fentry", "accept_graft_kprobe",
					       "accept_sys_exit4", "accept_sys_exit" };

	memset(out, 0, sizeof(*out));
	for (__u32 i = 0; i < EVC_MAX; i++)
		out->count[i] = sum(l, i);
	out->vanished = l->vanished;
	out->missed_1 = missed(l, "state");
	out->missed_2 = missed(l, "state_understudy");
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		out->missed_other += missed(l, others[i]);
	for (size_t i = 0; i < sizeof(accepts) / sizeof(accepts[0]); i++)
		out->missed_accepts += missed(l, accepts[i]);
	/* What it skips may be data that nobody asked for: only a second copy tells. */
	if (l->twice)
		out->missed_other += missed(l, "retransmit");
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

/* Of an iterator: bytes of whole structs, as the kernel ends a read between two; 0: that was
 * all; -errno. */
static ssize_t next_rows(int fd, void *rows, size_t size)
{
	ssize_t n;

	do
		n = read(fd, rows, size);
	while (n < 0 && (errno == EAGAIN || errno == EINTR));
	return n < 0 ? -errno : n;
}

struct listening_look {
	struct loader *loader;
	loader_listening_fn fn;
	void *ctx;
	int err;
};

static bool look_at_listeners(void *ctx, const void *keys, const void *values, uint32_t n)
{
	struct listening_look *look = ctx;
	struct tcptrail_bpf *skel = look->loader->skel;
	LIBBPF_OPTS(bpf_test_run_opts, run);

	(void)values;
	skel->bss->listening_len = n;
	memcpy(skel->bss->listening_wanted, keys, n * sizeof(__u64));
	look->err = bpf_prog_test_run_opts(bpf_program__fd(skel->progs.listening_look), &run);
	for (uint32_t i = 0; !look->err && i < n; i++)
		if (skel->bss->listening_rows[i].sock.cookie)
			look->fn(look->ctx, (const struct listening *)&skel->bss->listening_rows[i]);
	return !look->err;
}

int loader_listeners(struct loader *l, loader_listening_fn fn, void *ctx)
{
	struct listening_look look = { .loader = l, .fn = fn, .ctx = ctx };
	int err;

	if (method_of(l, FACT_LISTENERS) == EVM_NONE)
		return -ENOTSUP;
	l->skel->bss->walk_number++;
	err = mapwalk(bpf_map__fd(l->skel->maps.listens), LISTENING_MAX, look_at_listeners, &look);
	return err ? err : look.err;
}

int loader_stalls(struct loader *l, loader_stalled_fn fn, void *ctx, uint64_t *seen)
{
	struct stalled rows[64];
	ssize_t n;
	int fd;

	if (method_of(l, FACT_STALLS) == EVM_NONE)
		return -ENOTSUP;
	l->skel->bss->stalls_seen = 0;
	fd = bpf_iter_create(bpf_link__fd(l->links[FACT_STALLS][0]));
	if (fd < 0)
		return -errno;
	while ((n = next_rows(fd, rows, sizeof(rows))) > 0)
		for (ssize_t i = 0; i < n / (ssize_t)sizeof(rows[0]); i++)
			fn(ctx, &rows[i]);
	close(fd);
	*seen = l->skel->bss->stalls_seen;
	return (int)n;
}

/* The packet that it is run with is looked at by nobody. */
int loader_stalls_look_up(struct loader *l, struct stalled *slots, size_t len)
{
	static const uint8_t packet[64];
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = packet, .data_size_in = sizeof(packet));
	int err;

	if (method_of(l, FACT_STALLS_ALONE) == EVM_NONE)
		return -ENOTSUP;
	memcpy(l->skel->bss->stalls_wanted, slots, len * sizeof(*slots));
	l->skel->bss->stalls_wanted_len = len;
	err = bpf_prog_test_run_opts(bpf_program__fd(program(l, "stalls_look_up")), &run);
	if (!err)
		memcpy(slots, l->skel->bss->stalls_wanted, len * sizeof(*slots));
	return err;
}

struct dropped_look {
	loader_dropped_fn fn;
	void *ctx;
};

static bool hand_on_dropped(void *ctx, const void *keys, const void *values, uint32_t n)
{
	const struct dropped_look *look = ctx;
	const struct dropped_key *key = keys;
	const struct dropped *what = values;

	for (uint32_t i = 0; i < n; i++)
		look->fn(look->ctx, &key[i], &what[i]);
	return true;
}

int loader_dropped(struct loader *l, loader_dropped_fn fn, void *ctx)
{
	struct dropped_look look = { .fn = fn, .ctx = ctx };

	if (method_of(l, FACT_STALLS_DROPPED) == EVM_NONE)
		return -ENOTSUP;
	return mapwalk(bpf_map__fd(l->skel->maps.dropped), DROPPED_MAX, hand_on_dropped, &look);
}

static int walk_buffers(struct loader *l, loader_buffered_fn fn, void *ctx)
{
	struct buffered rows[64];
	ssize_t n;
	int fd = bpf_iter_create(bpf_link__fd(l->links[FACT_BUFFERS][0]));

	if (fd < 0)
		return -errno;
	while ((n = next_rows(fd, rows, sizeof(rows))) > 0)
		for (ssize_t i = 0; i < n / (ssize_t)sizeof(rows[0]); i++)
			fn(ctx, &rows[i]);
	close(fd);
	return (int)n;
}

int loader_buffers(struct loader *l, const struct port_service *services, size_t len,
		   loader_buffered_fn fn, loader_port_user_fn users, void *ctx)
{
	int known = bpf_map__fd(l->skel->maps.port_services);
	int used = bpf_map__fd(l->skel->maps.port_users);
	struct port_user key;
	uint32_t n;
	int err;

	if (method_of(l, FACT_BUFFERS) == EVM_NONE)
		return -ENOTSUP;
	for (uint32_t i = 0; i < len && i < PORT_SERVICES_MAX; i++)
		bpf_map_update_elem(known, &services[i], &i, BPF_ANY);
	err = walk_buffers(l, fn, ctx);
	for (uint32_t i = 0; i < len && i < PORT_SERVICES_MAX; i++)
		bpf_map_delete_elem(known, &services[i]);
	while (!bpf_map_get_next_key(used, NULL, &key)) {
		if (!bpf_map_lookup_elem(used, &key, &n))
			users(ctx, key.service, key.pid, n);
		if (bpf_map_delete_elem(used, &key))
			break;
	}
	return err;
}

bool loader_sees_syns(const struct loader *l)
{
	return method_of(l, FACT_SYNS) != EVM_NONE;
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

bool loader_accepts_at(struct loader *l, const struct listener_key *at, uint64_t until_ns,
		       struct accept_counts *counts)
{
	int fd = bpf_map__fd(l->skel->maps.listeners);
	struct listener_key dual = { .netns = at->netns, .port = at->port, .family = 6 };
	static const uint8_t any[16];
	struct listener listener;

	if (method_of(l, FACT_ACCEPT) == EVM_NONE)
		return false;
	l->skel->bss->accepts_until_ns = until_ns;
	/* A peer of IPv4 is told of an IPv6 socket, too. */
	if (bpf_map_lookup_elem(fd, at, &listener) &&
	    (at->family != 4 || memcmp(at->addr, any, sizeof(any)) ||
	     bpf_map_lookup_elem(fd, &dual, &listener)))
		return false;
	*counts = (struct accept_counts){ .accepts = listener.accepts, .syns = listener.syns,
					  .has_syns = by_function(l, FACT_DROP_SYN) };
	return true;
}

void loader_netns_counts(struct loader *l, loader_netns_fn fn, void *ctx)
{
	int fd = bpf_map__fd(l->skel->maps.netns_counts);
	int births = bpf_map__fd(l->skel->maps.netns_births);
	uint64_t walk = l->skel->bss->walk_number;
	struct netns_ended birth;
	struct netns_count count;
	uint32_t key, next;

	for (int r = bpf_map_get_next_key(fd, NULL, &next); !r;
	     r = bpf_map_get_next_key(fd, &key, &next)) {
		bool known;

		key = next;
		if (bpf_map_lookup_elem(fd, &key, &count) || count.walk != walk)
			continue;
		known = !bpf_map_lookup_elem(births, &key, &birth) && birth.now.walk == walk;
		fn(ctx, key, &count, known && birth.born.walk ? &birth.born : NULL);
	}
}

void loader_netns_watch(struct loader *l)
{
	l->skel->bss->attached.netns_counts = 1;
}

void loader_netns_ended(struct loader *l, loader_netns_fn fn, void *ctx)
{
	int fd = bpf_map__fd(l->skel->maps.netns_ended);
	struct netns_ended ended;
	uint32_t key;

	while (!bpf_map_get_next_key(fd, NULL, &key)) {
		if (bpf_map_lookup_and_delete_elem(fd, &key, &ended))
			return;
		fn(ctx, key, &ended.now, ended.born.walk ? &ended.born : NULL);
	}
}

void loader_forget(struct loader *l, uint64_t cookie)
{
	struct orphan *o = &l->skel->bss->orphans[cookie % ORPHANS];

	__sync_bool_compare_and_swap(&o->cookie, cookie, 0);
	if (l->skel->bss->orphans_spilled)
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

/* Which of them a busy CPU skipped: `lost` has their sum. For us, as quiet(). */
static void tell_missed(const struct loader *l)
{
	struct bpf_program *p;
	uint64_t n;

	bpf_object__for_each_program(p, l->skel->obj) {
		n = missed(l, bpf_program__name(p));
		if (n)
			fprintf(stderr, "skipped: %s %" PRIu64 "\n", bpf_program__name(p), n);
	}
}

void loader_close(struct loader *l)
{
	if (!l)
		return;
	if (l->skel && getenv("TCPTRAIL_DEBUG"))
		tell_missed(l);
	loader_detach(l);
	ring_buffer__free(l->ring);
	tcptrail_bpf__destroy(l->skel);
	btf__free(l->btf);
	free(l->per_cpu);
	free(l);
}
