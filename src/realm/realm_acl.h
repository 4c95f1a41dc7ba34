/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Who may do what with the channels and queues of a section: the one place that judges.
 * Sans-IO, reads no text (realm_acl_conf.h does), and keeps nothing.
 *
 *     the section's rules from top to bottom: the first that speaks of the right and of the
 *     client decides
 *     none does, and an Allow speaks of the right       it may not: the right is for others
 *     none does, and no Allow speaks of it              subscribe, publish, peek, eid, durable:
 *                                                       it may; purge, manage: it may not
 *
 * So Deny alone takes from a few what all others have, Allow alone gives to a few what nobody
 * else has, and what destroys must be allowed by name.
 */
#pragma once

#include "auth/htpasswd_groups.h"
#include "io/addr.h"

enum realm_acl_right {
    REALM_ACL_SUBSCRIBE, /* get events; take them from a queue */
    REALM_ACL_PUBLISH,
    REALM_ACL_PEEK,    /* look into a queue without taking */
    REALM_ACL_EID,     /* ask how much is stored and up to which EID */
    REALM_ACL_DURABLE, /* have the realm remember a position under a name */
    REALM_ACL_PURGE,   /* throw stored events away */
    REALM_ACL_MANAGE,  /* end other clients' durable subscriptions, make and remove channels */
    REALM_ACL_RIGHTS,
};

/** The most bytes of realm_acl_subject_text() and realm_acl_rule_text(), with a zero. */
enum {
    REALM_ACL_TEXT_BYTES = 200
};

/** What stands before the last "@" of a pattern. */
enum realm_acl_name {
    REALM_ACL_NAME_ANY,       /* "*" or another pattern for users; "*" is anonymous ones, too */
    REALM_ACL_NAME_ANONYMOUS, /* who has not logged in */
    REALM_ACL_NAME_VALID,     /* "valid-user": who has */
    REALM_ACL_NAME_GROUP,     /* "group:NAME" */
};

/** One pattern of one Allow or Deny line. */
struct realm_acl_rule {
    bool allows;
    uint32_t rights; /* bits, 1 << enum realm_acl_right */
    enum realm_acl_name kind;
    struct span name; /* of ANY: a pattern; of GROUP: its name. Borrowed */
    bool is_any_host;
    struct addr_net net; /* unless is_any_host */
    struct span text;    /* the pattern as written; borrowed */
    const char *file;    /* borrowed */
    unsigned line;
};

/** Of one section. Borrowed from the configuration. */
struct realm_acl {
    const char *file; /* where the section begins */
    unsigned line;
    struct realm_acl_rule *rules;
    size_t count;
};

/** Who asks. */
struct realm_acl_subject {
    struct span user; /* empty: anonymous */
    struct addr host;
    const struct htpasswd_groups *groups; /* NULL: there are none */
};

struct realm_acl_verdict {
    bool may;
    const struct realm_acl_rule *rule; /* that decided; NULL: none did */
    const struct realm_acl *acl;       /* of the section; NULL: there is none */
};

/** `acl` may be NULL: no line was written. */
struct realm_acl_verdict realm_acl_judge(const struct realm_acl *acl,
                                         enum realm_acl_right right,
                                         const struct realm_acl_subject *subject);

/** "publish": as it is written. */
const char *realm_acl_right_name(enum realm_acl_right right);

/** "publish to": for "alice@::1 may not publish to /fx/eur". */
const char *realm_acl_right_phrase(enum realm_acl_right right);

/** "alice@192.0.2.7", "anonymous@::1". Printable; returns `room`. */
const char *realm_acl_subject_text(const struct realm_acl_subject *subject,
                                   char room[REALM_ACL_TEXT_BYTES]);

/** For the log: which line decided. Printable; returns `room`. */
const char *realm_acl_verdict_text(const struct realm_acl_verdict *verdict,
                                   char room[REALM_ACL_TEXT_BYTES]);
