/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_acl_conf.h"

enum {
    RULES_FIRST = 8
};

static const uint32_t all_rights = (1u << REALM_ACL_RIGHTS) - 1;

/* ---- rights ---- */

/* False when it is none. */
static bool read_right(struct span word, uint32_t *rights)
{
    if (span_equals_nocase(word, "all")) {
        *rights |= all_rights;
        return true;
    }
    for (int i = 0; i < REALM_ACL_RIGHTS; i++) {
        if (span_equals_nocase(word, realm_acl_right_name((enum realm_acl_right)i))) {
            *rights |= 1u << i;
            return true;
        }
    }
    return false;
}

static bool read_rights(const struct conf_node *node, struct diag *diag, uint32_t *ret_rights)
{
    struct span list = node->words[0];
    uint32_t rights = 0;

    for (;;) {
        struct span word = span_head(list, span_find(list, ','));

        if (!read_right(word, &rights)) {
            diag_error(diag, node->file, node->line,
                       "%.*s: \"%.*s\" is not a right (write subscribe, publish, peek, eid, "
                       "durable, purge, manage or all, several with commas and no spaces)",
                       SPAN_ARG(node->name), SPAN_ARG(diag_word(word)));
            return false;
        }
        if (word.len == list.len) {
            *ret_rights = rights;
            return true;
        }
        list = span_tail(list, word.len + 1);
    }
}

/* ---- patterns ---- */

/* Where the last "@" is; the length when there is none. */
static size_t find_at(struct span word)
{
    for (size_t i = word.len; i > 0; i--) {
        if (word.ptr[i - 1] == '@') {
            return i - 1;
        }
    }
    return word.len;
}

static void read_name(struct span name, struct realm_acl_rule *rule)
{
    const struct span group = SPAN("group:"); /* a user's name has no colon */

    rule->name = name;
    if (span_equals(name, "anonymous")) {
        rule->kind = REALM_ACL_NAME_ANONYMOUS;
    } else if (span_equals(name, "valid-user")) {
        rule->kind = REALM_ACL_NAME_VALID;
    } else if (span_starts(name, group)) {
        rule->kind = REALM_ACL_NAME_GROUP;
        rule->name = span_tail(name, group.len);
    } else {
        rule->kind = REALM_ACL_NAME_ANY;
    }
}

/* NULL, or what is wrong with it. */
static const char *read_pattern(struct span word, struct realm_acl_rule *rule)
{
    struct span name = span_head(word, find_at(word));
    bool has_host = name.len < word.len;
    struct span host = has_host ? span_tail(word, name.len + 1) : SPAN("*");

    rule->text = word;
    read_name(name, rule);
    if (rule->name.len == 0) {
        return "it names nobody";
    }
    if (rule->kind == REALM_ACL_NAME_ANY && span_find(name, ':') < name.len) {
        return "a user's name has no colon, and a group is written group:NAME";
    }
    rule->is_any_host = span_equals(host, "*");
    if (!rule->is_any_host && !addr_net_parse(host, &rule->net)) {
        return "what is behind the @ is neither *, an address nor a network; names of hosts "
               "are not looked up";
    }
    return NULL;
}

/* The array is full at 0, 8, 16, 32 ... and then twice as long. */
static enum err make_room(struct realm_acl *acl, struct arena *arena)
{
    size_t bytes = (acl->count == 0 ? RULES_FIRST : 2 * acl->count) * sizeof *acl->rules;
    bool is_full =
        acl->count == 0 || (acl->count >= RULES_FIRST && (acl->count & (acl->count - 1)) == 0);
    void *array;

    if (!is_full) {
        return OK;
    }
    TRY(arena_alloc(arena, bytes, &array));
    if (acl->count > 0) {
        memcpy(array, acl->rules, acl->count * sizeof *acl->rules);
    }
    acl->rules = array;
    return OK;
}

static enum err add_rule(struct realm_acl *acl, const struct realm_acl_rule *rule,
                         const struct conf_apply *apply)
{
    if (acl->count == REALM_ACL_CONF_RULES_MAX) {
        diag_error(apply->diag, rule->file, rule->line,
                   "a section may have %d patterns in Allow and Deny (use groups, or *)",
                   REALM_ACL_CONF_RULES_MAX);
        return OK;
    }
    TRY(make_room(acl, apply->arena));
    acl->rules[acl->count++] = *rule;
    return OK;
}

static enum err read_line(struct realm_acl *acl, const struct conf_node *node,
                          const struct conf_apply *apply, bool allows)
{
    struct realm_acl_rule rule = {.allows = allows, .file = node->file, .line = node->line};

    if (!read_rights(node, apply->diag, &rule.rights)) {
        return OK;
    }
    for (size_t i = 1; i < node->word_count; i++) {
        const char *fault = read_pattern(node->words[i], &rule);

        if (fault != NULL) {
            diag_error(apply->diag, node->file, node->line,
                       "%.*s: \"%.*s\": %s (write alice@*, group:desk@10.0.0.0/8, "
                       "valid-user, anonymous or *)",
                       SPAN_ARG(node->name), SPAN_ARG(diag_word(node->words[i])), fault);
            continue;
        }
        TRY(add_rule(acl, &rule, apply));
    }
    return OK;
}

enum err realm_acl_conf_begin(struct router_rule *rule, const struct conf_node *node,
                              const struct conf_apply *apply)
{
    struct realm_acl acl = {.file = node->file, .line = node->line};

    TRY(arena_alloc(apply->arena, sizeof acl, &rule->access));
    memcpy(rule->access, &acl, sizeof acl);
    return OK;
}

enum err realm_acl_conf_set_allow(void *rule, const struct conf_node *node,
                                  const struct conf_apply *apply)
{
    return read_line(((struct router_rule *)rule)->access, node, apply, true);
}

enum err realm_acl_conf_set_deny(void *rule, const struct conf_node *node,
                                 const struct conf_apply *apply)
{
    return read_line(((struct router_rule *)rule)->access, node, apply, false);
}

/* ---- with the users ---- */

void realm_acl_conf_check(const struct realm_acl *acl, bool has_users,
                          const struct htpasswd_groups *groups, struct diag *diag)
{
    for (size_t i = 0; i < acl->count; i++) {
        const struct realm_acl_rule *rule = &acl->rules[i];

        if (rule->kind == REALM_ACL_NAME_GROUP && groups == NULL) {
            diag_error(diag, rule->file, rule->line,
                       "\"%.*s\": there are no groups (add AuthGroupFile)",
                       SPAN_ARG(diag_word(rule->text)));
        } else if (rule->kind == REALM_ACL_NAME_GROUP &&
                   !htpasswd_groups_knows(groups, rule->name)) {
            diag_warn(diag, rule->file, rule->line,
                      "\"%.*s\": %s has no such group: nobody is in it",
                      SPAN_ARG(diag_word(rule->text)), groups->file);
        } else if (!has_users && rule->kind != REALM_ACL_NAME_ANONYMOUS &&
                   !span_equals(rule->name, "*")) {
            diag_warn(diag, rule->file, rule->line,
                      "\"%.*s\": nobody can log in, so it fits nobody (add AuthUserFile)",
                      SPAN_ARG(diag_word(rule->text)));
        }
    }
}

void realm_acl_conf_check_queue(const struct realm_acl *acl, struct diag *diag)
{
    const struct realm_acl_rule *taking = NULL;

    for (size_t i = 0; i < acl->count; i++) {
        if ((acl->rules[i].rights & 1u << REALM_ACL_PEEK) != 0) {
            return;
        }
        if (taking == NULL && (acl->rules[i].rights & 1u << REALM_ACL_SUBSCRIBE) != 0) {
            taking = &acl->rules[i];
        }
    }
    if (taking != NULL) {
        diag_warn(diag, taking->file, taking->line,
                  "%s subscribe: whoever came in may still look at all that is in the queue "
                  "(write subscribe,peek; or Allow peek * if that is meant)",
                  taking->allows ? "Allow" : "Deny");
    }
}
