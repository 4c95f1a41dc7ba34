/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * <Proxy> and <ProxyMatch> sections, from the file into a struct proxy_policy: Order, Allow,
 * Deny, Satisfy, Require and its containers, and what a login needs. User and group files are
 * read here, so that a rule that cannot work is refused with its line, not with a 500 later.
 */
#pragma once

#include "conf/conf_schema.h"
#include "proxy/proxy_policy.h"

/** The rows inside <Proxy>; they write to a struct proxy_policy_section. */
extern const struct directive proxy_policy_read_rows[];

/** The setters of <Proxy> and <ProxyMatch>; they write to a struct proxy_policy, which must be
 *  at the front of the struct that they are given. */
must_check enum err proxy_policy_read_proxy(void *conf, const struct conf_node *node,
                                            const struct conf_apply *apply);
must_check enum err proxy_policy_read_match(void *conf, const struct conf_node *node,
                                            const struct conf_apply *apply);
