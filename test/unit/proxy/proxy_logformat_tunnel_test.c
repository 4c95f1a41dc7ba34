/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_logformat_tunnel.h"

#include "unit/proxy/logformat_sample.h"

static void the_tunnel_is_told(void **state)
{
    struct proxy_accesslog_entry entry = sample_entry();

    (void)state;
    assert_line("%{tunnel}x %{bytes-up}x %{bytes-down}x %{closer}x", &entry,
                "websocket 812 4410 server");
    assert_line("%{upstream}x %{parent}x %{error}x %{why}x", &entry,
                "[::1]:9000 parent.test:3128 connection_terminated connection reset");
}

static void what_was_in_it_is_told(void **state)
{
    struct proxy_accesslog_entry entry = sample_entry();

    (void)state;
    assert_line("%{ws-path}x %{ws-protocol}x %{ws-compression}x %{ws-lost}x", &entry,
                "/chat?room=1 v12.stomp permessage-deflate sent garbage");
    assert_line("%{ws-messages-up}x %{ws-messages-down}x %{ws-bytes-up}x %{ws-bytes-down}x",
                &entry, "7 9 500 4000");
    assert_line("%{WS-Close}x %{ws-closer}x", &entry, "1001 client");
}

static void where_a_diverted_client_was_going_is_told(void **state)
{
    struct proxy_accesslog_entry entry = {
        .status = 200, .sni = SPAN_INIT("a.test"), .alpn = SPAN_INIT("h2,http/1.1")};

    (void)state;
    assert_line("%{diverted}x %{sni}x %{alpn}x", &entry, "- a.test h2,http/1.1");
    assert_line("%{known}x", &entry, " ms=0"); /* not diverted */
    assert_true(addr_parse(SPAN("2001:db8::7"), 443, &entry.diverted));
    assert_line("%{diverted}x", &entry, "[2001:db8::7]:443");
    assert_line("%{known}x", &entry,
                " ms=0 diverted=[2001:db8::7]:443 sni=a.test alpn=\"h2,http/1.1\"");
    entry.alpn = SPAN("a\"b");
    assert_line("%{known}x", &entry,
                " ms=0 diverted=[2001:db8::7]:443 sni=a.test alpn=\"a\\\"b\"");
}

static void what_is_not_known_is_a_dash(void **state)
{
    const struct proxy_accesslog_entry entry = {.status = 200};

    (void)state;
    assert_line("%{tunnel}x %{bytes-up}x %{upstream}x %{parent}x %{error}x %{why}x", &entry,
                "- 0 - - - -");
    assert_line("%{ws-path}x %{ws-protocol}x %{ws-messages-up}x %{ws-bytes-down}x", &entry,
                "- - - -");
    assert_line("%{ws-close}x %{ws-closer}x %{ws-compression}x %{ws-lost}x", &entry, "- - - -");
    assert_line("%{diverted}x %{sni}x %{alpn}x", &entry, "- - -");
    assert_null(proxy_logformat_tunnel_find(SPAN("nothing")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_tunnel_is_told),
        cmocka_unit_test(what_was_in_it_is_told),
        cmocka_unit_test(where_a_diverted_client_was_going_is_told),
        cmocka_unit_test(what_is_not_known_is_a_dash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
