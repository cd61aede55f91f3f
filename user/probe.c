// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "probe.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Programs that fit only some signatures, and the number of arguments they
 * want: of the function, or of the tracepoint. */
static const struct {
	const char *program;
	int args;
} arities[] = {
	{ "accept_fexit_2", 2 },
	{ "accept_fexit_4", 4 },
	{ "limit_accept_fexit", 4 },
	{ "limit_socket_fexit", 3 },
	{ "limit_connect_fexit", 2 },
	{ "limit_connect6_fexit", 2 },
	{ "limit_bind_fexit", 2 },
	{ "limit_listen_fexit", 2 },
	{ "reset_sent_reason", 3 },
	{ "tw_fin_dropped", 4 },
	{ "tw_fin_understudy", 4 },
};

/* Number of arguments; -1: no such function. */
static int func_args(const struct btf *btf, const char *name, int *id)
{
	const struct btf_type *t;

	*id = btf__find_by_name_kind(btf, name, BTF_KIND_FUNC);
	if (*id < 0)
		return -1;
	t = btf__type_by_id(btf, *id);
	t = btf__type_by_id(btf, t->type);
	return btf_vlen(t);
}

/* typedef void (*btf_trace_NAME)(void *, ...): without the first. */
static int tracepoint_args(const struct btf *btf, const char *name, int *id)
{
	char typedef_name[128];
	const struct btf_type *t;

	snprintf(typedef_name, sizeof(typedef_name), "btf_trace_%s", name);
	*id = btf__find_by_name_kind(btf, typedef_name, BTF_KIND_TYPEDEF);
	if (*id < 0)
		return -1;
	t = btf__type_by_id(btf, btf__type_by_id(btf, *id)->type);
	return btf_vlen(btf__type_by_id(btf, t->type)) - 1;
}

static bool fits(const char *program, int args)
{
	for (size_t i = 0; i < sizeof(arities) / sizeof(arities[0]); i++)
		if (!strcmp(arities[i].program, program))
			return arities[i].args == args;
	return true;
}

/* Two instructions of the same type on the same function. */
static int trial(int btf_id, enum bpf_attach_type type)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = type,
		    .attach_btf_id = btf_id);
	int fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, NULL, "GPL", insns, 2, &opts);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static int iter_trial(const struct btf *btf, const char *target)
{
	char name[128];
	int id;

	snprintf(name, sizeof(name), "bpf_iter_%s", target);
	id = btf__find_by_name_kind(btf, name, BTF_KIND_FUNC);
	return id < 0 ? -ENOENT : trial(id, BPF_TRACE_ITER);
}

/* Where libbpf looks for them (bpf_program__attach_kprobe_opts()). */
static bool kprobes_exist(void)
{
	return !access("/sys/bus/event_source/devices/kprobe/type", F_OK) ||
	       !access("/sys/kernel/tracing/kprobe_events", F_OK) ||
	       !access("/sys/kernel/debug/tracing/kprobe_events", F_OK);
}

static bool begins(const char *section, const char *prefix)
{
	return !strncmp(section, prefix, strlen(prefix));
}

int probe_program(const struct btf *btf, const struct bpf_program *program)
{
	const char *section = bpf_program__section_name(program);
	const char *target = strchr(section, '/');
	const char *name = bpf_program__name(program);
	bool tp_btf;
	int args, id;

	section += *section == '?';
	if (!strcmp(section, "syscall"))
		return libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_SYSCALL, NULL) == 1 ? 0 : -EINVAL;
	if (begins(section, "kprobe/") || begins(section, "kretprobe/"))
		return kprobes_exist() ? 0 : -ENOENT;
	tp_btf = begins(section, "tp_btf/");
	if (begins(section, "iter/"))
		return iter_trial(btf, target + 1);
	if (!tp_btf && !begins(section, "fentry/") && !begins(section, "fexit/"))
		return 0;
	args = tp_btf ? tracepoint_args(btf, target + 1, &id) : func_args(btf, target + 1, &id);
	if (args < 0)
		return -ENOENT;
	if (!fits(name, args))
		return -EPROTOTYPE;
	if (tp_btf)
		return 0;
	return trial(id, begins(section, "fexit/") ? BPF_TRACE_FEXIT : BPF_TRACE_FENTRY);
}

/* May a tp_btf program call this helper with the socket of its event? */
static bool sock_helper(const struct btf *btf, int helper, int map_fd)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_LDX | BPF_MEM | BPF_DW, .dst_reg = BPF_REG_2, .src_reg = BPF_REG_1 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_1, .src_reg = BPF_REG_2 },
		/* only with a map: r1 = map, r2 = sk, r3 = r4 = 0 */
		{ .code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = BPF_REG_1,
		  .src_reg = BPF_PSEUDO_MAP_FD, .imm = map_fd },
		{ 0 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_3 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_4 },
		{ .code = BPF_JMP | BPF_CALL, .imm = helper },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	struct bpf_insn without_map[5] = { insns[0], insns[1], insns[6], insns[7], insns[8] };
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_TRACE_RAW_TP);
	int fd;

	opts.attach_btf_id = btf__find_by_name_kind(btf, "btf_trace_inet_sock_set_state",
						    BTF_KIND_TYPEDEF);
	fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, NULL, "GPL", map_fd < 0 ? without_map : insns,
			   map_fd < 0 ? 5 : 9, &opts);
	if (fd < 0)
		return false;
	close(fd);
	return true;
}

bool probe_permitted(const struct btf *btf)
{
	return sock_helper(btf, BPF_FUNC_get_socket_cookie, -1);
}

static bool sk_storage_works(const struct btf *btf)
{
	/* Such a map wants its value's type, in a BTF object of its own. */
	struct btf *own = btf__new_empty();
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_NO_PREALLOC);
	bool works = false;
	int id, fd;

	if (!own)
		return false;
	id = btf__add_int(own, "int", 4, BTF_INT_SIGNED);
	if (id > 0 && !btf__load_into_kernel(own)) {
		opts.btf_fd = btf__fd(own);
		opts.btf_key_type_id = opts.btf_value_type_id = id;
		fd = bpf_map_create(BPF_MAP_TYPE_SK_STORAGE, NULL, 4, 4, 0, &opts);
		if (fd >= 0) {
			works = sock_helper(btf, BPF_FUNC_sk_storage_get, fd);
			close(fd);
		}
	}
	btf__free(own);
	return works;
}

const char *probe_missing(const struct btf *btf)
{
	if (libbpf_probe_bpf_map_type(BPF_MAP_TYPE_RINGBUF, NULL) != 1)
		return "no BPF ring buffer (Linux 5.8)";
	if (btf__find_by_name_kind(btf, "btf_trace_inet_sock_set_state", BTF_KIND_TYPEDEF) < 0)
		return "no tracepoint inet_sock_set_state (Linux 4.16) in its BTF";
	if (!sk_storage_works(btf))
		return "tracing programs may not use sk_storage (Linux 5.11)";
	if (!probe_permitted(btf))
		return "tracing programs may not read socket cookies (Linux 5.12)";
	return NULL;
}
