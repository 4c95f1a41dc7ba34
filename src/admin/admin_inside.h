/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What the files of the admin listener share; nobody else includes it. All of it is worker 0's.
 */
#pragma once

#include "admin/admin.h"
#include "base/list.h"
#include "daemon/listen_set.h"

enum {
    ADMIN_CONNS_MAX = 32,
};

struct admin {
    struct worker *worker;             /* borrowed */
    const struct admin_source *source; /* static */
    struct listen_set_doors doors;
    struct list conns; /* struct admin_conn */
    size_t conn_count;
};
