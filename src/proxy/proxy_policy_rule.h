/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * One thing that Allow, Deny and Require can ask of a request, and what comes of asking it. No
 * I/O: what is not known yet (the client's name, who the user is) is an outcome of its own.
 */
#pragma once

#include "auth/htpasswd.h"
#include "auth/htpasswd_groups.h"
#include "base/buf.h"
#include "io/addr.h"

enum proxy_policy_rule_kind {
    PROXY_POLICY_RULE_ALL,        /* all, all granted */
    PROXY_POLICY_RULE_NOBODY,     /* all denied */
    PROXY_POLICY_RULE_NET,        /* address, network or partial address */
    PROXY_POLICY_RULE_HOST,       /* the client's verified name is this name or ends in it */
    PROXY_POLICY_RULE_LOCAL,      /* loopback, or client and proxy address are the same */
    PROXY_POLICY_RULE_METHOD,     /* GET counts for HEAD */
    PROXY_POLICY_RULE_USER,       /* that user */
    PROXY_POLICY_RULE_VALID_USER, /* any user */
    PROXY_POLICY_RULE_GROUP,      /* a user of that group */
    PROXY_POLICY_RULE_ANY_OF, /* children: <RequireAny>, <RequireNone>, the words of a line */
    PROXY_POLICY_RULE_ALL_OF, /* children: <RequireAll> */
};

struct proxy_policy_rule {
    enum proxy_policy_rule_kind kind;
    bool is_negated; /* Require not, <RequireNone> */
    struct addr_net net;
    struct span word;  /* as written; a HOST's without leading dot */
    struct span title; /* of a line or a container: "Require ip 10.0.0.1", "<RequireAll>" */
    const char *file;  /* in the configuration's arena, like all of this */
    unsigned line;
    struct proxy_policy_rule *children;
    struct proxy_policy_rule *next;
};

enum proxy_policy_rule_outcome {
    PROXY_POLICY_RULE_GRANTED,
    PROXY_POLICY_RULE_DENIED,
    PROXY_POLICY_RULE_NEUTRAL,    /* has nothing to say: a negated rule that does not hold */
    PROXY_POLICY_RULE_NEEDS_USER, /* denied, and a login could change it */
    PROXY_POLICY_RULE_NEEDS_NAME, /* cannot tell before the client's name was looked up */
};

/** What rules may ask about. Borrowed for the call. */
struct proxy_policy_rule_facts {
    const struct addr *client;
    const struct addr *local; /* where the client reached the proxy */
    bool name_is_known;       /* it was looked up */
    struct span name;         /* verified; empty: there is none to trust */
    struct span method;
    struct span user; /* verified against the file that holds here; empty: none */
    const struct htpasswd_groups *groups; /* NULL: no file */
};

/** With httpd's arithmetic of granted, denied and neutral. *ret_decider, if it is not NULL, is
 *  the line that tipped the scales: `rule` or one below it. */
enum proxy_policy_rule_outcome proxy_policy_rule_judge(
    const struct proxy_policy_rule *rule, const struct proxy_policy_rule_facts *facts,
    const struct proxy_policy_rule **ret_decider);

/** Judges each rule of the list as an alternative: GRANTED, DENIED or NEEDS_NAME. */
enum proxy_policy_rule_outcome proxy_policy_rule_judge_list(
    const struct proxy_policy_rule *list, const struct proxy_policy_rule_facts *facts,
    const struct proxy_policy_rule **ret_decider);

/** Whether the rule, or one below it, is of that kind. */
bool proxy_policy_rule_has(const struct proxy_policy_rule *rule,
                           enum proxy_policy_rule_kind kind);
