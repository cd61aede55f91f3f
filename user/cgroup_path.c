// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "cgroup_path.h"

#include <ctype.h>
#include <string.h>

#define ID_LEN 64

static bool ends_with(const char *s, size_t len, const char *end)
{
	size_t n = strlen(end);

	return len > n && !memcmp(s + len - n, end, n);
}

/* Docker, containerd, CRI-O and podman name a cgroup by 64 hex digits, alone or
 * with their own prefix and ".scope": docker-<id>.scope, cri-containerd-<id>.scope. */
static bool container(const char *part, size_t len, char *out)
{
	size_t n = 0;

	if (ends_with(part, len, ".scope"))
		len -= strlen(".scope");
	if (len < ID_LEN || (len > ID_LEN && !strchr("-:", part[len - ID_LEN - 1])))
		return false;
	/* A monitor of the container (podman, CRI-O), outside of it. */
	if (ends_with(part, len - ID_LEN, "conmon-"))
		return false;
	part += len - ID_LEN;
	while (n < ID_LEN && isxdigit((unsigned char)part[n]) && !isupper((unsigned char)part[n]))
		n++;
	if (n != ID_LEN)
		return false;
	memcpy(out, part, ID_LEN);
	out[ID_LEN] = '\0';
	return true;
}

/* A static pod's uid is a hash of its file: 32 hex digits, no dashes. */
static bool static_pod(const char *part, size_t len, char *out)
{
	const char *uid = part + len - 32;

	if (len < 35 || memcmp(uid - 3, "pod", 3) || strspn(uid, "0123456789abcdef") < 32)
		return false;
	memcpy(out, uid, 32);
	out[32] = '\0';
	return true;
}

/* "pod<uid>", or with systemd "kubepods-burstable-pod<uid>.slice", where every
 * "-" of the uid is a "_". */
static bool pod(const char *part, size_t len, char *out)
{
	const char *uid;
	char found[37];

	if (ends_with(part, len, ".slice"))
		len -= strlen(".slice");
	if (static_pod(part, len, out))
		return true;
	if (len < 39)
		return false;
	uid = part + len - 36;
	if (memcmp(uid - 3, "pod", 3))
		return false;
	for (int i = 0; i < 36; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? uid[i] != '-' && uid[i] != '_' : !isxdigit((unsigned char)uid[i]))
			return false;
		found[i] = dash ? '-' : uid[i];
	}
	found[36] = '\0';
	memcpy(out, found, sizeof(found));
	return true;
}

/* The innermost service or scope wins over a slice. */
static bool unit(const char *part, size_t len, char *out, bool *is_slice)
{
	bool slice = ends_with(part, len, ".slice");

	if (len >= CGROUP_UNIT_LEN)
		return false;
	if (!slice && !ends_with(part, len, ".service") && !ends_with(part, len, ".scope"))
		return false;
	if (slice && out[0] && !*is_slice)
		return false;
	/* systemd's VALID_CHARS_WITH_AT: anything else is somebody's directory. */
	for (size_t i = 0; i < len; i++)
		if (!isascii((unsigned char)part[i]) ||
		    (!isalnum((unsigned char)part[i]) && !strchr(":-_.\\@", part[i])))
			return false;
	memcpy(out, part, len);
	out[len] = '\0';
	*is_slice = slice;
	return true;
}

void cgroup_path_parse(const char *path, struct cgroup_names *out)
{
	bool is_slice = false;

	memset(out, 0, sizeof(*out));
	while (*path) {
		size_t len = strcspn(path, "/");

		if (len) {
			container(path, len, out->container_id);
			pod(path, len, out->pod_uid);
			unit(path, len, out->unit, &is_slice);
		}
		path += len;
		path += *path == '/';
	}
}
