/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * User and Group: root binds the ports and reads the keys; who serves is somebody else.
 */
#pragma once

#include "base/err.h"
#include "daemon/daemon_conf.h"

struct privileges {
    uint32_t uid; /* who is to serve */
    uint32_t gid;
    bool is_change; /* false: stay who we are */
    char user[64];  /* for initgroups(); empty: a number without an account */
};

/**
 * Finds out who is to serve.
 *
 * Returns OK         perhaps with a warning in the diag
 *         ERR_CONF   there is no such user or group. The diag says so
 *
 * As root without a User line: nobody if `leaves_root`, otherwise root, with a warning.
 */
must_check enum err privileges_plan(const struct daemon_conf_who *user,
                                    const struct daemon_conf_who *group, bool leaves_root,
                                    const char *file, struct diag *diag,
                                    struct privileges *ret_plan);

/** No execve() gives new privileges from here on. It holds for threads that begin later, so it
 *  comes first. */
void privileges_forgo(struct diag *diag);

/** Becomes that user for good: groups, group, user, of every thread. Of root's capabilities,
 *  `keep` (1 << CAP_NET_RAW ...) are left to this thread and those that it begins later.
 * ERR_CONF: the diag says what the system refused. */
must_check enum err privileges_drop(const struct privileges *plan, uint64_t keep,
                                    struct diag *diag);
