/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_host.h"

#include "lib/testing.h"

static const struct realm_conf unnamed;
static struct span names[] = {SPAN_INIT("realm.example"), SPAN_INIT("*.realms.example")};
static const struct realm_conf named = {.hosts = names, .host_count = 2};

static enum realm_host_verdict judge(const struct realm_conf *conf, const char *host,
                                     enum realm_host_way way)
{
    struct http1_authority authority;
    enum http1_fault fault;

    assert_ok(http1_authority_read(span_str(host), &authority, &fault));
    return realm_host_judge(conf, &authority, way);
}

static void what_no_dns_can_turn_is_known_everywhere(void **state)
{
    static const char *const hosts[] = {
        "127.0.0.1:9000", "10.0.0.5",   "[::1]:9000",    "localhost",
        "LocalHost:9000", "localhost.", "app.localhost",
    };

    (void)state;
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        assert_int_equal(judge(&unnamed, hosts[i], REALM_HOST_OVER_LOOPBACK), REALM_HOST_KNOWN);
        assert_int_equal(judge(&named, hosts[i], REALM_HOST_OVER_NETWORK), REALM_HOST_KNOWN);
    }
}

static void over_loopback_other_names_are_strange(void **state)
{
    (void)state;
    assert_int_equal(judge(&unnamed, "evil.example:9000", REALM_HOST_OVER_LOOPBACK),
                     REALM_HOST_STRANGE);
    assert_int_equal(judge(&unnamed, "localhost.evil.example", REALM_HOST_OVER_LOOPBACK),
                     REALM_HOST_STRANGE);
    assert_int_equal(judge(&unnamed, "notlocalhost", REALM_HOST_OVER_LOOPBACK),
                     REALM_HOST_STRANGE);
}

static void where_nobody_named_it_the_network_may_call_it_anything(void **state)
{
    (void)state;
    assert_int_equal(judge(&unnamed, "evil.example:9000", REALM_HOST_OVER_NETWORK),
                     REALM_HOST_UNSURE);
}

static void once_it_is_named_nothing_else_is_its_name(void **state)
{
    static const enum realm_host_way ways[] = {REALM_HOST_OVER_NETWORK,
                                               REALM_HOST_OVER_LOOPBACK};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(judge(&named, "Realm.Example:9000", ways[i]), REALM_HOST_KNOWN);
        assert_int_equal(judge(&named, "realm.example.", ways[i]), REALM_HOST_KNOWN);
        assert_int_equal(judge(&named, "eu.realms.example", ways[i]), REALM_HOST_KNOWN);
        assert_int_equal(judge(&named, "realms.example", ways[i]), REALM_HOST_STRANGE);
        assert_int_equal(judge(&named, "realm.example.evil", ways[i]), REALM_HOST_STRANGE);
    }
}

static void a_certificate_says_the_name_itself(void **state)
{
    (void)state;
    assert_int_equal(judge(&unnamed, "any.example", REALM_HOST_OVER_TLS), REALM_HOST_KNOWN);
    assert_int_equal(judge(&named, "any.example", REALM_HOST_OVER_TLS), REALM_HOST_KNOWN);
}

static void no_host_at_all_is_no_browser(void **state)
{
    const struct http1_authority none = {0};

    (void)state;
    assert_int_equal(realm_host_judge(&named, &none, REALM_HOST_OVER_LOOPBACK),
                     REALM_HOST_KNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_no_dns_can_turn_is_known_everywhere),
        cmocka_unit_test(over_loopback_other_names_are_strange),
        cmocka_unit_test(where_nobody_named_it_the_network_may_call_it_anything),
        cmocka_unit_test(once_it_is_named_nothing_else_is_its_name),
        cmocka_unit_test(a_certificate_says_the_name_itself),
        cmocka_unit_test(no_host_at_all_is_no_browser),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
