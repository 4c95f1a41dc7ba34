/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The groups of an AuthGroupFile: `group: user user ...` lines; a group may be split over
 * several. Read once, with the configuration, into its arena.
 */
#pragma once

#include "proxy/proxy_htpasswd.h"

struct proxy_htpasswd_groups {
    const char *file;
    const struct proxy_htpasswd_member *members; /* by group, then user */
    size_t count;
};

struct proxy_htpasswd_member {
    struct span group;
    struct span user;
};

/** As proxy_htpasswd_parse() and proxy_htpasswd_read(). */
must_check enum err proxy_htpasswd_groups_parse(
    struct span text, const char *file, struct arena *arena, struct diag *diag,
    const struct proxy_htpasswd_groups **ret_groups);
must_check enum err proxy_htpasswd_groups_read(const char *file, struct arena *arena,
                                               struct diag *diag, char *fault,
                                               const struct proxy_htpasswd_groups **ret_groups);

/** Whether the user is in the group. Case counts. */
bool proxy_htpasswd_groups_has(const struct proxy_htpasswd_groups *groups, struct span group,
                               struct span user);

/** Whether a line of the file names the group. */
bool proxy_htpasswd_groups_knows(const struct proxy_htpasswd_groups *groups, struct span group);
