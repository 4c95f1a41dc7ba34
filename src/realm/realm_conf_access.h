/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Who may come in, and how much of it: the directives about users, and limits per session and
 * address.
 */
#pragma once

#include "auth/htpasswd_groups.h"
#include "base/clock.h"
#include "conf/conf_schema.h"

enum {
    REALM_CONF_ACCESS_RATE_MAX = 10000000 /* of PublishRate, and of its burst */
};

/** The part of struct realm_conf that these directives are about. */
struct realm_conf_access {
    const struct htpasswd *users;         /* NULL: nobody can log in */
    const struct htpasswd_groups *groups; /* NULL: there are none */
    bool has_user_file;                   /* AuthUserFile stands there, readable or not */
    bool has_group_file;
    bool allows_anonymous;
    bool has_rules;         /* a section says Allow or Deny */
    struct span realm_name; /* of the challenge over HTTP */
    size_t auth_threads;
    size_t auth_waiting_max;
    msec auth_cache_timeout;
    size_t login_failures_max;     /* of one address in a minute; 0: no limit */
    size_t connections_per_client; /* 0: no limit */
    size_t channels_per_user;      /* 0: as many as are free, as is the next */
    size_t durables_per_user;
    uint64_t publish_rate; /* a second; 0: no limit */
    uint64_t publish_burst;
};

/** Readers for rows whose struct is a struct realm_conf. */
must_check enum err realm_conf_access_set_user_file(void *conf, const struct conf_node *node,
                                                    const struct conf_apply *apply);
must_check enum err realm_conf_access_set_group_file(void *conf, const struct conf_node *node,
                                                     const struct conf_apply *apply);
must_check enum err realm_conf_access_set_publish_rate(void *conf, const struct conf_node *node,
                                                       const struct conf_apply *apply);

/** What is wrong with it as a whole. */
void realm_conf_access_check(const struct realm_conf_access *access, const char *file,
                             struct diag *diag);
