// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/wait.h>
#include <unistd.h>

#include "descendants.h"

static void test_parent(void **state)
{
	(void)state;
	assert_int_equal(descendants_parent("7 (cat) R 4711 7 7 0"), 4711);
	/* A name may look like what follows it. */
	assert_int_equal(descendants_parent("7 (a) S 1 (b) R 4711 7 7 0"), 4711);
	assert_int_equal(descendants_parent("7 (cat R 4711 7"), 0);
	assert_int_equal(descendants_parent("7 (cat)"), 0);
	assert_int_equal(descendants_parent(""), 0);
}

struct seen {
	uint32_t pid;
	int times;
};

static void look(void *ctx, uint32_t pid)
{
	struct seen *seen = ctx;

	seen->times += pid == seen->pid;
}

static void test_grandchild(void **state)
{
	uint32_t self = getpid();
	struct seen seen = { 0 };
	int up[2], down[2];
	char byte = 0;
	pid_t child;

	(void)state;
	assert_int_equal(pipe(up) | pipe(down), 0);
	child = fork();
	if (!child) {
		pid_t pid = fork();

		if (!pid)
			_exit(read(down[0], &byte, 1) != 1);
		_exit(write(up[1], &pid, sizeof(pid)) != sizeof(pid) ||
		      waitpid(pid, NULL, 0) != pid);
	}
	assert_int_equal(read(up[0], &seen.pid, sizeof(seen.pid)), sizeof(seen.pid));
	assert_int_equal(descendants_each(&self, 1, look, &seen), 0);
	assert_int_equal(seen.times, 1);
	self = seen.pid;		/* not of itself */
	seen.times = 0;
	assert_int_equal(descendants_each(&self, 1, look, &seen), 0);
	assert_int_equal(seen.times, 0);
	assert_int_equal(write(down[1], &byte, 1), 1);
	assert_int_equal(waitpid(child, NULL, 0), child);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parent),
		cmocka_unit_test(test_grandchild),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
