/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Require, <RequireAll>, <RequireAny> and <RequireNone>, from the file into a tree of rules.
 */
#pragma once

#include "conf/conf_schema.h"
#include "proxy/proxy_policy_rule.h"

/** The rows inside a container; they write to a struct proxy_policy_rule. */
extern const struct directive proxy_policy_require_rows[];

/** Reads a Require line or a container, and hangs it below `parent`. Errors as a setter's. */
must_check enum err proxy_policy_require_read(struct proxy_policy_rule *parent,
                                              const struct conf_node *node,
                                              const struct conf_apply *apply);

/** Adds a rule at the end of a list. */
must_check enum err proxy_policy_require_add(struct proxy_policy_rule **list,
                                             const struct proxy_policy_rule *rule,
                                             struct arena *arena);

/** Reads an address or network, or a host name; what is neither is said in the diag. */
must_check enum err proxy_policy_require_add_net(struct proxy_policy_rule **list,
                                                 struct span word, const struct conf_node *node,
                                                 const struct conf_apply *apply);
must_check enum err proxy_policy_require_add_host(struct proxy_policy_rule **list,
                                                  struct span word,
                                                  const struct conf_node *node,
                                                  const struct conf_apply *apply);
