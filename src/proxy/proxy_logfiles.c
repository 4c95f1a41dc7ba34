/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_logfiles.h"

#include <unistd.h>

void proxy_logfiles_init(struct proxy_logfiles *logs)
{
    logs->count = 0;
    for (size_t i = 0; i < PROXY_ACCESSLOG_CONF_LOGS_MAX; i++) {
        logfile_init(&logs->files[i], STDOUT_FILENO);
    }
}

/* The standard descriptors are used as they are: a socket, as under systemd, cannot be opened
 * by its name. */
static enum err open_one(struct logfile *file, struct span path, struct diag *diag)
{
    if (span_equals(path, "/dev/stdout")) {
        logfile_init(file, STDOUT_FILENO);
        return OK;
    }
    if (span_equals(path, "/dev/stderr")) {
        logfile_init(file, STDERR_FILENO);
        return OK;
    }
    return logfile_open(file, path, STDOUT_FILENO, "CustomLog", diag);
}

enum err proxy_logfiles_open(struct proxy_logfiles *logs,
                             const struct proxy_accesslog_conf *conf, struct diag *diag)
{
    const bool is_first = logs->count == 0;
    enum err worst = OK;

    for (size_t i = 0; i < conf->count; i++) {
        enum err e = open_one(&logs->files[i], conf->logs[i].file, diag);

        worst = e == OK ? worst : e;
        if (is_first) { /* a number that workers have does not change */
            logs->fds[i] = logs->files[i].fd;
        }
    }
    logs->count = conf->count;
    return worst;
}

void proxy_logfiles_fini(struct proxy_logfiles *logs)
{
    for (size_t i = 0; i < logs->count; i++) {
        logfile_fini(&logs->files[i]);
    }
    logs->count = 0;
}
