/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "daemon/daemon_log.h"

#include "daemon/daemon_clock.h"

#include <stdio.h>
#include <unistd.h>

enum {
    LINE_BYTES = 1200
};

static void print_to_stderr(void *ctx, enum log_level level, const char *line)
{
    char text[LINE_BYTES];
    char stamp[DAEMON_CLOCK_BYTES];
    int len;

    (void)ctx;
    len = snprintf(text, sizeof text, "%s %s: %s\n", daemon_clock_iso(stamp),
                   log_level_name(level), line);
    if (len >= (int)sizeof text) {
        len = sizeof text - 1;
        text[len - 1] = '\n';
    }
    /* A log that cannot be written has nobody to tell. */
    if (write(STDERR_FILENO, text, (size_t)len) < 0) {
        return;
    }
}

void daemon_log_init(struct log *log, enum log_level level)
{
    *log = (struct log){.sink = print_to_stderr, .level = level};
}
