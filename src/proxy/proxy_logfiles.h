/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The files of one configuration's CustomLog lines: opened once for all workers, and again when
 * they were renamed, behind the same descriptors.
 */
#pragma once

#include "daemon/logfile.h"
#include "proxy/proxy_accesslog_conf.h"

struct proxy_logfiles {
    struct logfile files[PROXY_ACCESSLOG_CONF_LOGS_MAX];
    int fds[PROXY_ACCESSLOG_CONF_LOGS_MAX]; /* for proxy_accesslog_new(), once open */
    size_t count;
};

void proxy_logfiles_init(struct proxy_logfiles *logs);

/** Opens all, or opens them again. In the main thread. ERR_CONF: the diag says which could not
 *  be; one that was open is as it was. */
must_check enum err proxy_logfiles_open(struct proxy_logfiles *logs,
                                        const struct proxy_accesslog_conf *conf,
                                        struct diag *diag);

/** No worker writes any more. */
void proxy_logfiles_fini(struct proxy_logfiles *logs);
