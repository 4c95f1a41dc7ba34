/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Directives that every daemon has.
 */
#pragma once

#include "base/log.h"
#include "conf/conf_schema.h"

struct daemon_conf {
    uint32_t workers; /* 0 = as many as there are processors */
    enum log_level log_level;
};

extern const struct directive daemon_conf_rows[];
