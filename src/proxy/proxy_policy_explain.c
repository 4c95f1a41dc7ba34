/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_policy_explain.h"

#include "proxy/proxy_policy_judge.h"

/* ---- sections ---- */

static const char *match_text(const struct proxy_section_match *match, bool is_narrow)
{
    if (match->is_unknown) {
        return "costs too much to tell";
    }
    if (match->generous == match->narrow) {
        return match->narrow ? "applies" : "does not apply";
    }
    return is_narrow ? "applies to other ways of writing this address only, and is left out "
                       "because that is stricter"
                     : "applies to some way of writing this address, and counts because that "
                       "is stricter";
}

static enum err explain_sections(const struct proxy_policy *policy,
                                 const struct proxy_section_target *target, bool is_narrow,
                                 struct buf *out)
{
    if (policy->sections == NULL) {
        return buf_printf(out, "There is no <Proxy> section.\n");
    }
    for (const struct proxy_policy_section *section = policy->sections; section != NULL;
         section = section->next) {
        struct proxy_section_match match = proxy_section_matches(&section->pattern, target);
        bool is_regex = section->pattern.kind == PROXY_SECTION_REGEX;

        TRY(buf_printf(out, "  %s:%u: <Proxy%s %.*s> %s\n", section->file, section->line,
                       is_regex ? "Match" : "", SPAN_ARG(section->pattern.written),
                       match_text(&match, is_narrow)));
    }
    return OK;
}

/* ---- rules ---- */

static const char *outcome_text(enum proxy_policy_rule_outcome one)
{
    switch (one) {
    case PROXY_POLICY_RULE_GRANTED: return "grants";
    case PROXY_POLICY_RULE_DENIED: return "does not grant";
    case PROXY_POLICY_RULE_NEUTRAL: return "has nothing against it";
    case PROXY_POLICY_RULE_NEEDS_USER: return "needs a login";
    case PROXY_POLICY_RULE_NEEDS_NAME: return "depends on the client's host name";
    }
    return "";
}

static const char *list_text(enum proxy_policy_rule_outcome one)
{
    return one == PROXY_POLICY_RULE_GRANTED ? "names the client"
           : one == PROXY_POLICY_RULE_DENIED
               ? "does not name the client"
               : "may name the client: it depends on its host name";
}

static enum err explain_list(const char *directive, const struct proxy_policy_rule *list,
                             const struct proxy_policy_rule_facts *facts, struct buf *out)
{
    for (const struct proxy_policy_rule *rule = list; rule != NULL; rule = rule->next) {
        TRY(buf_printf(out, "  %s:%u: %s from %.*s: %s\n", rule->file, rule->line, directive,
                       SPAN_ARG(rule->word),
                       list_text(proxy_policy_rule_judge(rule, facts, NULL))));
    }
    return OK;
}

static enum err explain_access(const struct proxy_policy_section *section,
                               const struct proxy_policy_rule_facts *facts, struct buf *out)
{
    unsigned line = section->order_line != 0 ? section->order_line : section->line;

    TRY(buf_printf(out, "Order, Allow and Deny are those of %s:%u\n", section->file,
                   section->line));
    TRY(buf_printf(out, "  %s:%u: %s\n", section->file, line,
                   section->deny_first
                       ? "Order deny,allow: Allow has the last word, and whom neither names is "
                         "let in"
                       : "Order allow,deny: Deny has the last word, and whom neither names is "
                         "refused"));
    TRY(explain_list("Deny", section->deny, facts, out));
    TRY(explain_list("Allow", section->allow, facts, out));
    if (section->satisfy_any) {
        TRY(buf_printf(out, "  %s:%u: Satisfy any: passing these, or Require, is enough\n",
                       section->file, section->satisfy_line));
    }
    return OK;
}

static enum err explain_rule(const struct proxy_policy_rule *rule,
                             const struct proxy_policy_rule_facts *facts, int depth,
                             struct buf *out)
{
    const char *what = outcome_text(proxy_policy_rule_judge(rule, facts, NULL));

    if (rule->title.len == 0) {
        return OK; /* a word: its line speaks for it */
    }
    if (rule->is_negated &&
        proxy_policy_rule_judge(rule, facts, NULL) == PROXY_POLICY_RULE_DENIED) {
        what = "refuses";
    }
    TRY(buf_printf(out, "%*s%s:%u: %.*s: %s\n", 2 * depth, "", rule->file, rule->line,
                   SPAN_ARG(rule->title), what));
    for (const struct proxy_policy_rule *child = rule->children; child != NULL;
         child = child->next) {
        TRY(explain_rule(child, facts, depth + 1, out));
    }
    return OK;
}

static enum err explain_require(const struct proxy_policy_section *section,
                                const struct proxy_policy_rule_facts *facts, struct buf *out)
{
    TRY(buf_printf(out, "Require is that of %s:%u; one of these is enough\n", section->file,
                   section->line));
    for (const struct proxy_policy_rule *child = section->require->children; child != NULL;
         child = child->next) {
        TRY(explain_rule(child, facts, 1, out));
    }
    return OK;
}

/* ---- the end of it ---- */

static enum err explain_decision(const struct proxy_policy_decision *decision, struct buf *out)
{
    switch (decision->verdict) {
    case PROXY_POLICY_ALLOW: return buf_printf(out, "The rules let it pass.\n");
    case PROXY_POLICY_NEEDS_NAME:
        return buf_printf(out, "It depends on the client's host name, which is looked up in "
                               "both directions.\n");
    case PROXY_POLICY_LOGIN:
        return buf_printf(out, "%s:%u asks for a login (407): %s; the users are those of %s.\n",
                          decision->file, decision->line, decision->sentence,
                          decision->users->file);
    case PROXY_POLICY_DENY:
        return buf_printf(out, "%s:%u refuses it (403): %s.\n", decision->file, decision->line,
                          decision->sentence);
    }
    return OK;
}

static enum err explain(const struct proxy_policy *policy,
                        const struct proxy_policy_query *query,
                        const struct proxy_section_target *target, struct buf *out)
{
    struct proxy_policy_judge_overlay overlay;
    struct proxy_policy_decision decision;
    struct proxy_policy_rule_facts facts;

    TRY(proxy_policy_judge_request(policy, query, &overlay, &decision));
    facts = proxy_policy_judge_facts(&overlay, query);
    TRY(explain_sections(policy, target, overlay.is_narrow, out));
    if (overlay.access != NULL) {
        TRY(explain_access(overlay.access, &facts, out));
    }
    if (overlay.require != NULL) {
        TRY(explain_require(overlay.require, &facts, out));
    }
    if (overlay.access == NULL && overlay.require == NULL && overlay.auth_type == NULL) {
        TRY(buf_printf(out, "No rule says who may use the proxy, so everybody may.\n"));
    }
    return explain_decision(&decision, out);
}

enum err proxy_policy_explain(const struct proxy_policy *policy,
                              const struct proxy_policy_query *query, struct buf *out)
{
    struct proxy_section_target target;
    enum err e;

    TRY(proxy_section_target_init(&target, &query->url));
    e = explain(policy, query, &target, out);
    proxy_section_target_fini(&target);
    return e;
}
