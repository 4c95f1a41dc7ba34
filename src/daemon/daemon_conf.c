/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "daemon/daemon_conf.h"

#include "daemon/service.h"

#include <stddef.h>

static const struct conf_choice log_levels[] = {
    {"trace", LOG_TRACE}, {"debug", LOG_DEBUG}, {"info", LOG_INFO}, {"notice", LOG_NOTICE},
    {"warn", LOG_WARN},   {"error", LOG_ERROR}, {NULL, 0},
};

#define ROW(directive, kind, member) \
    .name = (directive), .type = (kind), CONF_SCHEMA_FIELD(struct daemon_conf, member)

/* clang-format off */
const struct directive daemon_conf_rows[] = {
    {ROW("Workers", CONF_NUMBER, workers),
     .min = 0, .max = 64, .initial = "0", .unit = "threads", .where = SERVICE_IN_SERVER,
     .help = "Threads that accept and serve connections; 0 is one for each processor."},
    {ROW("LogLevel", CONF_CHOICE, log_level),
     .initial = "info", .choices = log_levels, .where = SERVICE_IN_SERVER,
     .help = "The least severe lines that the log on stderr shows."},
    {.name = NULL},
};
/* clang-format on */
