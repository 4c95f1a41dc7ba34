/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_policy_judge.h"

#include <stdio.h>

/* What both families say. */
struct findings {
    enum proxy_policy_rule_outcome access;       /* GRANTED also when nobody said anything */
    const struct proxy_policy_rule *access_rule; /* the Allow or Deny that did it, or NULL */
    enum proxy_policy_rule_outcome require;
    const struct proxy_policy_rule *require_rule; /* NULL also: AuthType without Require */
    bool has_login;                               /* what a login takes is there */
    bool is_known; /* the user is one of the file that holds here */
};

void proxy_policy_judge_lay(struct proxy_policy_judge_overlay *overlay,
                            const struct proxy_policy_section *section, bool names_host)
{
    if (section->has_access) {
        overlay->access = section;
        overlay->access_names_host = names_host;
    }
    if (section->require != NULL) {
        overlay->require = section;
        overlay->require_names_host = names_host;
    }
    if (section->auth_type != PROXY_POLICY_AUTH_UNSET) {
        overlay->auth_type = section;
    }
    if (section->realm.ptr != NULL) {
        overlay->realm = section;
    }
    if (section->users != NULL) {
        overlay->users = section;
    }
    if (section->groups != NULL) {
        overlay->groups = section;
    }
}

/* ---- Order, Allow, Deny ---- */

/* Whether a list matches, with what is not known yet. */
static enum proxy_policy_rule_outcome opposite(enum proxy_policy_rule_outcome one)
{
    return one == PROXY_POLICY_RULE_GRANTED  ? PROXY_POLICY_RULE_DENIED
           : one == PROXY_POLICY_RULE_DENIED ? PROXY_POLICY_RULE_GRANTED
                                             : one;
}

static void look_at_access(const struct proxy_policy_section *section,
                           const struct proxy_policy_rule_facts *facts,
                           struct findings *findings)
{
    const struct proxy_policy_rule *allow = NULL, *deny = NULL;
    enum proxy_policy_rule_outcome allowed =
        proxy_policy_rule_judge_list(section->allow, facts, &allow);
    enum proxy_policy_rule_outcome denied =
        proxy_policy_rule_judge_list(section->deny, facts, &deny);

    if (section->deny_first && allowed == PROXY_POLICY_RULE_GRANTED) {
        findings->access = PROXY_POLICY_RULE_GRANTED; /* Allow has the last word */
        findings->access_rule = allow;
    } else if (!section->deny_first && denied == PROXY_POLICY_RULE_GRANTED) {
        findings->access = PROXY_POLICY_RULE_DENIED; /* Deny has */
        findings->access_rule = deny;
    } else if (allowed == PROXY_POLICY_RULE_NEEDS_NAME) {
        /* a match would let the client in, or there is nothing else to let it in */
        findings->access = section->deny_first && denied == PROXY_POLICY_RULE_DENIED
                               ? PROXY_POLICY_RULE_GRANTED
                               : PROXY_POLICY_RULE_NEEDS_NAME;
    } else if (section->deny_first) {
        findings->access = opposite(denied);
        findings->access_rule = deny;
    } else if (allowed == PROXY_POLICY_RULE_GRANTED && denied == PROXY_POLICY_RULE_NEEDS_NAME) {
        findings->access = PROXY_POLICY_RULE_NEEDS_NAME;
    } else {
        findings->access = allowed;
        findings->access_rule = allow;
    }
}

/* ---- Require ---- */

static void look_at_require(const struct proxy_policy_rule *require,
                            struct proxy_policy_rule_facts *facts, struct findings *findings)
{
    findings->require = proxy_policy_rule_judge(require, facts, &findings->require_rule);
    if (findings->require == PROXY_POLICY_RULE_NEUTRAL) {
        findings->require = PROXY_POLICY_RULE_DENIED;
    }
    if (findings->require == PROXY_POLICY_RULE_DENIED && facts->user.len > 0) {
        /* Would it be asked for a login without one? Then another login might help. */
        facts->user = SPAN("");
        if (proxy_policy_rule_judge(require, facts, NULL) == PROXY_POLICY_RULE_NEEDS_USER) {
            findings->require = PROXY_POLICY_RULE_NEEDS_USER;
        }
    }
}

static bool wants_login(const struct proxy_policy_judge_overlay *overlay)
{
    return overlay->auth_type != NULL &&
           overlay->auth_type->auth_type == PROXY_POLICY_AUTH_BASIC;
}

static bool has_login(const struct proxy_policy_judge_overlay *overlay)
{
    return wants_login(overlay) && overlay->users != NULL && overlay->realm != NULL;
}

/* A user counts only where the file holds that knew the password. */
static bool is_known(const struct proxy_policy_judge_overlay *overlay,
                     const struct proxy_policy_query *query)
{
    return query->user.len > 0 && has_login(overlay) && query->users == overlay->users->users;
}

struct proxy_policy_rule_facts proxy_policy_judge_facts(
    const struct proxy_policy_judge_overlay *overlay, const struct proxy_policy_query *query)
{
    return (struct proxy_policy_rule_facts){
        .client = &query->client.addr,
        .local = &query->client.local,
        .name_is_known = query->name_is_known,
        .name = query->client.name,
        .method = query->method,
        .user = is_known(overlay, query) ? query->user : SPAN(""),
        .groups = overlay->groups == NULL ? NULL : overlay->groups->groups,
    };
}

static struct findings look(const struct proxy_policy_judge_overlay *overlay,
                            const struct proxy_policy_query *query)
{
    struct proxy_policy_rule_facts facts = proxy_policy_judge_facts(overlay, query);
    struct findings findings = {
        .access = PROXY_POLICY_RULE_GRANTED,
        .require = PROXY_POLICY_RULE_GRANTED,
        .has_login = has_login(overlay),
        .is_known = facts.user.len > 0,
    };

    if (overlay->access != NULL) {
        look_at_access(overlay->access, &facts, &findings);
    }
    if (overlay->require != NULL) {
        look_at_require(overlay->require->require, &facts, &findings);
    } else if (wants_login(overlay)) {
        /* AuthType and no word about who passes: nobody does. httpd answers 500. */
        findings.require = PROXY_POLICY_RULE_DENIED;
    }
    return findings;
}

/* ---- both ---- */

static enum proxy_policy_verdict verdict_of(enum proxy_policy_rule_outcome one)
{
    switch (one) {
    case PROXY_POLICY_RULE_GRANTED: return PROXY_POLICY_ALLOW;
    case PROXY_POLICY_RULE_NEEDS_USER: return PROXY_POLICY_LOGIN;
    case PROXY_POLICY_RULE_NEEDS_NAME: return PROXY_POLICY_NEEDS_NAME;
    case PROXY_POLICY_RULE_DENIED:
    case PROXY_POLICY_RULE_NEUTRAL: return PROXY_POLICY_DENY;
    }
    return PROXY_POLICY_DENY;
}

/* One family is enough: the better answer, but a name is asked for before a login. */
static enum proxy_policy_verdict either(enum proxy_policy_verdict a,
                                        enum proxy_policy_verdict b)
{
    if (a == PROXY_POLICY_ALLOW || b == PROXY_POLICY_ALLOW) {
        return PROXY_POLICY_ALLOW;
    }
    if (a == PROXY_POLICY_NEEDS_NAME || b == PROXY_POLICY_NEEDS_NAME) {
        return PROXY_POLICY_NEEDS_NAME;
    }
    return a < b ? a : b;
}

static void blame_access(const struct proxy_policy_section *section,
                         const struct findings *findings,
                         struct proxy_policy_decision *decision)
{
    const struct proxy_policy_rule *rule = findings->access_rule;

    decision->file = section->file;
    if (rule != NULL) {
        decision->line = rule->line;
        snprintf(decision->sentence, sizeof decision->sentence,
                 "Deny from %.*s names the client", SPAN_ARG(diag_word(rule->word)));
        return;
    }
    decision->line = section->order_line != 0 ? section->order_line : section->line;
    snprintf(decision->sentence, sizeof decision->sentence, "no Allow names the client");
}

static void blame_auth_type(const struct proxy_policy_section *section,
                            struct proxy_policy_decision *decision)
{
    decision->file = section->file;
    decision->line = section->line;
    snprintf(decision->sentence, sizeof decision->sentence,
             "AuthType stands there, but no Require says who passes");
}

static void blame_require(const struct findings *findings,
                          struct proxy_policy_decision *decision)
{
    const struct proxy_policy_rule *rule = findings->require_rule;
    struct span title = diag_word(rule->title);
    const char *what = rule->is_negated ? "refuses it" : "does not let it pass";

    if (findings->require == PROXY_POLICY_RULE_NEEDS_USER) {
        what = !findings->has_login ? "needs a login, which this request cannot be asked for"
               : findings->is_known ? "does not let this user pass"
                                    : "asks for a login";
    }
    decision->file = rule->file;
    decision->line = rule->line;
    snprintf(decision->sentence, sizeof decision->sentence, "%.*s %s", SPAN_ARG(title), what);
}

void proxy_policy_judge(const struct proxy_policy_judge_overlay *overlay,
                        const struct proxy_policy_query *query,
                        struct proxy_policy_decision *ret_decision)
{
    struct findings findings = look(overlay, query);
    enum proxy_policy_verdict access = verdict_of(findings.access);
    enum proxy_policy_verdict require = verdict_of(findings.require);
    bool any = overlay->access != NULL && overlay->access->satisfy_any;
    struct proxy_policy_decision decision = {.verdict = PROXY_POLICY_ALLOW};

    if (require == PROXY_POLICY_LOGIN && !findings.has_login) {
        require = PROXY_POLICY_DENY;
    }
    decision.verdict = any ? either(access, require) : access > require ? access : require;
    switch (decision.verdict) {
    case PROXY_POLICY_ALLOW:
        decision.names_destination = overlay->access_names_host || overlay->require_names_host;
        break;
    case PROXY_POLICY_LOGIN:
        decision.realm = overlay->realm->realm;
        decision.users = overlay->users->users;
        blame_require(&findings, &decision);
        break;
    case PROXY_POLICY_NEEDS_NAME: break;
    case PROXY_POLICY_DENY:
        if (access == PROXY_POLICY_DENY && !any) {
            blame_access(overlay->access, &findings, &decision);
        } else if (findings.require_rule == NULL) {
            blame_auth_type(overlay->auth_type, &decision);
        } else {
            blame_require(&findings, &decision);
        }
        break;
    }
    *ret_decision = decision;
}

/* ---- which sections ---- */

static bool is_for_all(const struct proxy_policy *policy)
{
    for (const struct proxy_policy_section *section = policy->sections; section != NULL;
         section = section->next) {
        if (section->pattern.kind != PROXY_SECTION_ALL) {
            return false;
        }
    }
    return true;
}

static void judge_for_all(const struct proxy_policy *policy,
                          const struct proxy_policy_query *query,
                          struct proxy_policy_judge_overlay *overlay,
                          struct proxy_policy_decision *ret_decision)
{
    for (const struct proxy_policy_section *section = policy->sections; section != NULL;
         section = section->next) {
        proxy_policy_judge_lay(overlay, section, false);
    }
    proxy_policy_judge(overlay, query, ret_decision);
}

static void refuse_unknown(const struct proxy_policy_section *section,
                           struct proxy_policy_decision *ret_decision)
{
    *ret_decision = (struct proxy_policy_decision){
        .verdict = PROXY_POLICY_DENY, .file = section->file, .line = section->line};
    snprintf(ret_decision->sentence, sizeof ret_decision->sentence,
             "it costs too much to tell whether <ProxyMatch %.*s> is about it",
             SPAN_ARG(diag_word(section->pattern.written)));
}

static void judge_for_target(const struct proxy_policy *policy,
                             const struct proxy_policy_query *query,
                             const struct proxy_section_target *target,
                             struct proxy_policy_judge_overlay *ret_overlay,
                             struct proxy_policy_decision *ret_decision)
{
    struct proxy_policy_judge_overlay generous = {0}, narrow = {0};
    struct proxy_policy_decision second;
    bool differ = false;

    for (const struct proxy_policy_section *section = policy->sections; section != NULL;
         section = section->next) {
        struct proxy_section_match match = proxy_section_matches(&section->pattern, target);

        if (match.is_unknown) {
            refuse_unknown(section, ret_decision);
            return;
        }
        if (match.generous) {
            proxy_policy_judge_lay(&generous, section, match.names_host);
        }
        if (match.narrow) {
            proxy_policy_judge_lay(&narrow, section, match.names_host);
        }
        differ = differ || match.generous != match.narrow;
    }
    proxy_policy_judge(&generous, query, ret_decision);
    *ret_overlay = generous;
    if (differ) {
        proxy_policy_judge(&narrow, query, &second);
        if (second.verdict >= ret_decision->verdict) {
            *ret_decision = second;
            *ret_overlay = narrow;
            ret_overlay->is_narrow = true;
        }
    }
}

enum err proxy_policy_judge_request(const struct proxy_policy *policy,
                                    const struct proxy_policy_query *query,
                                    struct proxy_policy_judge_overlay *ret_overlay,
                                    struct proxy_policy_decision *ret_decision)
{
    struct proxy_section_target target;

    *ret_overlay = (struct proxy_policy_judge_overlay){0};
    if (is_for_all(policy)) {
        judge_for_all(policy, query, ret_overlay, ret_decision);
        return OK;
    }
    TRY(proxy_section_target_init(&target, &query->url));
    judge_for_target(policy, query, &target, ret_overlay, ret_decision);
    proxy_section_target_fini(&target);
    return OK;
}
