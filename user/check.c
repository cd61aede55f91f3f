// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * check.c - listeners, stalls and limits in one look of a second: at most a screen of lines,
 * worst first, each with the command that tells more.
 */
#include "check.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "check_replay.h"
#include "check_report.h"
#include "limit_calls.h"
#include "limit_sources.h"
#include "listen_sample.h"
#include "monotonic.h"
#include "select.h"
#include "stall_sample.h"

/* Of the second that began with limit_namespaces_open(). */
static int collect_limits(struct findings *f, const struct options *o,
			  struct limit_namespaces *namespaces, const struct limit_calls *calls)
{
	struct limit_rows rows = { 0 };
	int err = 0;

	if (!limit_take_files(&rows) || !limit_take_network(&rows, namespaces, false) ||
	    !limit_calls_join(calls, &rows))
		err = -ENOMEM;
	for (size_t i = 0; !err && i < rows.len; i++)
		if (select_limit(o, &rows.all[i]) && !findings_limit(f, &rows.all[i]))
			err = -ENOMEM;
	limit_rows_free(&rows);
	return err;
}

static int collect(struct findings *f, struct check_scope *scope, struct listen_sample *listen,
		   struct stall_sample *stall, struct limit_calls *calls,
		   const volatile sig_atomic_t *stop)
{
	struct limit_namespaces namespaces = { 0 };
	int err = limit_namespaces_open(&namespaces);

	limit_calls_begin(calls, listen->loader, monotonic_ns());
	if (!err)
		err = listen_sample_look(listen);
	if (!err)
		err = listen_sample_take(listen, CHECK_SAMPLE_NS, stop);
	limit_calls_end(calls, listen->loader, monotonic_ns());
	if (!err)
		err = stall_sample_look(stall);
	if (!err && (!findings_listeners(f, &listen->rows) || !findings_stalls(f, &stall->rows)))
		err = -ENOMEM;
	if (!err)
		err = collect_limits(f, listen->options, &namespaces, calls);
	limit_namespaces_close(&namespaces);
	*scope = (struct check_scope){ listen->rows.len, stall->seen, CHECK_SAMPLE_NS, false };
	return err;
}

static int live(const struct options *o, const volatile sig_atomic_t *stop)
{
	struct loader_options lo = { .ring_size = 1 << 16, .listeners = true, .stalls = true,
				     .limit = true, .only_listeners = true };
	struct loader_failure why;
	struct limit_calls *calls = limit_calls_open(true);
	struct loader *loader = calls ? loader_open(&lo, limit_calls_take, calls, &why) : NULL;
	struct stall_sample stall = { .options = o, .loader = loader };
	struct listen_sample listen;
	struct findings f = { 0 };
	struct check_scope scope;
	int code, err = -ENOMEM;

	if (!calls)
		return check_unknown(strerror(ENOMEM));
	if (!loader) {
		limit_calls_close(calls);
		code = check_unknown(why.what);
		return why.exit_code > EXIT_USAGE ? why.exit_code : code;
	}
	if (listen_sample_open(&listen, o, loader))
		err = collect(&f, &scope, &listen, &stall, calls, stop);
	code = err ? check_unknown(strerror(-err)) : check_report(&f, o, &scope);
	findings_free(&f);
	stall_sample_close(&stall);
	listen_sample_close(&listen);
	loader_close(loader);
	limit_calls_close(calls);
	return code;
}

int check_run(const struct options *o, const volatile sig_atomic_t *stop)
{
	return o->read_len ? check_replay_run(o, stop) : live(o, stop);
}
