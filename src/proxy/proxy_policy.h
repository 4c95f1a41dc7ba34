/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Who may use the proxy for what: the <Proxy> and <ProxyMatch> sections of a configuration,
 * with httpd 2.4's meaning.
 *
 * The sections that a request falls under (proxy_section.h) are laid over each other in the
 * order of the file. There are two families of rules, and a later section that has any rule of
 * a family replaces all of them of earlier sections: Order, Allow, Deny and Satisfy are one,
 * Require and its containers the other. AuthType, AuthName, AuthUserFile and AuthGroupFile are
 * replaced one by one. A client must pass both families, or one of them under Satisfy any; a
 * family of which nobody said anything lets everybody pass. proxy_policy_admits_strangers() is
 * what keeps such a configuration from starting on a public address.
 *
 * Deciding takes no I/O and no clock. What it may lack (the client's verified name, a user) is
 * a verdict of its own: get it, and ask again.
 *
 *     decide without user or name
 *       NEEDS_NAME  proxy_clientname_ask(), then again with name_is_known
 *       LOGIN       no Proxy-Authorization: 407 with the realm. Else auth_check() against
 *                   decision.users; wrong: 407; right: again with user and users set
 *       DENY        403
 *       ALLOW       go on: ports are the next question
 */
#pragma once

#include "proxy/proxy_policy_rule.h"
#include "proxy/proxy_section.h"

enum {
    PROXY_POLICY_SENTENCE_BYTES = 240,
};

enum proxy_policy_auth_type {
    PROXY_POLICY_AUTH_UNSET,
    PROXY_POLICY_AUTH_NONE,
    PROXY_POLICY_AUTH_BASIC,
};

/** One <Proxy> or <ProxyMatch>, in the configuration's arena. */
struct proxy_policy_section {
    struct proxy_section pattern;
    const char *file;
    unsigned line;

    bool has_access;     /* Order, Allow, Deny or Satisfy stood in it */
    bool deny_first;     /* Order deny,allow: whom nobody named is allowed. httpd's default */
    bool satisfy_any;    /* one family is enough */
    unsigned order_line; /* 0: there was no Order */
    unsigned satisfy_line;
    struct proxy_policy_rule *allow;
    struct proxy_policy_rule *deny;

    struct proxy_policy_rule *require; /* ANY_OF; NULL: no Require stood in it */

    enum proxy_policy_auth_type auth_type;
    struct span realm;            /* ptr NULL: no AuthName */
    const struct htpasswd *users; /* NULL: no AuthUserFile */
    unsigned users_line;
    const struct htpasswd_groups *groups; /* NULL: no AuthGroupFile */
    unsigned groups_line;

    struct proxy_policy_section *next;
};

struct proxy_policy {
    struct proxy_policy_section *sections; /* in the order of the file */
    struct proxy_policy_section *last;
};

/** A client, as far as rules can ask. */
struct proxy_policy_client {
    struct addr addr;  /* where it comes from */
    struct addr local; /* where it connected to */
    struct span name;  /* verified; empty: it has none, or nobody asked */
};

struct proxy_policy_query {
    struct proxy_policy_client client;
    bool name_is_known; /* client.name was looked up, whether there is one or not */
    struct span method;
    struct proxy_section_url url; /* "ws" or "wss" as the scheme of whatever asks for an
                                     upgrade to WebSocket; empty for CONNECT */
    struct span user;             /* whose password was right; empty: none */
    const struct htpasswd *users; /* the file in which it was; NULL without user */
};

enum proxy_policy_verdict {
    PROXY_POLICY_ALLOW,
    PROXY_POLICY_LOGIN, /* a login could help, or another login than this */
    PROXY_POLICY_NEEDS_NAME,
    PROXY_POLICY_DENY, /* nothing would help */
};

struct proxy_policy_decision {
    enum proxy_policy_verdict verdict;
    const char *file; /* where the line stands that decided; NULL: no line did */
    unsigned line;
    char sentence[PROXY_POLICY_SENTENCE_BYTES]; /* for the log: "Deny from all names the
                                                   client". Empty for ALLOW */
    struct span realm;                          /* LOGIN */
    const struct htpasswd *users;               /* LOGIN: where the user is to be found */
    bool names_destination; /* ALLOW: a section admitted it that is for this very host, so
                               proxy_dest's rules about loopback and the like may be waived */
};

/** ERR_NOMEM. */
must_check enum err proxy_policy_decide(const struct proxy_policy *policy,
                                        const struct proxy_policy_query *query,
                                        struct proxy_policy_decision *ret_decision);

/**
 * The same for a name that the client gave and nobody has verified: it may lead anywhere.
 * Decides by the name and by `address`, the literal of where the client goes, and the stricter
 * verdict holds, so that a name can narrow and never open.
 */
must_check enum err proxy_policy_decide_claimed(const struct proxy_policy *policy,
                                                const struct proxy_policy_query *query,
                                                struct span address,
                                                struct proxy_policy_decision *ret_decision);

/**
 * Whether clients with addresses that nobody can have would be let in, without a login, to
 * hosts that nobody named: then anybody would be.
 */
bool proxy_policy_admits_strangers(const struct proxy_policy *policy, int family);
