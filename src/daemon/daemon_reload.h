/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A new configuration for a daemon that runs, and new files for its logs.
 */
#pragma once

#include "base/err.h"
#include "conf/diag.h"

struct daemon;

/** SIGHUP: all of it, or nothing; either way the log says so. */
void daemon_reload(struct daemon *daemon);

/** SIGUSR1, and at start: opens the logs. ERR_CONF, ERR_NOMEM: the diag says which could not
 *  be; those are as they were. */
must_check enum err daemon_reload_logs(struct daemon *daemon, struct diag *diag);
