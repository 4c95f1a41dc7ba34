/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_policy_rule.h"

static enum proxy_policy_rule_outcome granted_if(bool holds)
{
    return holds ? PROXY_POLICY_RULE_GRANTED : PROXY_POLICY_RULE_DENIED;
}

/* By whole labels: "ample.test" is not in "example.test". A final dot is the root's. */
static bool name_is_within(struct span name, struct span host)
{
    if (name.len > 0 && name.ptr[name.len - 1] == '.') {
        name.len--;
    }
    if (name.len < host.len || !span_equal_nocase(span_tail(name, name.len - host.len), host)) {
        return false;
    }
    return name.len == host.len || name.ptr[name.len - host.len - 1] == '.';
}

static enum proxy_policy_rule_outcome judge_host(const struct proxy_policy_rule *rule,
                                                 const struct proxy_policy_rule_facts *facts)
{
    if (!facts->name_is_known) {
        return PROXY_POLICY_RULE_NEEDS_NAME;
    }
    return granted_if(name_is_within(facts->name, rule->word));
}

/* A HEAD is a GET without a body, and needs no permission of its own. httpd also lets GET pass
 * where only HEAD is allowed; here it does not. */
static bool method_matches(const struct proxy_policy_rule *rule, struct span method)
{
    return span_equal(method, rule->word) ||
           (span_equals(method, "HEAD") && span_equals(rule->word, "GET"));
}

static bool is_local(const struct proxy_policy_rule_facts *facts)
{
    return addr_is_loopback(facts->client) || addr_same_host(facts->client, facts->local);
}

static enum proxy_policy_rule_outcome judge_user(const struct proxy_policy_rule *rule,
                                                 const struct proxy_policy_rule_facts *facts)
{
    if (facts->user.len == 0) {
        return PROXY_POLICY_RULE_NEEDS_USER;
    }
    if (rule->kind == PROXY_POLICY_RULE_VALID_USER) {
        return PROXY_POLICY_RULE_GRANTED;
    }
    if (rule->kind == PROXY_POLICY_RULE_USER) {
        return granted_if(span_equal(facts->user, rule->word));
    }
    return granted_if(facts->groups != NULL &&
                      htpasswd_groups_has(facts->groups, rule->word, facts->user));
}

/* How much a child of <RequireAny> says against the others, and of <RequireAll>; 0: nothing.
 * What is more to the point stands higher: a name may change anything but a certain answer, and
 * is asked for before a login. */
static int any_weight(enum proxy_policy_rule_outcome one)
{
    switch (one) {
    case PROXY_POLICY_RULE_NEUTRAL: return 0;
    case PROXY_POLICY_RULE_DENIED: return 1;
    case PROXY_POLICY_RULE_NEEDS_USER: return 2;
    case PROXY_POLICY_RULE_NEEDS_NAME: return 3;
    case PROXY_POLICY_RULE_GRANTED: return 4;
    }
    return 0;
}

static int all_weight(enum proxy_policy_rule_outcome one)
{
    switch (one) {
    case PROXY_POLICY_RULE_NEUTRAL: return 0;
    case PROXY_POLICY_RULE_GRANTED: return 1;
    case PROXY_POLICY_RULE_NEEDS_USER: return 2;
    case PROXY_POLICY_RULE_NEEDS_NAME: return 3;
    case PROXY_POLICY_RULE_DENIED: return 4;
    }
    return 0;
}

static enum proxy_policy_rule_outcome judge_children(
    const struct proxy_policy_rule *rule, const struct proxy_policy_rule_facts *facts,
    const struct proxy_policy_rule **ret_decider)
{
    bool is_any = rule->kind == PROXY_POLICY_RULE_ANY_OF;
    enum proxy_policy_rule_outcome sum = PROXY_POLICY_RULE_NEUTRAL;

    for (const struct proxy_policy_rule *child = rule->children; child != NULL;
         child = child->next) {
        const struct proxy_policy_rule *decider = NULL;
        enum proxy_policy_rule_outcome one = proxy_policy_rule_judge(child, facts, &decider);

        if (is_any ? any_weight(one) > any_weight(sum) : all_weight(one) > all_weight(sum)) {
            sum = one;
            *ret_decider = decider;
        }
    }
    return sum;
}

/* A negated rule never grants: it refuses, or has nothing to say. */
static enum proxy_policy_rule_outcome negated(enum proxy_policy_rule_outcome one)
{
    switch (one) {
    case PROXY_POLICY_RULE_GRANTED: return PROXY_POLICY_RULE_DENIED;
    case PROXY_POLICY_RULE_NEEDS_NAME: return PROXY_POLICY_RULE_NEEDS_NAME;
    case PROXY_POLICY_RULE_DENIED:
    case PROXY_POLICY_RULE_NEUTRAL:
    case PROXY_POLICY_RULE_NEEDS_USER: return PROXY_POLICY_RULE_NEUTRAL;
    }
    return PROXY_POLICY_RULE_NEUTRAL;
}

static enum proxy_policy_rule_outcome judge_kind(const struct proxy_policy_rule *rule,
                                                 const struct proxy_policy_rule_facts *facts,
                                                 const struct proxy_policy_rule **ret_decider)
{
    switch (rule->kind) {
    case PROXY_POLICY_RULE_ALL: return PROXY_POLICY_RULE_GRANTED;
    case PROXY_POLICY_RULE_NOBODY: return PROXY_POLICY_RULE_DENIED;
    case PROXY_POLICY_RULE_NET: return granted_if(addr_net_has(&rule->net, facts->client));
    case PROXY_POLICY_RULE_HOST: return judge_host(rule, facts);
    case PROXY_POLICY_RULE_LOCAL: return granted_if(is_local(facts));
    case PROXY_POLICY_RULE_METHOD: return granted_if(method_matches(rule, facts->method));
    case PROXY_POLICY_RULE_USER:
    case PROXY_POLICY_RULE_VALID_USER:
    case PROXY_POLICY_RULE_GROUP: return judge_user(rule, facts);
    case PROXY_POLICY_RULE_ANY_OF:
    case PROXY_POLICY_RULE_ALL_OF: return judge_children(rule, facts, ret_decider);
    }
    return PROXY_POLICY_RULE_DENIED;
}

enum proxy_policy_rule_outcome proxy_policy_rule_judge(
    const struct proxy_policy_rule *rule, const struct proxy_policy_rule_facts *facts,
    const struct proxy_policy_rule **ret_decider)
{
    const struct proxy_policy_rule *decider = rule;
    enum proxy_policy_rule_outcome one = judge_kind(rule, facts, &decider);

    if (ret_decider != NULL) {
        /* The words of a line have no title: the line speaks for them. */
        *ret_decider = decider->title.len > 0 && !rule->is_negated ? decider : rule;
    }
    return rule->is_negated ? negated(one) : one;
}

enum proxy_policy_rule_outcome proxy_policy_rule_judge_list(
    const struct proxy_policy_rule *list, const struct proxy_policy_rule_facts *facts,
    const struct proxy_policy_rule **ret_decider)
{
    enum proxy_policy_rule_outcome sum = PROXY_POLICY_RULE_DENIED;

    for (const struct proxy_policy_rule *rule = list; rule != NULL; rule = rule->next) {
        enum proxy_policy_rule_outcome one = proxy_policy_rule_judge(rule, facts, NULL);

        if (any_weight(one) > any_weight(sum)) {
            sum = one;
            *ret_decider = rule;
        }
    }
    return sum;
}

bool proxy_policy_rule_has(const struct proxy_policy_rule *rule,
                           enum proxy_policy_rule_kind kind)
{
    if (rule->kind == kind) {
        return true;
    }
    for (const struct proxy_policy_rule *child = rule->children; child != NULL;
         child = child->next) {
        if (proxy_policy_rule_has(child, kind)) {
            return true;
        }
    }
    return false;
}
