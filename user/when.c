// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * when.c - see when.h. Not strptime(): it takes blanks and signs, knows no fraction and
 * reads "2:5" as a time.
 */
#include "when.h"

#include <string.h>
#include <time.h>

#include "value.h"

#define SECOND_NS 1000000000ULL

/* Exactly `n` digits. */
static bool digits(const char **p, int n, int *out)
{
	*out = 0;
	for (; n > 0; n--, (*p)++) {
		if (**p < '0' || **p > '9')
			return false;
		*out = *out * 10 + (**p - '0');
	}
	return true;
}

static bool literal(const char **p, char c)
{
	if (**p != c)
		return false;
	(*p)++;
	return true;
}

/* ".25": in ns; what is beyond nine digits is cut. */
static bool fraction(const char **p, uint64_t *ns)
{
	uint64_t unit = SECOND_NS / 10;
	const char *from;

	*ns = 0;
	if (!literal(p, '.'))
		return true;
	for (from = *p; **p >= '0' && **p <= '9'; (*p)++, unit /= 10)
		*ns += (uint64_t)(**p - '0') * unit;
	return *p != from;
}

/* HH:MM[:SS[.fraction]]; a leap second is 60. */
static bool time_of_day(const char **p, struct tm *tm, uint64_t *ns)
{
	*ns = 0;
	if (!digits(p, 2, &tm->tm_hour) || !literal(p, ':') || !digits(p, 2, &tm->tm_min) ||
	    tm->tm_hour > 23 || tm->tm_min > 59)
		return false;
	if (!literal(p, ':'))
		return true;
	return digits(p, 2, &tm->tm_sec) && tm->tm_sec <= 60 && fraction(p, ns);
}

static int days_in(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100) || year % 400 == 0;

	return days[month] + (month == 1 && leap);
}

static bool date(const char **p, struct tm *tm)
{
	if (!digits(p, 4, &tm->tm_year) || !literal(p, '-') || !digits(p, 2, &tm->tm_mon) ||
	    !literal(p, '-') || !digits(p, 2, &tm->tm_mday))
		return false;
	tm->tm_year -= 1900;
	tm->tm_mon--;
	return tm->tm_year >= 70 && tm->tm_mon >= 0 && tm->tm_mon < 12 && tm->tm_mday >= 1 &&
	       tm->tm_mday <= days_in(tm->tm_year + 1900, tm->tm_mon);
}

/* Z, +01:00, or nothing: local time. `east`: seconds. */
static bool zone(const char **p, bool *given, int *east)
{
	int hours, minutes, sign = **p == '-' ? -1 : 1;

	*east = 0;
	*given = **p != '\0';
	if (!*given || literal(p, 'Z') || literal(p, 'z'))
		return true;
	if (!literal(p, '+') && !literal(p, '-'))
		return false;
	if (!digits(p, 2, &hours) || !literal(p, ':') || !digits(p, 2, &minutes) || hours > 23 ||
	    minutes > 59)
		return false;
	*east = sign * (hours * 3600 + minutes * 60);
	return true;
}

static bool at(const char *word, bool utc, uint64_t *out)
{
	struct tm tm = { .tm_isdst = -1 };
	const char *p = word;
	bool given = false;
	uint64_t ns = 0;
	int east = 0;
	time_t t;

	if (!date(&p, &tm))
		return false;
	if (*p && ((!literal(&p, 'T') && !literal(&p, 't') && !literal(&p, ' ')) ||
		   !time_of_day(&p, &tm, &ns) || !zone(&p, &given, &east)))
		return false;
	t = (given || utc ? timegm(&tm) : mktime(&tm)) - east;
	if (*p || t < 0 || (uint64_t)t > INT64_MAX / SECOND_NS)
		return false;
	*out = (uint64_t)t * SECOND_NS + ns;
	return true;
}

bool when_parse(const char *word, bool utc, struct when *out)
{
	struct tm tm = { 0 };
	const char *p = word;
	uint64_t ns;

	*out = (struct when){ WHEN_BEFORE_END, 0 };
	if (*word == '-')
		return value_duration(word + 1, &out->ns);
	out->kind = WHEN_OF_DAY;
	if (time_of_day(&p, &tm, &ns) && !*p) {
		out->ns = (tm.tm_hour * 3600 + tm.tm_min * 60 + tm.tm_sec) * SECOND_NS + ns;
		return true;
	}
	out->kind = WHEN_AT;
	return at(word, utc, &out->ns);
}

/* That time of the day which is `days` after the one of `of_ns`. */
static uint64_t on_day(uint64_t of_day_ns, bool utc, uint64_t of_ns, int days)
{
	time_t t = of_ns / SECOND_NS, seconds = of_day_ns / SECOND_NS;
	struct tm tm;

	if (utc)
		gmtime_r(&t, &tm);
	else
		localtime_r(&t, &tm);
	tm.tm_mday += days;
	tm.tm_hour = seconds / 3600;
	tm.tm_min = seconds / 60 % 60;
	tm.tm_sec = seconds % 60;
	tm.tm_isdst = -1;
	return (uint64_t)(utc ? timegm(&tm) : mktime(&tm)) * SECOND_NS + of_day_ns % SECOND_NS;
}

uint64_t when_resolve(const struct when *w, bool utc, uint64_t end_ns, uint64_t after_ns)
{
	uint64_t ns;

	if (w->kind == WHEN_AT)
		return w->ns;
	if (w->kind == WHEN_BEFORE_END)
		return end_ns > w->ns ? end_ns - w->ns : 0;
	if (after_ns) {
		ns = on_day(w->ns, utc, after_ns, 0);
		return ns > after_ns ? ns : on_day(w->ns, utc, after_ns, 1);
	}
	ns = on_day(w->ns, utc, end_ns, 0);
	return ns <= end_ns ? ns : on_day(w->ns, utc, end_ns, -1);
}
