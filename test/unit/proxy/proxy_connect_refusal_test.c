/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_connect_refusal.h"

#include "lib/testing.h"

#include <errno.h>

static const struct proxy_route_parent parent = {.text = SPAN_INIT("http://parent.test:3128"),
                                                 .line = 7};
static const struct proxy_route_parent parent_with_login = {
    .text = SPAN_INIT("http://parent.test:3128"),
    .login = SPAN_INIT("Basic x"),
    .line = 7};

static const struct proxy_connect_refusal_ask direct = {.host = "a.test",
                                                        .port = 443,
                                                        .authority = "a.test:443",
                                                        .timeout = 5000};
static const struct proxy_connect_refusal_ask through = {.parent = &parent,
                                                         .host = "a.test",
                                                         .port = 443,
                                                         .authority = "a.test:443",
                                                         .is_tunnel = true,
                                                         .timeout = 5000};

struct row {
    enum dial_outcome outcome;
    uint16_t status;
    enum http1_proxy_status error;
    const char *text;
};

static void check_dials(const struct proxy_connect_refusal_ask *ask, const struct row *rows,
                        size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct dial_result result = {.outcome = rows[i].outcome, .error = ECONNREFUSED};
        struct proxy_refusal refusal;

        assert_true(addr_parse(SPAN("192.0.2.1"), 443, &result.addr));
        proxy_connect_refusal_undialled(ask, &result, &refusal);
        assert_string_equal(refusal.text, rows[i].text);
        assert_int_equal(refusal.status, rows[i].status);
        assert_int_equal(refusal.error, rows[i].error);
    }
}

static void every_end_of_a_dial_has_its_sentence(void **state)
{
    static const struct row rows[] = {
        {DIAL_NO_NAME, 502, HTTP1_PROXY_STATUS_DNS_ERROR,
         "the name a.test does not exist, as far as this proxy can tell"},
        {DIAL_DNS_FAILED, 502, HTTP1_PROXY_STATUS_DNS_ERROR,
         "the name a.test could not be looked up: this proxy's name servers did not answer"},
        {DIAL_FORBIDDEN, 403, HTTP1_PROXY_STATUS_DESTINATION_IP_PROHIBITED,
         "192.0.2.1:443, the address of a.test, may not be reached through this proxy"},
        {DIAL_REFUSED, 502, HTTP1_PROXY_STATUS_CONNECTION_REFUSED,
         "no connection to a.test: 192.0.2.1:443: Connection refused (is a server "
         "listening on port 443?)"},
        {DIAL_TIMEOUT, 504, HTTP1_PROXY_STATUS_CONNECTION_TIMEOUT,
         "no connection to a.test port 443 within 5000 ms (ProxyTimeout)"},
        {DIAL_NOMEM, 503, HTTP1_PROXY_STATUS_CONNECTION_LIMIT_REACHED,
         "this proxy is out of memory or file descriptors; try again later"},
    };

    (void)state;
    check_dials(&direct, rows, sizeof rows / sizeof rows[0]);
}

static void a_parent_that_cannot_be_reached_is_named(void **state)
{
    static const struct row rows[] = {
        {DIAL_NO_NAME, 502, HTTP1_PROXY_STATUS_DNS_ERROR,
         "the name of the parent proxy http://parent.test:3128 does not exist"},
        {DIAL_DNS_FAILED, 502, HTTP1_PROXY_STATUS_DNS_ERROR,
         "the name of the parent proxy http://parent.test:3128 could not be looked up: this "
         "proxy's name servers did not answer"},
        {DIAL_FORBIDDEN, 502, HTTP1_PROXY_STATUS_CONFIGURATION_ERROR,
         "192.0.2.1:443, the address of the parent proxy http://parent.test:3128, may not be "
         "reached (ProxyRemote, line 7)"},
        {DIAL_REFUSED, 502, HTTP1_PROXY_STATUS_DESTINATION_UNAVAILABLE,
         "no connection to the parent proxy http://parent.test:3128: 192.0.2.1:443: "
         "Connection refused"},
        {DIAL_TIMEOUT, 504, HTTP1_PROXY_STATUS_CONNECTION_TIMEOUT,
         "no connection to the parent proxy http://parent.test:3128 within 5000 ms "
         "(ProxyTimeout)"},
        {DIAL_NOMEM, 503, HTTP1_PROXY_STATUS_CONNECTION_LIMIT_REACHED,
         "this proxy is out of memory or file descriptors; try again later"},
    };

    (void)state;
    check_dials(&through, rows, sizeof rows / sizeof rows[0]);
}

struct answer {
    uint16_t theirs;
    uint16_t ours;
    enum http1_proxy_status error;
};

static void a_parents_status_stays_where_it_has_a_sense(void **state)
{
    static const struct answer answers[] = {
        {403, 403, HTTP1_PROXY_STATUS_REQUEST_DENIED},
        {404, 404, HTTP1_PROXY_STATUS_REQUEST_DENIED},
        {429, 429, HTTP1_PROXY_STATUS_REQUEST_DENIED},
        {500, 500, HTTP1_PROXY_STATUS_DESTINATION_UNAVAILABLE},
        {502, 502, HTTP1_PROXY_STATUS_DESTINATION_UNAVAILABLE},
        {503, 503, HTTP1_PROXY_STATUS_DESTINATION_UNAVAILABLE},
        {504, 504, HTTP1_PROXY_STATUS_CONNECTION_TIMEOUT},
        {408, 504, HTTP1_PROXY_STATUS_CONNECTION_TIMEOUT},
        {401, 502, HTTP1_PROXY_STATUS_DESTINATION_UNAVAILABLE},
        {302, 502, HTTP1_PROXY_STATUS_DESTINATION_UNAVAILABLE},
        {101, 502, HTTP1_PROXY_STATUS_DESTINATION_UNAVAILABLE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        const struct http1_head head = {.status = answers[i].theirs};
        struct proxy_refusal refusal;

        proxy_connect_refusal_answered(&through, &head, "proxy answered 403 Forbidden",
                                       &refusal);
        assert_int_equal(refusal.status, answers[i].ours);
        assert_int_equal(refusal.error, answers[i].error);
        assert_string_equal(refusal.text, "the parent proxy answered 403 Forbidden (it is "
                                          "http://parent.test:3128, asked for a.test:443)");
    }
}

static struct proxy_refusal wants_login(const struct proxy_route_parent *whose, bool keeps,
                                        const char *first, const char *second)
{
    const struct http1_field fields[] = {
        {SPAN("Proxy-Authenticate"), span_str(first)},
        {SPAN("Content-Length"), SPAN("0")},
        {SPAN("proxy-authenticate"), span_str(second)},
    };
    const struct http1_head head = {.status = 407, .fields = {fields, first == NULL ? 2 : 3}};
    struct proxy_connect_refusal_ask ask = through;
    struct proxy_refusal refusal;

    ask.parent = whose;
    ask.keeps_login = keeps;
    proxy_connect_refusal_answered(&ask, &head, "unused", &refusal);
    return refusal;
}

static void a_407_goes_only_to_who_can_answer_it(void **state)
{
    struct proxy_refusal refusal;

    (void)state;
    refusal = wants_login(&parent, true, "Digest realm=\"a\"", "Basic");
    assert_int_equal(refusal.status, 407);
    assert_string_equal(refusal.text, "the parent proxy http://parent.test:3128 asks for a "
                                      "login (Digest, Basic)");
    refusal = wants_login(&parent, false, "Basic realm=\"a\"", "");
    assert_int_equal(refusal.status, 502);
    assert_string_equal(refusal.text,
                        "the parent proxy http://parent.test:3128 asks this proxy for a login "
                        "(407, Basic: write user:password@ into ProxyRemote, line 7)");
    refusal = wants_login(&parent_with_login, true, "Digest a", "Negotiate");
    assert_int_equal(refusal.status, 502);
    assert_int_equal(refusal.error, HTTP1_PROXY_STATUS_CONFIGURATION_ERROR);
    assert_string_equal(
        refusal.text,
        "the parent proxy http://parent.test:3128 does not take this proxy's login "
        "(407; it wants Digest, Negotiate, and Basic was sent: see ProxyRemote, "
        "line 7)");
    refusal = wants_login(&parent, true, NULL, "");
    assert_int_equal(refusal.status, 502);
    assert_string_equal(refusal.text, "the parent proxy http://parent.test:3128 asks for a "
                                      "login (407) and does not say of which kind");
}

static void a_parent_may_offer_more_than_a_sentence_holds(void **state)
{
    static char many[400];
    struct proxy_refusal refusal;

    (void)state;
    memset(many, 'x', sizeof many - 1);
    refusal = wants_login(&parent, true, many, many);
    assert_int_equal(refusal.status, 407);
    assert_true(strlen(refusal.text) < 200);
}

static void other_failures_are_told_by_their_why(void **state)
{
    struct proxy_refusal refusal;

    (void)state;
    proxy_connect_refusal_broken(&through, "proxy hung up", &refusal);
    assert_int_equal(refusal.status, 502);
    assert_string_equal(refusal.text,
                        "the parent proxy http://parent.test:3128 did not do what "
                        "was asked of it: proxy hung up");
    proxy_connect_refusal_late(&through, &refusal);
    assert_int_equal(refusal.status, 504);
    assert_string_equal(refusal.text, "the parent proxy http://parent.test:3128 did not open a "
                                      "tunnel to a.test:443 within 5000 ms (ProxyTimeout)");
}

static void a_foreign_address_without_the_capability_has_a_sentence(void **state)
{
    struct proxy_connect_refusal_ask ask = direct;
    const struct dial_result result = {.outcome = DIAL_REFUSED, .error = EPERM};
    struct proxy_refusal refusal;

    (void)state;
    ask.has_source = true;
    proxy_connect_refusal_undialled(&ask, &result, &refusal);
    assert_int_equal(refusal.status, 502);
    assert_string_equal(refusal.text,
                        "no connection to a.test: this proxy may not use the client's address "
                        "(TransparentSource client needs CAP_NET_RAW)");
    ask.has_source = false; /* a firewall of our own says EPERM, too */
    proxy_connect_refusal_undialled(&ask, &result, &refusal);
    assert_null(strstr(refusal.text, "TransparentSource"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_foreign_address_without_the_capability_has_a_sentence),
        cmocka_unit_test(every_end_of_a_dial_has_its_sentence),
        cmocka_unit_test(a_parent_that_cannot_be_reached_is_named),
        cmocka_unit_test(a_parents_status_stays_where_it_has_a_sense),
        cmocka_unit_test(a_407_goes_only_to_who_can_answer_it),
        cmocka_unit_test(a_parent_may_offer_more_than_a_sentence_holds),
        cmocka_unit_test(other_failures_are_told_by_their_why),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
