/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Log lines: a level, a name and a sentence, handed to a sink. Which level passes and where it
 * goes is the daemon's business; this file neither opens nor writes anything.
 */
#pragma once

#include "base/span.h"

enum log_level {
    LOG_TRACE, /* every move of a state machine */
    LOG_DEBUG,
    LOG_INFO,   /* one connection's fate */
    LOG_NOTICE, /* the daemon's own life: started, reloaded, stopped */
    LOG_WARN,
    LOG_ERROR,
};

/** Called with one finished line, without line end; may be called from every worker. */
typedef void log_sink(void *ctx, enum log_level level, const char *line);

struct log {
    log_sink *sink; /* NULL: silent */
    void *sink_ctx; /* borrowed for the life of the log */
    enum log_level level;
};

/** Lines longer than about 1,000 bytes are cut. */
void log_print(const struct log *log, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** "info" and so on. Static storage. */
const char *log_level_name(enum log_level level);

static inline bool log_wants(const struct log *log, enum log_level level)
{
    return log != NULL && log->sink != NULL && level >= log->level;
}

#define log_at(log, level, ...)                 \
    do {                                        \
        if (log_wants(log, level)) {            \
            log_print(log, level, __VA_ARGS__); \
        }                                       \
    } while (0)
#define log_trace(log, ...)  log_at(log, LOG_TRACE, __VA_ARGS__)
#define log_debug(log, ...)  log_at(log, LOG_DEBUG, __VA_ARGS__)
#define log_info(log, ...)   log_at(log, LOG_INFO, __VA_ARGS__)
#define log_notice(log, ...) log_at(log, LOG_NOTICE, __VA_ARGS__)
#define log_warn(log, ...)   log_at(log, LOG_WARN, __VA_ARGS__)
#define log_error(log, ...)  log_at(log, LOG_ERROR, __VA_ARGS__)
