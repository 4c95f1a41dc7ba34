/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_policy_check.h"

/* What a section can draw on when somebody is to log in. */
struct means {
    bool type, realm, users, groups;
    const struct htpasswd_groups *group_file;
};

/* What every text begins with that the section takes; false when that does not say it all. */
static bool literal_of(const struct proxy_section *section, struct span *ret_text)
{
    struct span text = section->text;

    if (section->kind == PROXY_SECTION_GLOB) {
        size_t star = span_find(text, '*');

        *ret_text = span_head(text, star);
        return star + 1 == text.len && span_find(text, '?') == text.len &&
               span_find(text, '[') == text.len && span_find(text, '\\') == text.len;
    }
    *ret_text = text;
    return section->kind == PROXY_SECTION_PREFIX;
}

/* Whether whatever falls under `inner` surely falls under `outer`. */
static bool covers(const struct proxy_section *outer, const struct proxy_section *inner)
{
    struct span prefix;

    if (outer->kind == PROXY_SECTION_ALL) {
        return true;
    }
    if (outer->kind == inner->kind && span_equal(outer->text, inner->text)) {
        return true;
    }
    return literal_of(outer, &prefix) &&
           (inner->kind == PROXY_SECTION_PREFIX || inner->kind == PROXY_SECTION_GLOB) &&
           span_starts(inner->text, prefix);
}

static void add_means(struct means *means, const struct proxy_policy_section *section)
{
    means->type |= section->auth_type == PROXY_POLICY_AUTH_BASIC;
    means->realm |= section->realm.ptr != NULL;
    means->users |= section->users_line != 0; /* unreadable: that was said already */
    means->groups |= section->groups_line != 0;
    if (section->groups != NULL) {
        means->group_file = section->groups;
    }
}

static bool is_about_users(const struct proxy_policy_rule *rule)
{
    return rule->kind == PROXY_POLICY_RULE_USER || rule->kind == PROXY_POLICY_RULE_VALID_USER ||
           rule->kind == PROXY_POLICY_RULE_GROUP;
}

/* The line or container above the first rule that is about users; NULL when there is none. */
static const struct proxy_policy_rule *find_login(const struct proxy_policy_rule *above)
{
    for (const struct proxy_policy_rule *rule = above->children; rule != NULL;
         rule = rule->next) {
        const struct proxy_policy_rule *found = is_about_users(rule) ? above : find_login(rule);

        if (found != NULL) {
            return found;
        }
    }
    return NULL;
}

static void check_means(const struct means *means, const struct proxy_policy_section *section,
                        const struct proxy_policy_rule *line, struct diag *diag)
{
    const char *of = section->auth_type == PROXY_POLICY_AUTH_NONE ? "AuthType None forbids it"
                     : !means->type                               ? "AuthType is missing"
                     : !means->realm                              ? "AuthName is missing"
                                                                  : "AuthUserFile is missing";

    if (section->auth_type == PROXY_POLICY_AUTH_NONE || !means->type || !means->realm ||
        !means->users) {
        diag_error(diag, line->file, line->line,
                   "%.*s: nobody can log in: %s (write AuthType Basic, AuthName \"...\" and "
                   "AuthUserFile with a file of htpasswd's, in this section or in <Proxy *>)",
                   SPAN_ARG(diag_word(line->title)), of);
    }
}

static void check_groups(const struct means *means, const struct proxy_policy_rule *above,
                         struct diag *diag)
{
    for (const struct proxy_policy_rule *rule = above->children; rule != NULL;
         rule = rule->next) {
        check_groups(means, rule, diag);
        if (rule->kind != PROXY_POLICY_RULE_GROUP) {
            continue;
        }
        if (!means->groups) {
            diag_error(
                diag, rule->file, rule->line,
                "Require group %.*s: AuthGroupFile is missing (write AuthGroupFile and a "
                "file with the line %.*s: alice bob)",
                SPAN_ARG(diag_word(rule->word)), SPAN_ARG(diag_word(rule->word)));
        } else if (means->group_file != NULL &&
                   !htpasswd_groups_knows(means->group_file, rule->word)) {
            diag_warn(diag, rule->file, rule->line,
                      "Require group %.*s: %s has no such group (add the line %.*s: alice bob)",
                      SPAN_ARG(diag_word(rule->word)), means->group_file->file,
                      SPAN_ARG(diag_word(rule->word)));
        }
    }
}

static void check_section(const struct proxy_policy *policy,
                          const struct proxy_policy_section *section, struct diag *diag)
{
    const struct proxy_policy_rule *login =
        section->require == NULL ? NULL : find_login(section->require);
    struct means means = {false};

    if (section->users != NULL && section->users->count == 0) {
        diag_warn(diag, section->file, section->users_line,
                  "AuthUserFile: %s names no users (add one: htpasswd -B %s alice)",
                  section->users->file, section->users->file);
    }
    if (login == NULL) {
        return;
    }
    for (const struct proxy_policy_section *other = policy->sections; other != NULL;
         other = other->next) {
        if (other == section || covers(&other->pattern, &section->pattern)) {
            add_means(&means, other);
        }
    }
    check_means(&means, section, login, diag);
    check_groups(&means, section->require, diag);
}

/* httpd answers 500 to everybody then. */
static void check_auth_type(const struct proxy_policy *policy, struct diag *diag)
{
    const struct proxy_policy_section *first = NULL;

    for (const struct proxy_policy_section *section = policy->sections; section != NULL;
         section = section->next) {
        if (section->require != NULL) {
            return;
        }
        if (section->auth_type == PROXY_POLICY_AUTH_BASIC && first == NULL) {
            first = section;
        }
    }
    if (first != NULL) {
        diag_error(diag, first->file, first->line,
                   "AuthType: nobody passes here, because no Require says who (add Require "
                   "valid-user)");
    }
}

void proxy_policy_check(const struct proxy_policy *policy, struct diag *diag)
{
    check_auth_type(policy, diag);
    for (const struct proxy_policy_section *section = policy->sections; section != NULL;
         section = section->next) {
        check_section(policy, section, diag);
    }
}
