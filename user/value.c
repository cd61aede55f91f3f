// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* value.c - see value.h. Pure, but for value_netns(), which asks the kernel. */
#include "value.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <limits.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

struct unit {
	const char *word;
	uint64_t factor;
};

static const struct unit time_units[] = {
	{ "", 1000000000ull },
	{ "s", 1000000000ull },
	{ "ms", 1000000ull },
	{ "m", 60 * 1000000000ull },
	{ "h", 3600 * 1000000000ull },
	{ NULL, 0 },
};

static const struct unit size_units[] = {
	{ "", 1 },	  { "K", 1ull << 10 }, { "k", 1ull << 10 },
	{ "M", 1ull << 20 }, { "G", 1ull << 30 }, { NULL, 0 },
};

/* The digits at the start of word; not strtoull(), which takes "-1" and " 1".
 * Returns what follows them, NULL when there are none or too many. */
static const char *read_digits(const char *word, uint64_t *out)
{
	const char *p = word;

	*out = 0;
	for (; *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(*out, 10, out) ||
		    __builtin_add_overflow(*out, (uint64_t)(*p - '0'), out))
			return NULL;
	return p == word ? NULL : p;
}

static bool read_with_unit(const char *word, const struct unit *units, uint64_t *out)
{
	const char *rest = read_digits(word, out);

	if (!rest)
		return false;
	for (; units->word; units++)
		if (strcmp(rest, units->word) == 0)
			return !__builtin_mul_overflow(*out, units->factor, out);
	return false;
}

bool value_number(const char *word, uint64_t min, uint64_t max, uint64_t *out)
{
	const char *rest = read_digits(word, out);

	return rest && !*rest && *out >= min && *out <= max;
}

bool value_duration(const char *word, uint64_t *ns)
{
	return read_with_unit(word, time_units, ns) && *ns > 0 && *ns <= INT64_MAX;
}

/* ".5" of "1.5s", to six digits, in `of`ths. NULL: no digits. */
static const char *read_fraction(const char *word, uint64_t *part, uint64_t *of)
{
	*part = 0;
	*of = 1;
	if (*word != '.')
		return word;
	for (word++; *word >= '0' && *word <= '9' && *of < 1000000; *of *= 10)
		*part = 10 * *part + (uint64_t)(*word++ - '0');
	return *of == 1 ? NULL : word;
}

bool value_time(const char *word, uint64_t *ns)
{
	static const struct unit units[] = {
		{ "", 1000000000ull }, { "s", 1000000000ull }, { "ms", 1000000ull },
		{ "us", 1000ull }, { "ns", 1 }, { "m", 60 * 1000000000ull },
		{ "h", 3600 * 1000000000ull },
	};
	const char *rest = read_digits(word, ns);
	uint64_t part, of;

	rest = rest ? read_fraction(rest, &part, &of) : NULL;
	for (size_t i = 0; rest && i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(rest, units[i].word) == 0)
			return !__builtin_mul_overflow(*ns, units[i].factor, ns) &&
			       !__builtin_add_overflow(*ns, part * units[i].factor / of, ns);
	return false;
}

bool value_bytes(const char *word, uint64_t min, uint64_t max, uint64_t *bytes)
{
	return read_with_unit(word, size_units, bytes) && *bytes >= min && *bytes <= max;
}

bool value_size(const char *word, uint64_t min, uint64_t max, uint64_t *bytes)
{
	return value_bytes(word, min, max, bytes) && (*bytes & (*bytes - 1)) == 0;
}

/* O_NONBLOCK: the path may be a FIFO. The type is asked for, because every kind
 * of namespace has an inode number. */
static int netns_of_path(const char *path, uint32_t *inum)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	int err = 0;

	if (fd < 0)
		return -errno;
	if (ioctl(fd, NS_GET_NSTYPE) != CLONE_NEWNET)
		err = -EINVAL;
	else if (fstat(fd, &st) < 0)
		err = -errno;
	else
		*inum = (uint32_t)st.st_ino;
	close(fd);
	return err;
}

int value_netns(const char *word, uint32_t *inum)
{
	char path[PATH_MAX];
	uint64_t number;
	int err;

	if (strchr(word, '/'))
		return netns_of_path(word, inum);
	if (!*word || strcmp(word, ".") == 0 || strcmp(word, "..") == 0)
		return -EINVAL;
	if (snprintf(path, sizeof(path), "/run/netns/%s", word) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	err = netns_of_path(path, inum);
	if (err != -ENOENT || !value_number(word, 1, UINT32_MAX, &number))
		return err;
	if (number <= VALUE_PID_MAX) {
		snprintf(path, sizeof(path), "/proc/%u/ns/net", (unsigned int)number);
		return netns_of_path(path, inum);
	}
	*inum = (uint32_t)number;
	return 0;
}
