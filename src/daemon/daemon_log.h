/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The daemon's log: one write a line, with UTC time and level in front, to stderr or to the
 * file of ErrorLog.
 */
#pragma once

#include "base/log.h"
#include "daemon/logfile.h"

/** `file` is borrowed for the log's life. */
void daemon_log_init(struct log *log, enum log_level level, const struct logfile *file);

/** All messages, each at the level of its severity. */
void daemon_log_diag(const struct log *log, const struct diag *diag);
