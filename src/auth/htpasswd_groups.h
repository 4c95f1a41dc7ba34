/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The groups of an AuthGroupFile: `group: user user ...` lines; a group may be split over
 * several. Read once, with the configuration, into its arena.
 */
#pragma once

#include "auth/htpasswd.h"

struct htpasswd_groups {
    const char *file;
    const struct htpasswd_member *members; /* by group, then user */
    size_t count;
};

struct htpasswd_member {
    struct span group;
    struct span user;
};

/** As htpasswd_parse() and htpasswd_read(). */
must_check enum err htpasswd_groups_parse(struct span text, const char *file,
                                          struct arena *arena, struct diag *diag,
                                          const struct htpasswd_groups **ret_groups);
must_check enum err htpasswd_groups_read(const char *file, struct arena *arena,
                                         struct diag *diag, char *fault,
                                         const struct htpasswd_groups **ret_groups);

/** Whether the user is in the group. Case counts. */
bool htpasswd_groups_has(const struct htpasswd_groups *groups, struct span group,
                         struct span user);

/** Whether a line of the file names the group. */
bool htpasswd_groups_knows(const struct htpasswd_groups *groups, struct span group);
