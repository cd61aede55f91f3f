// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "doctor.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "loader.h"
#include "names.h"

static bool ignore(void *ctx, const void *data, size_t size)
{
	(void)ctx;
	(void)data;
	(void)size;
	return true;
}

static const char *method_word(const struct outcome *out)
{
	return out->way ? name_method(out->way->method) : "none";
}

static bool not_needed(const struct outcome *out, int fact)
{
	return facts[fact].sometimes && !out->way && out->refused_len &&
	       out->refused[0].error == -ECANCELED;
}

/* Worse than the best way, or none at all. */
static bool worse(const struct outcome *out, int fact)
{
	if (not_needed(out, fact))
		return false;
	return !out->way || (out->way != &facts[fact].ways[0] &&
			     out->way->method != facts[fact].ways[0].method);
}

/* Many facts have one remedy: told once, at the end, by its number. */
struct remedies {
	const char *all[FACTS];
	size_t len;
};

static size_t remedy_number(struct remedies *r, const char *remedy)
{
	size_t i = 0;

	while (i < r->len && r->all[i] != remedy)
		i++;
	if (i == r->len)
		r->all[r->len++] = remedy;
	return i + 1;
}

static void text_fact(const struct outcome *out, int fact, struct remedies *remedies)
{
	char error[32];

	printf("%-44s %-11s", facts[fact].name, method_word(out));
	if (!worse(out, fact)) {
		puts(not_needed(out, fact) ? " not needed here" : " ok");
		return;
	}
	for (size_t i = 0; i < out->refused_len; i++)
		printf("%s %s: %s", i ? ";" : "", name_method(out->refused[i].method),
		       name_errno(-out->refused[i].error, error, sizeof(error)));
	putchar('\n');
	if (facts[fact].without)
		printf("    lost: %s", facts[fact].without);
	if (facts[fact].remedy)
		printf("  [%zu]", remedy_number(remedies, facts[fact].remedy));
	putchar('\n');
}

static void text(const struct outcome *outcomes, const char *kernel)
{
	struct remedies remedies = { .len = 0 };

	printf("kernel %s, tier %s\n\n%-44s %-11s\n", kernel, tier_name(tier_of(outcomes)), "FACT",
	       "HOOK");
	for (int f = 0; f < FACTS; f++)
		text_fact(&outcomes[f], f, &remedies);
	if (remedies.len)
		printf("\nWhat would bring back what is lost:\n");
	for (size_t i = 0; i < remedies.len; i++)
		printf("  [%zu] %s\n", i + 1, remedies.all[i]);
	printf("\nWhat is wrong on this machine now: tcptrail check\n");
}

/* Our own words and the kernel's version: nothing that JSON would escape. */
static void json_fact(const struct outcome *out, int fact)
{
	char error[32];

	printf("%s{\"fact\":\"%s\",\"method\":\"%s\",\"best\":%s", fact ? "," : "",
	       facts[fact].name, method_word(out), worse(out, fact) ? "false" : "true");
	printf(",\"refused\":[");
	for (size_t i = 0; i < out->refused_len; i++)
		printf("%s{\"method\":\"%s\",\"program\":\"%s\",\"error\":\"%s\"}", i ? "," : "",
		       name_method(out->refused[i].method),
		       out->refused[i].prog ? out->refused[i].prog : "",
		       name_errno(-out->refused[i].error, error, sizeof(error)));
	putchar(']');
	if (worse(out, fact) && facts[fact].without)
		printf(",\"lost\":\"%s\"", facts[fact].without);
	if (worse(out, fact) && facts[fact].remedy)
		printf(",\"needs\":\"%s\"", facts[fact].remedy);
	putchar('}');
}

static void json(const struct outcome *outcomes, const char *kernel)
{
	printf("{\"kernel\":\"%s\",\"tier\":\"%s\",\"facts\":[", kernel,
	       tier_name(tier_of(outcomes)));
	for (int f = 0; f < FACTS; f++)
		json_fact(&outcomes[f], f);
	puts("]}");
}

int doctor_run(const struct options *o)
{
	static const enum tier tiers[] = {
		[PROBE_AUTO] = TIER_AUTO, [PROBE_FENTRY] = TIER_FENTRY,
		[PROBE_KPROBE] = TIER_KPROBE, [PROBE_TRACEPOINT] = TIER_TRACEPOINT,
	};
	struct loader_options lo = {
		.tier = tiers[o->probe], .no_syscalls = !o->syscalls, .ring_size = 1 << 20, .state = true, .retransmit = true,
		.data_retransmit = true, .reset = true, .error = true, .drop = true,
		.listeners = true, .syns = true, .stalls = true, .limit = true, .buffers = true,
				     .filter = { .follow = 1 },
	};
	struct loader_failure why;
	struct utsname uts;
	struct loader *loader = loader_open(&lo, ignore, NULL, &why);

	if (!loader) {
		fprintf(stderr, "tcptrail: %s\n", why.what);
		return why.exit_code;
	}
	uname(&uts);
	if (!strcmp(o->output, "json"))
		json(loader_outcomes(loader), uts.release);
	else
		text(loader_outcomes(loader), uts.release);
	loader_close(loader);
	if (fflush(stdout) || ferror(stdout))
		return EXIT_OUTPUT;
	return EXIT_OK;
}
