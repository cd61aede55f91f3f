// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* test_cgroup_path.c - paths as systemd, container engines and Kubernetes make
 * them, and paths that nobody should make. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "cgroup_path.h"

#define HEX "3f2a9c4be1d07f5586a1b2c3d4e5f60718293a4b5c6d7e8f9001122334455667"
#define HEX2 "0a1b2c3d4e5f60718293a4b5c6d7e8f90011223344556677889900aabbccddee"
#define HEX32 "0123456789abcdef0123456789abcdef"
#define UID "7c1f2a3b-0d4e-4f5a-8b6c-9d0e1f2a3b4c"
#define UID_ "7c1f2a3b_0d4e_4f5a_8b6c_9d0e1f2a3b4c"

static const struct sample {
	const char *path, *unit, *container, *pod;
} samples[] = {
	{ "", "", "", "" },
	{ "/", "", "", "" },
	{ "/init.scope", "init.scope", "", "" },
	{ "/system.slice", "system.slice", "", "" },
	{ "/system.slice/nginx.service", "nginx.service", "", "" },
	{ "/system.slice/system-getty.slice/getty@tty1.service", "getty@tty1.service", "", "" },
	{ "/system.slice/dev-disk\\x2dby.service", "dev-disk\\x2dby.service", "", "" },
	{ "/user.slice/user-1000.slice/session-3.scope", "session-3.scope", "", "" },
	{ "/user.slice/user-1000.slice/user@1000.service/app.slice/x.service", "x.service", "", "" },
	{ "/user.slice/user-1000.slice/user@1000.service/app.slice", "user@1000.service", "", "" },
	{ "/system.slice/postgres.service/worker", "postgres.service", "", "" },
	{ "/docker/" HEX, "", HEX, "" },
	{ "/system.slice/docker-" HEX ".scope", "docker-" HEX ".scope", HEX, "" },
	{ "/system.slice/docker-" HEX ".scope/init.scope", "init.scope", HEX, "" },
	{ "/machine.slice/libpod-" HEX ".scope/container", "libpod-" HEX ".scope", HEX, "" },
	{ "/kubepods/besteffort/pod" UID "/" HEX, "", HEX, UID },
	{ "/kubepods/burstable/pod" HEX32 "/" HEX, "", HEX, HEX32 },
	{ "/kubepods.slice/kubepods-burstable-pod" HEX32 ".slice", "kubepods-burstable-pod" HEX32 ".slice",
	  "", HEX32 },
	{ "/kubepods/pod0123", "", "", "" },
	{ "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UID_ ".slice/"
	  "cri-containerd-" HEX ".scope", "cri-containerd-" HEX ".scope", HEX, UID },
	{ "/kubepods.slice/kubepods-pod" UID_ ".slice/crio-" HEX ".scope",
	  "crio-" HEX ".scope", HEX, UID },
	{ "/docker/" HEX "/kubepods/burstable/pod" UID "/" HEX2, "", HEX2, UID },
	/* nearly */
	{ "/docker/" HEX "0", "", "", "" },
	{ "/docker/3F2A9C4BE1D07F5586A1B2C3D4E5F60718293A4B5C6D7E8F9001122334455667", "", "", "" },
	{ "/kubepods/pod7c1f2a3b-0d4e-4f5a-8b6c-9d0e1f2a3bzz", "", "", "" },
	{ "/machine.slice/libpod-conmon-" HEX ".scope", "libpod-conmon-" HEX ".scope", "", "" },
	{ "/system.slice/containerd.service/kubepods-pod" UID_ ".slice:cri-containerd:" HEX,
	  "containerd.service", HEX, "" },
	{ "/a\nb.service", "", "", "" },
	{ "/\xff\xfe.service", "", "", "" },
	{ "/kubepods/pod7c1f2a3b0d4e-4f5a-8b6c-9d0e1f2a3b4c0", "", "", "" },
	{ "/.service/.scope/.slice", "", "", "" },
	{ "//system.slice//nginx.service//", "nginx.service", "", "" },
};

static void test_samples(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		struct cgroup_names n;

		print_message("%s\n", samples[i].path);
		cgroup_path_parse(samples[i].path, &n);
		assert_string_equal(n.unit, samples[i].unit);
		assert_string_equal(n.container_id, samples[i].container);
		assert_string_equal(n.pod_uid, samples[i].pod);
	}
}

/* A path of the kernel's longest, all one part or all slashes, and every tail
 * of a real one: nothing is read or written outside. */
static void test_long_and_cut(void **state)
{
	char path[4096];
	struct cgroup_names n;

	(void)state;
	memset(path, 'a', sizeof(path));
	memcpy(path + sizeof(path) - 9, ".service", 9);
	cgroup_path_parse(path, &n);
	assert_string_equal(n.unit, "");
	memset(path, '/', sizeof(path) - 1);
	cgroup_path_parse(path, &n);
	assert_string_equal(n.unit, "");
	for (const char *tail = samples[16].path; *tail; tail++) {
		char *exact = strdup(tail);	/* so that a sanitizer sees its end */

		cgroup_path_parse(exact, &n);
		free(exact);
	}
}

static void test_any_byte(void **state)
{
	char path[512];
	struct cgroup_names n;

	(void)state;
	srand(1);
	for (int round = 0; round < 20000; round++) {
		size_t len = (size_t)rand() % (sizeof(path) - 1);

		for (size_t i = 0; i < len; i++)
			path[i] = (char)(rand() % 8 ? 1 + rand() % 255 : '/');
		path[len] = '\0';
		cgroup_path_parse(path, &n);
		assert_true(strlen(n.container_id) == 0 || strlen(n.container_id) == 64);
		assert_true(strlen(n.pod_uid) == 0 || strlen(n.pod_uid) == 36);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_samples),
		cmocka_unit_test(test_long_and_cut),
		cmocka_unit_test(test_any_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
