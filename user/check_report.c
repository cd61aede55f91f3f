// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "check_report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "format.h"
#include "json.h"
#include "json_row.h"

#define LINES		19	/* and the summary */

static void summary(const struct findings *f, size_t shown, const struct check_scope *scope)
{
	char number[2][32], time[24];

	printf("%-4s ", f->len ? "" : "ok");
	if (f->len > shown)
		printf("and %zu more. ", f->len - shown);
	/* A recording may have one look in that time: that is of a moment. */
	printf("%s listener%s %s%s, ", format_count(scope->listeners, number[0], sizeof(number[0])),
	       scope->listeners == 1 ? "" : "s",
	       scope->ns < 1000 ? "in one look" : "over ",
	       scope->ns < 1000 ? "" : scope->ns == CHECK_SAMPLE_NS ? "1 s" :
	       format_duration(scope->ns, time, sizeof(time)));
	if (scope->recorded)
		printf("%s stuck at the end, calls that failed at limits: as recorded\n",
		       format_count(scope->connections, number[1], sizeof(number[1])));
	else
		printf("%s descriptor%s of connections, limits looked at\n",
		       format_count(scope->connections, number[1], sizeof(number[1])),
		       scope->connections == 1 ? "" : "s");
}

static void finding_text(const struct finding *x)
{
	bool follows = *x->because;

	printf("%-4s %s%-*s %s%s%s  -> %s\n", level_name(x->level), follows ? "  " : "",
	       follows ? 40 : 42, x->subject, x->text, follows ? "; because " : "", x->because,
	       x->more);
}

static void text(const struct findings *f, const struct options *o, const struct check_scope *scope)
{
	size_t shown = f->len < LINES ? f->len : LINES;

	for (size_t i = 0; i < shown; i++)
		finding_text(&f->all[i]);
	if (!o->quiet)
		summary(f, shown, scope);
}

static void word(struct json *j, const char *name, const char *value)
{
	json_word(j, name);
	json_string(j, (const uint8_t *)value, JSON_ROW_MAX);
}

static void finding_json(const struct finding *x)
{
	static const char *const levels[] = { "ok", "warning", "critical" };
	char line[JSON_ROW_MAX];
	struct json j = { .at = line, .end = line + sizeof(line) };

	word(&j, "{\"level\":", levels[x->level]);
	word(&j, ",\"kind\":", x->kind);
	word(&j, ",\"finding\":", x->word);
	word(&j, ",\"subject\":", x->subject);
	word(&j, ",\"text\":", x->text);
	JSON_LITERAL(&j, ",\"count\":");
	json_u64(&j, x->weight);
	if (x->sock.netns) {
		JSON_LITERAL(&j, ",\"netns\":");
		json_u64(&j, x->sock.netns);
	}
	if (x->sock.owner.source) {
		JSON_LITERAL(&j, ",\"process\":{\"pid\":");
		json_u64(&j, x->sock.owner.pid);
		JSON_LITERAL(&j, ",\"name\":");
		json_string(&j, x->sock.owner.comm, EV_COMM_LEN);
		JSON_LITERAL(&j, "}");
	}
	if (*x->because)
		word(&j, ",\"because\":", x->because);
	word(&j, ",\"more\":", x->more);
	JSON_LITERAL(&j, "}\n");
	json_row_put(&j, line, stdout);
}

int check_report(struct findings *f, const struct options *o, const struct check_scope *scope)
{
	findings_join(f);
	if (!findings_sort(f))
		return check_unknown(strerror(ENOMEM));
	if (strcmp(o->output, "json"))
		text(f, o, scope);
	else
		for (size_t i = 0; i < f->len; i++)
			finding_json(&f->all[i]);
	if (!fflush(stdout) && !ferror(stdout))
		return (int)findings_worst(f);
	if (errno == EPIPE)
		return (int)findings_worst(f);
	fprintf(stderr, "tcptrail: cannot write: %s\n", strerror(errno));
	return EXIT_OUTPUT;
}

int check_unknown(const char *why)
{
	fprintf(stderr, "tcptrail: %s\n", why);
	return EXIT_KERNEL;
}
