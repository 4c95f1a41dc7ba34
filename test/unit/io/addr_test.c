/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "io/addr.h"

#include "lib/testing.h"

static struct addr addr_of(const char *text)
{
    struct addr addr;

    if (!addr_parse(span_str(text), 9000, &addr)) {
        fail_msg("\"%s\" is no address", text);
    }
    return addr;
}

static void literals_are_read_and_written(void **state)
{
    static const struct {
        const char *text, *with_port, *host;
    } rows[] = {
        {"127.0.0.1", "127.0.0.1:9000", "127.0.0.1"},
        {"0.0.0.0", "0.0.0.0:9000", "0.0.0.0"},
        {"255.255.255.255", "255.255.255.255:9000", "255.255.255.255"},
        {"::1", "[::1]:9000", "::1"},
        {"[::1]", "[::1]:9000", "::1"},
        {"[2001:DB8:0:0:0:0:0:1]", "[2001:db8::1]:9000", "2001:db8::1"},
        {"::ffff:192.0.2.1", "[::ffff:192.0.2.1]:9000", "::ffff:192.0.2.1"},
        {"2001:db8:1111:2222:3333:4444:5555:6666",
         "[2001:db8:1111:2222:3333:4444:5555:6666]:9000",
         "2001:db8:1111:2222:3333:4444:5555:6666"},
    };
    char room[ADDR_TEXT_BYTES];

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct addr addr = addr_of(rows[i].text);

        assert_string_equal(addr_text(&addr, room), rows[i].with_port);
        assert_string_equal(addr_host_text(&addr, room), rows[i].host);
        assert_int_equal(addr_port(&addr), 9000);
    }
}

static void what_is_no_literal_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "localhost",
        "127.1",
        "127.0.0.1.",
        "127.0.0.01",
        "256.0.0.1",
        "0x7f000001",
        "2130706433",
        " 127.0.0.1",
        "127.0.0.1 ",
        "[127.0.0.1]",
        "[::1",
        "::1]",
        "[]",
        "[[::1]]",
        ":::",
        "::1::",
        "fe80::1%lo",
        "::g",
        "1:2:3:4:5:6:7:8:9",
        "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000",
    };
    struct addr addr = addr_of("192.0.2.7");

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (addr_parse(span_str(texts[i]), 1, &addr)) {
            fail_msg("\"%s\" was taken", texts[i]);
        }
    }
    assert_false(addr_parse(SPAN("127.0.0.1\0x"), 1, &addr));
    assert_int_equal(addr_port(&addr), 9000); /* untouched */
}

static void addresses_are_equal_by_what_they_mean(void **state)
{
    struct addr plain = addr_of("192.0.2.1"), mapped = addr_of("::ffff:192.0.2.1");
    struct addr other = addr_of("192.0.2.2"), v6 = addr_of("::1");
    struct addr unmapped = addr_unmapped(&mapped), nobody = {0};

    (void)state;
    assert_true(addr_equal(&plain, &mapped));
    assert_int_equal(unmapped.sa.any.sa_family, AF_INET);
    assert_int_equal(addr_port(&unmapped), 9000);
    assert_false(addr_equal(&plain, &other));
    assert_false(addr_equal(&plain, &v6));
    addr_set_port(&mapped, 1);
    assert_false(addr_equal(&plain, &mapped));
    assert_true(addr_same_host(&plain, &mapped));
    assert_false(addr_same_host(&plain, &nobody));
    assert_false(addr_equal(&nobody, &nobody));
}

static void one_link_local_address_on_two_links_is_two_hosts(void **state)
{
    struct addr here = addr_of("fe80::1"), there = addr_of("fe80::1");

    (void)state;
    assert_true(addr_same_host(&here, &there));
    here.sa.v6.sin6_scope_id = 1;
    there.sa.v6.sin6_scope_id = 2;
    assert_false(addr_same_host(&here, &there));
}

static void system_addresses_of_two_families_are_taken(void **state)
{
    struct addr v4 = addr_of("192.0.2.1"), v6 = addr_of("::1"), got;
    struct sockaddr local = {.sa_family = AF_UNIX};

    (void)state;
    assert_true(addr_from_sockaddr(&v4.sa.any, &got));
    assert_true(addr_equal(&got, &v4));
    assert_int_equal(addr_len(&got), sizeof(struct sockaddr_in));
    assert_true(addr_from_sockaddr(&v6.sa.any, &got));
    assert_true(addr_equal(&got, &v6));
    assert_int_equal(addr_len(&got), sizeof(struct sockaddr_in6));
    assert_false(addr_from_sockaddr(&local, &got));
}

static void a_zeroed_address_has_a_text(void **state)
{
    struct addr none = {0};
    char room[ADDR_TEXT_BYTES];

    (void)state;
    assert_string_equal(addr_text(&none, room), "-");
    assert_string_equal(addr_host_text(&none, room), "-");
}

static void special_addresses_are_known_in_every_spelling(void **state)
{
    static const struct {
        const char *text;
        bool loopback, any, link_local;
    } rows[] = {
        {"127.0.0.1", true, false, false},        {"127.255.1.2", true, false, false},
        {"::ffff:127.0.0.9", true, false, false}, {"::1", true, false, false},
        {"128.0.0.1", false, false, false},       {"::2", false, false, false},
        {"0.0.0.0", false, true, false},          {"::", false, true, false},
        {"::ffff:0.0.0.0", false, true, false},   {"0.0.0.1", false, false, false},
        {"169.254.169.254", false, false, true},  {"fe80::1", false, false, true},
        {"febf::1", false, false, true},          {"fec0::1", false, false, false},
        {"169.253.0.1", false, false, false},     {"::ffff:169.254.0.1", false, false, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct addr addr = addr_of(rows[i].text);

        assert_int_equal(addr_is_loopback(&addr), rows[i].loopback);
        assert_int_equal(addr_is_any(&addr), rows[i].any);
        assert_int_equal(addr_is_link_local(&addr), rows[i].link_local);
    }
}

/* facts/httpd-behaviour.md 6 and 7 */
static void networks_in_all_of_httpds_forms(void **state)
{
    static const struct {
        const char *net, *inside, *outside;
    } rows[] = {
        {"192.0.2.1", "192.0.2.1", "192.0.2.2"},
        {"192.0.2.1", "::ffff:192.0.2.1", "::ffff:192.0.2.2"},
        {"10.0.0.0/8", "10.255.255.255", "11.0.0.0"},
        {"10.0.0.0/9", "10.127.255.255", "10.128.0.0"},
        {"10.0.0.1/32", "10.0.0.1", "10.0.0.0"},
        {"127.0.0.1/24", "127.0.0.200", "127.0.1.1"}, /* host bits are dropped */
        {"10.0.0.0/255.0.0.0", "10.9.9.9", "11.0.0.0"},
        {"10.0.0.5/255.0.0.255", "10.1.2.5", "10.1.2.6"}, /* a mask with a hole */
        {"127.", "127.1.2.3", "128.0.0.1"},
        {"127", "127.1.2.3", "128.0.0.1"},
        {"10.1", "10.1.255.1", "10.2.0.0"},
        {"10.1.", "10.1.255.1", "10.11.0.0"},
        {"10.1.2.", "10.1.2.3", "10.1.3.2"},
        {"10.1.2.3.", "10.1.2.3", "10.1.2.4"},
        {"0.0.0.0/0.0.0.0", "203.0.113.9", "::1"},
        {"0.0.0.0/0", "203.0.113.9", "::1"}, /* httpd refuses /0; we are kinder */
        {"::/0", "2001:db8::1", "127.0.0.1"},
        {"::1", "::1", "::2"},
        {"2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"},
        {"2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::1"},
        {"2001:db8::1/128", "2001:db8::1", "2001:db8::2"},
        {"::/0", "::1", "::ffff:127.0.0.1"}, /* which is IPv4 */
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct addr inside = addr_of(rows[i].inside), outside = addr_of(rows[i].outside);
        struct addr_net net;

        if (!addr_net_parse(span_str(rows[i].net), &net)) {
            fail_msg("\"%s\" is no network", rows[i].net);
        }
        if (!addr_net_has(&net, &inside)) {
            fail_msg("%s is not in %s", rows[i].inside, rows[i].net);
        }
        if (addr_net_has(&net, &outside)) {
            fail_msg("%s is in %s", rows[i].outside, rows[i].net);
        }
    }
}

static void what_httpd_does_not_take_as_a_network_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        ".",
        "..",
        "/8",
        "10..1",
        ".10",
        "10.1.2.3.4",
        "10.1.2.3..",
        "256",
        "10.256",
        "010.1",
        "127/8",
        "127.0/16",
        "127./8",
        "10.0.0.0/",
        "10.0.0.0/33",
        "10.0.0.0/-1",
        "10.0.0.0/8/8",
        "10.0.0.0/255.0.0",
        "10.0.0.0/ffff::",
        "2001:db8::/129",
        "2001:db8::/255.0.0.0",
        "::ffff:10.0.0.0/104",
        "[::1]",
        "[::1]/128",
        "127.0.0.1,127.0.0.5",
        "127.0.0.*",
        "*",
        "!127.0.0.1",
        "user@host",
        "example.test",
        "10.1 ",
        "0x0a.1",
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct addr_net net;

        if (addr_net_parse(span_str(texts[i]), &net)) {
            fail_msg("\"%s\" was taken", texts[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(literals_are_read_and_written),
        cmocka_unit_test(what_is_no_literal_is_refused),
        cmocka_unit_test(addresses_are_equal_by_what_they_mean),
        cmocka_unit_test(one_link_local_address_on_two_links_is_two_hosts),
        cmocka_unit_test(system_addresses_of_two_families_are_taken),
        cmocka_unit_test(a_zeroed_address_has_a_text),
        cmocka_unit_test(special_addresses_are_known_in_every_spelling),
        cmocka_unit_test(networks_in_all_of_httpds_forms),
        cmocka_unit_test(what_httpd_does_not_take_as_a_network_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
