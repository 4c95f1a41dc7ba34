/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

enum {
    LINE_BYTES = 1024
};

void log_print(const struct log *log, enum log_level level, const char *format, ...)
{
    char line[LINE_BYTES];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    log->sink(log->sink_ctx, level, line);
}

const char *log_level_name(enum log_level level)
{
    static const char *const names[] = {"trace", "debug", "info", "notice", "warn", "error"};

    return names[level];
}
