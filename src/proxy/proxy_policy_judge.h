/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The sections that a request falls under, laid over each other, and what they come to. Inside
 * of proxy_policy: whoever wants a decision asks proxy_policy_decide().
 */
#pragma once

#include "proxy/proxy_policy.h"

/** Which section speaks for what; NULL: none does. All borrowed from the policy. */
struct proxy_policy_judge_overlay {
    const struct proxy_policy_section *access;
    const struct proxy_policy_section *require;
    const struct proxy_policy_section *auth_type;
    const struct proxy_policy_section *realm;
    const struct proxy_policy_section *users;
    const struct proxy_policy_section *groups;
    bool access_names_host; /* that section is for the very host that is asked for */
    bool require_names_host;
    bool is_narrow; /* the narrow reading of the sections decided (proxy_section.h) */
};

/** Lays a section on top. */
void proxy_policy_judge_lay(struct proxy_policy_judge_overlay *overlay,
                            const struct proxy_policy_section *section, bool names_host);

/** What the rules of that overlay may ask about. Borrows from both. */
struct proxy_policy_rule_facts proxy_policy_judge_facts(
    const struct proxy_policy_judge_overlay *overlay, const struct proxy_policy_query *query);

/** Both families, summed up. */
void proxy_policy_judge(const struct proxy_policy_judge_overlay *overlay,
                        const struct proxy_policy_query *query,
                        struct proxy_policy_decision *ret_decision);

/** Lays over each other what the request falls under, by both readings, and takes the stricter
 *  verdict; *ret_overlay is the reading that gave it. ERR_NOMEM. */
must_check enum err proxy_policy_judge_request(const struct proxy_policy *policy,
                                               const struct proxy_policy_query *query,
                                               struct proxy_policy_judge_overlay *ret_overlay,
                                               struct proxy_policy_decision *ret_decision);
