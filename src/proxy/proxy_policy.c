/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_policy.h"

#include "proxy/proxy_policy_judge.h"

enum err proxy_policy_decide(const struct proxy_policy *policy,
                             const struct proxy_policy_query *query,
                             struct proxy_policy_decision *ret_decision)
{
    struct proxy_policy_judge_overlay overlay;

    return proxy_policy_judge_request(policy, query, &overlay, ret_decision);
}

enum err proxy_policy_decide_claimed(const struct proxy_policy *policy,
                                     const struct proxy_policy_query *query,
                                     struct span address,
                                     struct proxy_policy_decision *ret_decision)
{
    struct proxy_policy_query by_address = *query;
    struct proxy_policy_decision named, addressed;

    by_address.url.host = address;
    TRY(proxy_policy_decide(policy, query, &named));
    TRY(proxy_policy_decide(policy, &by_address, &addressed));
    /* Where both let it in, only a section that names the address itself may waive more. */
    *ret_decision = addressed.verdict >= named.verdict ? addressed : named;
    return OK;
}

/* ---- strangers ---- */

static enum err lets_in(const struct proxy_policy *policy, struct proxy_policy_query *query,
                        bool *ret_yes)
{
    static const char *const hosts[] = {"stranger.invalid", "stranger.com", "stranger.org",
                                        "192.0.2.1", "2001:db8::1"};
    static const struct {
        const char *method, *scheme;
        uint16_t port;
    } wishes[] = {
        {"CONNECT", "", 443},   {"CONNECT", "", 80},   {"CONNECT", "", 9000},
        {"CONNECT", "", 563},   {"CONNECT", "", 8080}, {"GET", "http", 80},
        {"GET", "http", 9000},  {"POST", "http", 80},  {"OPTIONS", "http", 80},
        {"DELETE", "http", 80}, {"GET", "ws", 80},     {"GET", "ws", 9000},
        {"GET", "https", 443},
    };

    for (size_t i = 0; i < sizeof wishes / sizeof wishes[0]; i++) {
        for (size_t k = 0; k < sizeof hosts / sizeof hosts[0]; k++) {
            struct proxy_policy_decision decision;

            query->method = span_str(wishes[i].method);
            query->url = (struct proxy_section_url){.scheme = span_str(wishes[i].scheme),
                                                    .host = span_str(hosts[k]),
                                                    .port = wishes[i].port,
                                                    .path = SPAN("/")};
            TRY(proxy_policy_decide(policy, query, &decision));
            if (decision.verdict == PROXY_POLICY_ALLOW) {
                *ret_yes = true;
                return OK;
            }
        }
    }
    return OK;
}

bool proxy_policy_admits_strangers(const struct proxy_policy *policy, int family)
{
    /* Addresses that nobody has, far apart: whoever lets one of them in did not restrict. */
    static const struct {
        int family;
        const char *text;
    } strangers[] = {
        {AF_INET, "0.255.255.254"}, /* RFC 1122 3.2.1.3: "this network" */
        {AF_INET, "192.0.0.8"},     /* RFC 7600: the dummy address */
        {AF_INET, "240.0.0.1"},     /* RFC 1112 4: reserved */
        {AF_INET6, "100::1"},       /* RFC 6666: discard only */
        {AF_INET6, "5f00::1"},      /* RFC 9602: segment identifiers */
        {AF_INET6, "ff0e::1"},      /* RFC 4291 2.7: multicast is no source */
    };
    bool admits = false;

    for (size_t i = 0; i < sizeof strangers / sizeof strangers[0]; i++) {
        struct proxy_policy_query query = {.name_is_known = true};
        bool is_address = addr_parse(span_str(strangers[i].text), 1, &query.client.addr);

        assert(is_address);
        is_address = addr_parse(SPAN("127.0.0.1"), 1, &query.client.local);
        assert(is_address);
        /* Out of memory at start: who cannot tell, must not open. */
        if (strangers[i].family == family &&
            (lets_in(policy, &query, &admits) != OK || admits)) {
            return true;
        }
    }
    return false;
}
