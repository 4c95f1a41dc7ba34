/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Where a daemon's log lines go: stderr, one write a line, with UTC time and level in front.
 */
#pragma once

#include "base/log.h"

void daemon_log_init(struct log *log, enum log_level level);
