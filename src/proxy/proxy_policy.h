/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Who may use the proxy: the rules of <Proxy *> sections, with httpd 2.4's meaning.
 *
 * There are two families of rules, Order/Allow/Deny and Require, and a client must pass both. A
 * later section that has rules of a family replaces all rules of that family of earlier
 * sections (httpd's merging). Where nobody said anything, everybody may:
 * proxy_policy_admits_strangers() is what keeps such a configuration from starting on a public
 * address.
 *
 * A rule that names a host needs the client's name, verified by looking it up in both
 * directions. That takes time, so it is asked for only when proxy_policy_needs_name() says so.
 */
#pragma once

#include "conf/conf_schema.h"
#include "io/addr.h"

enum proxy_policy_kind {
    PROXY_POLICY_ALL,
    PROXY_POLICY_NET,   /* address, network or partial address */
    PROXY_POLICY_HOST,  /* the client's verified name is this name or ends in it */
    PROXY_POLICY_LOCAL, /* loopback, or client and proxy address are the same */
};

struct proxy_policy_rule {
    enum proxy_policy_kind kind;
    struct addr_net net;
    struct span host; /* in the configuration's arena, without leading dot */
    unsigned line;    /* where it stands: for the log */
    struct proxy_policy_rule *next;
};

struct proxy_policy {
    bool has_access; /* any of Order, Allow, Deny stood in a section */
    bool deny_first; /* Order deny,allow: what nobody named is allowed */
    struct proxy_policy_rule *allow;
    struct proxy_policy_rule *deny;

    bool has_require;
    struct proxy_policy_rule *require; /* any of them will do; `all denied` adds none */
    unsigned require_line;             /* the last Require: for the log */
};

/** A client, as far as rules can ask. */
struct proxy_policy_client {
    struct addr addr;  /* where it comes from */
    struct addr local; /* where it connected to */
    struct span name;  /* verified; empty: it has none, or nobody asked */
};

/** The rows inside <Proxy *>: Order, Allow, Deny, Require; they write to a struct proxy_policy.
 */
extern const struct directive proxy_policy_rows[];

/** The setter of <Proxy *> for a struct that has its struct proxy_policy at the front. */
must_check enum err proxy_policy_set_section(void *conf, const struct conf_node *node,
                                             const struct conf_apply *apply);

/** Whether a rule that names a host could decide. */
bool proxy_policy_needs_name(const struct proxy_policy *policy);

/** On refusal *ret_line is the line that decided, 0 when none did (the default refuses). */
bool proxy_policy_admits(const struct proxy_policy *policy,
                         const struct proxy_policy_client *client, unsigned *ret_line);

/** Whether addresses that no client can have would be let in: then anybody would be. */
bool proxy_policy_admits_strangers(const struct proxy_policy *policy, int family);
