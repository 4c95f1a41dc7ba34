/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_origin.h"

#include "lib/testing.h"

static struct realm_conf_interface interfaces[2];
static struct http1_origin listed[1];

static enum realm_host_verdict naming = REALM_HOST_KNOWN;

static enum realm_origin_verdict judge(const char *host, const char *origin, bool any)
{
    struct realm_conf conf = {.interfaces = interfaces,
                              .interface_count = 2,
                              .origins = listed,
                              .origin_count = 1,
                              .any_origin = any};
    const struct http1_field field = {SPAN("Origin"), span_str(origin)};
    const struct http1_fields fields = {&field, origin != NULL};
    struct http1_authority authority;
    enum http1_fault fault;
    struct span seen;

    assert_true(addr_parse(SPAN("0.0.0.0"), 9000, &interfaces[0].addr));
    assert_true(addr_parse(SPAN("0.0.0.0"), 9443, &interfaces[1].addr));
    assert_ok(http1_origin_read(SPAN("https://app.example"), &listed[0], &fault));
    assert_ok(http1_authority_read(span_str(host), &authority, &fault));
    return realm_origin_judge(&conf, &authority, naming, fields, &seen);
}

static void who_sends_no_origin_is_no_browser(void **state)
{
    (void)state;
    assert_int_equal(judge("realm.example:9000", NULL, false), REALM_ORIGIN_ABSENT);
}

static void pages_of_the_realm_itself_may(void **state)
{
    (void)state;
    assert_int_equal(judge("realm.example:9000", "http://realm.example:9000", false),
                     REALM_ORIGIN_OWN);
    assert_int_equal(judge("realm.example:9000", "https://Realm.Example:9443", false),
                     REALM_ORIGIN_OWN); /* another interface */
    assert_int_equal(judge("realm.example", "https://realm.example", false),
                     REALM_ORIGIN_OWN); /* behind a reverse proxy */
    assert_int_equal(judge("[::1]:9000", "http://[::1]:9000", false), REALM_ORIGIN_OWN);
}

static void other_pages_may_not(void **state)
{
    static const char *const foreign[] = {
        "http://realm.example",      "http://realm.example:8080",
        "http://evil.example:9000",  "https://app.example:444",
        "http://app.example",        "null",
        "http://realm.example.evil", "file://",
    };

    (void)state;
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++) {
        assert_false(realm_origin_may(judge("realm.example:9000", foreign[i], false)));
    }
}

static void listed_pages_may_and_with_a_star_all(void **state)
{
    (void)state;
    assert_int_equal(judge("r:9000", "https://app.example", false), REALM_ORIGIN_LISTED);
    assert_int_equal(judge("r:9000", "https://app.example:443", false), REALM_ORIGIN_LISTED);
    assert_int_equal(judge("r:9000", "http://any.example", true), REALM_ORIGIN_LISTED);
    assert_int_equal(judge("r:9000", "null", true), REALM_ORIGIN_LISTED);
}

static void a_page_of_a_name_that_nobody_gave_the_realm_is_not_its_own(void **state)
{
    (void)state;
    naming = REALM_HOST_UNSURE;
    assert_int_equal(judge("evil.example:9000", "http://evil.example:9000", false),
                     REALM_ORIGIN_UNNAMED);
    assert_false(realm_origin_may(REALM_ORIGIN_UNNAMED));
    assert_int_equal(judge("evil.example:9000", "http://other.example:9000", false),
                     REALM_ORIGIN_FOREIGN);
    assert_int_equal(judge("app.example", "https://app.example", false), REALM_ORIGIN_LISTED);
    assert_int_equal(judge("evil.example:9000", NULL, false), REALM_ORIGIN_ABSENT);
    naming = REALM_HOST_KNOWN;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_sends_no_origin_is_no_browser),
        cmocka_unit_test(pages_of_the_realm_itself_may),
        cmocka_unit_test(other_pages_may_not),
        cmocka_unit_test(listed_pages_may_and_with_a_star_all),
        cmocka_unit_test(a_page_of_a_name_that_nobody_gave_the_realm_is_not_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
