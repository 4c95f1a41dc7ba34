/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_acl.h"

#include "base/text.h"

#include <stdio.h>

enum {
    USER_TEXT_BYTES = 96,
    PATTERN_TEXT_BYTES = 80,
};

static const struct {
    const char *name;
    const char *phrase;
    bool is_everybodys; /* where nothing is written */
} rights[REALM_ACL_RIGHTS] = {
    [REALM_ACL_SUBSCRIBE] = {"subscribe", "subscribe to", true},
    [REALM_ACL_PUBLISH] = {"publish", "publish to", true},
    [REALM_ACL_PEEK] = {"peek", "look into", true},
    [REALM_ACL_EID] = {"eid", "ask for the EIDs of", true},
    [REALM_ACL_DURABLE] = {"durable", "have a durable subscription to", true},
    [REALM_ACL_PURGE] = {"purge", "purge", false},
    [REALM_ACL_MANAGE] = {"manage", "manage", false},
};

const char *realm_acl_right_name(enum realm_acl_right right)
{
    return rights[right].name;
}

const char *realm_acl_right_phrase(enum realm_acl_right right)
{
    return rights[right].phrase;
}

static bool is_named(const struct realm_acl_rule *rule, const struct realm_acl_subject *subject)
{
    switch (rule->kind) {
    case REALM_ACL_NAME_ANONYMOUS: return subject->user.len == 0;
    case REALM_ACL_NAME_VALID: return subject->user.len > 0;
    case REALM_ACL_NAME_GROUP:
        return subject->user.len > 0 && subject->groups != NULL &&
               htpasswd_groups_has(subject->groups, rule->name, subject->user);
    case REALM_ACL_NAME_ANY: break;
    }
    /* An anonymous client has no name that a pattern like "a*" could be about. */
    return subject->user.len == 0 ? span_equals(rule->name, "*")
                                  : text_glob(rule->name, subject->user);
}

static bool fits(const struct realm_acl_rule *rule, const struct realm_acl_subject *subject)
{
    return (rule->is_any_host || addr_net_has(&rule->net, &subject->host)) &&
           is_named(rule, subject);
}

struct realm_acl_verdict realm_acl_judge(const struct realm_acl *acl,
                                         enum realm_acl_right right,
                                         const struct realm_acl_subject *subject)
{
    struct realm_acl_verdict verdict = {.may = rights[right].is_everybodys, .acl = acl};

    for (size_t i = 0; acl != NULL && i < acl->count; i++) {
        const struct realm_acl_rule *rule = &acl->rules[i];

        if ((rule->rights & 1u << right) == 0) {
            continue;
        }
        if (fits(rule, subject)) {
            verdict.may = rule->allows;
            verdict.rule = rule;
            return verdict;
        }
        verdict.may = verdict.may && !rule->allows;
    }
    return verdict;
}

const char *realm_acl_subject_text(const struct realm_acl_subject *subject,
                                   char room[REALM_ACL_TEXT_BYTES])
{
    char user[USER_TEXT_BYTES];
    char host[ADDR_TEXT_BYTES];

    snprintf(room, REALM_ACL_TEXT_BYTES, "%s@%s",
             subject->user.len == 0 ? "anonymous"
                                    : text_printable(subject->user, user, sizeof user),
             addr_host_text(&subject->host, host));
    return room;
}

/* A path is told by its end. */
static const char *file_name(const char *file)
{
    const char *slash = strrchr(file, '/');

    return slash == NULL ? file : slash + 1;
}

const char *realm_acl_verdict_text(const struct realm_acl_verdict *verdict,
                                   char room[REALM_ACL_TEXT_BYTES])
{
    char text[PATTERN_TEXT_BYTES];

    if (verdict->rule != NULL) {
        snprintf(room, REALM_ACL_TEXT_BYTES, "%.*s:%u, %s %s", (int)USER_TEXT_BYTES,
                 file_name(verdict->rule->file), verdict->rule->line,
                 verdict->rule->allows ? "Allow" : "Deny",
                 text_printable(verdict->rule->text, text, sizeof text));
    } else if (verdict->acl != NULL) {
        snprintf(room, REALM_ACL_TEXT_BYTES, "no Allow in the section at %.*s:%u is for it",
                 (int)USER_TEXT_BYTES, file_name(verdict->acl->file), verdict->acl->line);
    } else {
        snprintf(room, REALM_ACL_TEXT_BYTES, "no section is for it");
    }
    return room;
}
