/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Allow and Deny as they stand in <Channel> and <Queue>:
 *
 *     Allow publish,purge  alice@* group:desk@10.0.0.0/8
 *     Deny  all            anonymous
 *
 * A pattern is NAME@HOST, or NAME alone for NAME@*. It is cut at its last "@".
 *
 *     NAME   a user, * for any number of characters; * alone is everybody
 *            anonymous, valid-user, group:NAME of AuthGroupFile
 *     HOST   *, an address, a network like 10.0.0.0/8
 */
#pragma once

#include "conf/conf_schema.h"
#include "pubsub/router.h"
#include "realm/realm_acl.h"

enum {
    REALM_ACL_CONF_RULES_MAX = 256 /* patterns of one section */
};

/** The section's rules, none yet, in rule->access. ERR_NOMEM, ERR_LIMIT. */
must_check enum err realm_acl_conf_begin(struct router_rule *rule, const struct conf_node *node,
                                         const struct conf_apply *apply);

/** Readers for rows whose struct is a struct router_rule, behind realm_acl_conf_begin(). */
must_check enum err realm_acl_conf_set_allow(void *rule, const struct conf_node *node,
                                             const struct conf_apply *apply);
must_check enum err realm_acl_conf_set_deny(void *rule, const struct conf_node *node,
                                            const struct conf_apply *apply);

/** What a section says that cannot work with these users: groups nobody has written down,
 *  names where nobody can log in. */
void realm_acl_conf_check(const struct realm_acl *acl, bool has_users,
                          const struct htpasswd_groups *groups, struct diag *diag);

/** Of a queue: warns when taking events is given to some, or kept from some, and looking at
 *  them is not spoken of. */
void realm_acl_conf_check_queue(const struct realm_acl *acl, struct diag *diag);
