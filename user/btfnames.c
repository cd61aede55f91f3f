// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "btfnames.h"

#include <bpf/btf.h>
#include <stdlib.h>
#include <string.h>

struct btfnames {
	const struct btf *btf;
	const struct btf_type *type;
	const char *prefix;
};

struct btfnames *btfnames_open(const struct btf *btf, const char *enum_name, const char *prefix)
{
	int id = btf__find_by_name_kind(btf, enum_name, BTF_KIND_ENUM);
	struct btfnames *names;

	if (id < 0)
		return NULL;
	names = malloc(sizeof(*names));
	if (!names)
		return NULL;
	names->btf = btf;
	names->type = btf__type_by_id(btf, id);
	names->prefix = prefix;
	return names;
}

void btfnames_close(struct btfnames *names)
{
	free(names);
}

const char *btfnames_get(const struct btfnames *names, uint32_t value)
{
	const struct btf_enum *e = btf_enum(names->type);
	size_t skip = strlen(names->prefix);

	for (int i = 0; i < btf_vlen(names->type); i++) {
		const char *name;

		if ((uint32_t)e[i].val != value)
			continue;
		name = btf__name_by_offset(names->btf, e[i].name_off);
		return strncmp(name, names->prefix, skip) ? name : name + skip;
	}
	return NULL;
}

static void take_values(const struct btf *btf, const struct btf_type *t, const char *const *names,
			uint32_t *values, size_t len)
{
	const struct btf_enum *e = btf_enum(t);

	for (int i = 0; i < btf_vlen(t); i++) {
		const char *name = btf__name_by_offset(btf, e[i].name_off);

		for (size_t n = 0; n < len; n++)
			if (name && !strcmp(name, names[n]))
				values[n] = e[i].val;
	}
}

void btfnames_values(const struct btf *btf, const char *const *names, uint32_t *values, size_t len)
{
	memset(values, 0, len * sizeof(*values));
	for (uint32_t id = 1; id < btf__type_cnt(btf); id++) {
		const struct btf_type *t = btf__type_by_id(btf, id);

		if (btf_is_enum(t))
			take_values(btf, t, names, values, len);
	}
}
