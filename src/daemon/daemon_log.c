/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "daemon/daemon_log.h"

#include "daemon/daemon_clock.h"

#include <stdio.h>

enum {
    LINE_BYTES = 1200
};

static void print(void *ctx, enum log_level level, const char *line)
{
    char text[LINE_BYTES];
    char stamp[DAEMON_CLOCK_BYTES];
    int len = snprintf(text, sizeof text, "%s %s: %s\n", daemon_clock_iso(stamp),
                       log_level_name(level), line);

    if (len >= (int)sizeof text) {
        len = sizeof text - 1;
        text[len - 1] = '\n';
    }
    logfile_write(ctx, span_of(text, (size_t)len));
}

void daemon_log_init(struct log *log, enum log_level level, const struct logfile *file)
{
    *log = (struct log){.sink = print, .sink_ctx = (void *)(uintptr_t)file, .level = level};
}

void daemon_log_diag(const struct log *log, const struct diag *diag)
{
    static const enum log_level levels[DIAG_SEVERITIES] = {
        [DIAG_ERROR] = LOG_ERROR,
        [DIAG_WARNING] = LOG_WARN,
        [DIAG_NOTE] = LOG_INFO,
    };
    char line[DIAG_MAX_LINE];

    for (const struct diag_message *message = diag_next(diag, NULL); message != NULL;
         message = diag_next(diag, message)) {
        log_at(log, levels[message->severity], "%s", diag_format(message, line, sizeof line));
    }
    if (diag->is_lossy) {
        log_warn(log, "there was more to say, but too much of it");
    }
}
