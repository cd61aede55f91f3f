/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* proc_text.h - the text of a file of /proc, whole as far as it fits. */
#ifndef TCPTRAIL_PROC_TEXT_H
#define TCPTRAIL_PROC_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Always ends with a NUL; false: it cannot be read, or is empty. */
bool proc_text(const char *path, char *buf, size_t len);

#endif /* TCPTRAIL_PROC_TEXT_H */
