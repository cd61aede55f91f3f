// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "sink_metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

struct sink_metrics {
	struct metrics *metrics;
	const char *path;
	struct stream_totals told;	/* never less than before: they are counters */
	char *beside;		/* does not end in .prom: nobody reads it half-written */
};

struct sink_metrics *sink_metrics_open(const char *path, uint32_t made)
{
	struct sink_metrics *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->path = path;
	s->metrics = metrics_open(made);
	if (asprintf(&s->beside, "%s.%d.tmp", path, getpid()) < 0)
		s->beside = NULL;
	if (s->metrics && s->beside)
		return s;
	sink_metrics_close(s);
	return NULL;
}

void sink_metrics_close(struct sink_metrics *s)
{
	if (!s)
		return;
	metrics_close(s->metrics);
	free(s->beside);
	free(s);
}

void sink_metrics_made(struct sink_metrics *s, uint32_t made)
{
	s->metrics->made |= made;
}

void sink_metrics_take(struct sink_metrics *s, const struct record *r)
{
	metrics_take(s->metrics, r);
}

static uint64_t timeval_ns(const struct timeval *t)
{
	return t->tv_sec * 1000000000ULL + t->tv_usec * 1000ULL;
}

static void look_at_self(struct metrics_own *own)
{
	FILE *f = fopen("/proc/self/statm", "re");
	unsigned long resident = 0;
	struct rusage usage;

	if (!getrusage(RUSAGE_SELF, &usage)) {
		own->user_ns = timeval_ns(&usage.ru_utime);
		own->system_ns = timeval_ns(&usage.ru_stime);
	}
	if (!f)
		return;
	if (fscanf(f, "%*u %lu", &resident) == 1)
		own->resident_bytes = (uint64_t)resident * sysconf(_SC_PAGESIZE);
	fclose(f);
}

/* A file of that name may be there: of a trace that was killed, with our pid. */
static FILE *create(const char *name)
{
	int fd;
	FILE *f;

	unlink(name);
	fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return NULL;
	fchmod(fd, 0644);	/* whatever the umask: node_exporter is somebody else */
	f = fdopen(fd, "w");
	if (!f)
		close(fd);
	return f;
}

/* `missed` may shrink when the understudy's count comes in later (totals.c). */
static void never_less(struct stream_totals *told, struct metrics_own *own)
{
	uint64_t missed = told->lost_missed;

	if (!own->totals)
		return;
	*told = *own->totals;
	if (told->lost_missed < missed)
		told->lost_missed = missed;
	own->totals = told;
}

int sink_metrics_write(struct sink_metrics *s, struct metrics_own *own)
{
	FILE *f = create(s->beside);
	int err = 0;

	if (!f)
		return -errno;
	look_at_self(own);
	never_less(&s->told, own);
	if (!metrics_print(s->metrics, own, f))
		err = errno ? -errno : -EIO;
	if (fclose(f) && !err)
		err = -errno;
	if (!err && rename(s->beside, s->path))
		err = -errno;
	if (err)
		unlink(s->beside);
	return err;
}
