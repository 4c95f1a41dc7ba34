/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What a diverted client claims about where it goes: it can narrow what it may do, never open
 * it.
 */
#include "proxy/proxy_policy.h"

#include "lib/oom.h"
#include "policy_fixture.h"

#define ADDRESS "192.0.2.7"

static struct proxy_policy_query query_for(const char *scheme, const char *host)
{
    struct proxy_policy_query query = {
        .name_is_known = true,
        .method = span_str(scheme[0] == '\0' ? "CONNECT" : "GET"),
        .url = {.scheme = span_str(scheme),
                .host = span_str(host),
                .port = scheme[0] == '\0' ? 443 : 80,
                .path = span_str(scheme[0] == '\0' ? "" : "/a")},
    };

    assert_true(addr_parse(SPAN("10.0.0.5"), 50000, &query.client.addr));
    assert_true(addr_parse(SPAN("10.0.0.9"), 3129, &query.client.local));
    return query;
}

static struct proxy_policy_decision decide(const char *rules, const char *scheme,
                                           const char *host)
{
    struct policy_fixture fixture;
    const struct proxy_policy_query query = query_for(scheme, host);
    struct proxy_policy_decision decision;

    assert_ok(policy_fixture_init(&fixture, rules, "p.conf"));
    assert_ok(proxy_policy_decide_claimed(&fixture.policy, &query, SPAN(ADDRESS), &decision));
    policy_fixture_fini(&fixture);
    return decision;
}

#define ALL(what)          "<Proxy *>\nRequire all " what "\n</Proxy>\n"
#define ONE(pattern, what) "<Proxy " pattern ">\nRequire all " what "\n</Proxy>\n"

static const struct {
    const char *rules;
    const char *scheme; /* empty: a tunnel */
    const char *host;
    enum proxy_policy_verdict verdict;
} rows[] = {
    /* the name opens nothing */
    {ALL("denied") ONE("good.test:443", "granted"), "", "good.test", PROXY_POLICY_DENY},
    {ALL("denied") ONE("http://good.test/", "granted"), "http", "good.test", PROXY_POLICY_DENY},
    /* nor does the address, where the name is refused */
    {ALL("granted") ONE("bad.test:443", "denied"), "", "bad.test", PROXY_POLICY_DENY},
    {ALL("granted") ONE("http://bad.test/", "denied"), "http", "bad.test", PROXY_POLICY_DENY},
    {ALL("granted") ONE("bad.test:443", "denied"), "", "good.test", PROXY_POLICY_ALLOW},
    /* the address is refused whatever the name says */
    {ALL("granted") ONE(ADDRESS ":443", "denied"), "", "good.test", PROXY_POLICY_DENY},
    {ALL("granted") ONE("http://" ADDRESS "/", "denied"), "http", "good.test",
     PROXY_POLICY_DENY},
    /* both let it in */
    {ALL("denied") ONE(ADDRESS ":443", "granted") ONE("good.test:443", "granted"), "",
     "good.test", PROXY_POLICY_ALLOW},
    {ALL("denied") ONE(ADDRESS ":443", "granted"), "", "good.test", PROXY_POLICY_DENY},
    /* paths are the request's in both readings */
    {ALL("granted") ONE("http://" ADDRESS "/a", "denied"), "http", "good.test",
     PROXY_POLICY_DENY},
    {ALL("granted") ONE("http://" ADDRESS "/b", "denied"), "http", "good.test",
     PROXY_POLICY_ALLOW},
};

static void the_stricter_verdict_holds(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct proxy_policy_decision decision =
            decide(rows[i].rules, rows[i].scheme, rows[i].host);

        if (decision.verdict != rows[i].verdict) {
            fail_msg("row %zu: verdict %d, %s", i, decision.verdict, decision.sentence);
        }
    }
}

static void a_client_name_that_either_needs_is_asked_for_first(void **state)
{
    struct policy_fixture fixture;
    struct proxy_policy_query query = query_for("", "good.test");
    struct proxy_policy_decision decision;

    (void)state;
    query.name_is_known = false;
    assert_ok(policy_fixture_init(&fixture,
                                  ALL("granted") "<Proxy " ADDRESS ":443>\nRequire host "
                                                 "desk.test\n</Proxy>\n",
                                  "p.conf"));
    assert_ok(proxy_policy_decide_claimed(&fixture.policy, &query, SPAN(ADDRESS), &decision));
    assert_int_equal(decision.verdict, PROXY_POLICY_NEEDS_NAME);
    policy_fixture_fini(&fixture);
}

/* The waiver for loopback and its like is only for a host that stands in the file. */
static void only_a_section_for_the_address_waives_more(void **state)
{
    (void)state;
    assert_true(decide(ALL("granted") ONE(ADDRESS ":443", "granted"), "", "good.test")
                    .names_destination);
    assert_false(decide(ALL("granted") ONE("good.test:443", "granted"), "", "good.test")
                     .names_destination);
    assert_false(decide(ALL("granted"), "", "good.test").names_destination);
}

static void decide_once(void)
{
    struct policy_fixture fixture;
    const struct proxy_policy_query query = query_for("http", "good.test");
    struct proxy_policy_decision decision;

    if (policy_fixture_init(&fixture, ALL("granted") ONE("http://bad.test/", "denied"),
                            "p.conf") == OK) {
        enum err e =
            proxy_policy_decide_claimed(&fixture.policy, &query, SPAN(ADDRESS), &decision);

        assert_int_equal(e, oom_has_struck() ? ERR_NOMEM : OK);
    }
    policy_fixture_fini(&fixture);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(decide_once);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_stricter_verdict_holds),
        cmocka_unit_test(a_client_name_that_either_needs_is_asked_for_first),
        cmocka_unit_test(only_a_section_for_the_address_waives_more),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
