/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "http1/http1_authority.h"

#include "lib/testing.h"

struct accepted {
    const char *text;
    enum http1_host_kind kind;
    const char *host;
    uint16_t port;
};

/* clang-format off */
static const struct accepted tunnels[] = {
    {"realm.example:9000",         HTTP1_HOST_NAME, "realm.example",     9000},
    {"REALM.example.:443",         HTTP1_HOST_NAME, "REALM.example.",    443},
    {"a:1",                        HTTP1_HOST_NAME, "a",                 1},
    {"my_host-1.x:65535",          HTTP1_HOST_NAME, "my_host-1.x",       65535},
    {"1.2.3.4.example:80",         HTTP1_HOST_NAME, "1.2.3.4.example",   80},
    {"0x7g:80",                    HTTP1_HOST_NAME, "0x7g",              80},
    {"127.0.0.1:9000",             HTTP1_HOST_IPV4, "127.0.0.1",         9000},
    {"255.255.255.255:80",         HTTP1_HOST_IPV4, "255.255.255.255",   80},
    {"[::1]:9000",                 HTTP1_HOST_IPV6, "::1",               9000},
    {"[::]:80",                    HTTP1_HOST_IPV6, "::",                80},
    {"[2001:DB8::8:800:200c:417a]:80", HTTP1_HOST_IPV6, "2001:DB8::8:800:200c:417a", 80},
    {"[1:2:3:4:5:6:7:8]:80",       HTTP1_HOST_IPV6, "1:2:3:4:5:6:7:8",   80},
    {"[1:2:3:4:5:6:7::]:80",       HTTP1_HOST_IPV6, "1:2:3:4:5:6:7::",   80},
    {"[::2:3:4:5:6:7:8]:80",       HTTP1_HOST_IPV6, "::2:3:4:5:6:7:8",   80},
    {"[::ffff:127.0.0.1]:80",      HTTP1_HOST_IPV6, "::ffff:127.0.0.1",  80},
    {"[1:2:3:4:5:6:1.2.3.4]:80",   HTTP1_HOST_IPV6, "1:2:3:4:5:6:1.2.3.4", 80},
};

struct refused {
    const char *text;
    enum http1_fault fault;
};

/* Refused with and without a mandatory port. */
static const struct refused refused[] = {
    {"",                           HTTP1_FAULT_NO_HOST},
    {":80",                        HTTP1_FAULT_NO_HOST},
    {"user@realm.example:80",      HTTP1_FAULT_USERINFO},
    {"user:pass@realm.example:80", HTTP1_FAULT_USERINFO},
    {"@:80",                       HTTP1_FAULT_USERINFO},
    {"realm example:80",           HTTP1_FAULT_HOST_BYTE},
    {"realm%2eexample:80",         HTTP1_FAULT_HOST_BYTE},
    {"realm.example/:80",          HTTP1_FAULT_HOST_BYTE},
    {"realm\\.example:80",       HTTP1_FAULT_HOST_BYTE},
    {"r\xc3\xa9""alm:80",          HTTP1_FAULT_HOST_BYTE},
    {"*:80",                       HTTP1_FAULT_HOST_BYTE},
    {"::1",                        HTTP1_FAULT_HOST_IPV6},
    {"realm.example:80:80",        HTTP1_FAULT_HOST_IPV6},
    {"[]:80",                      HTTP1_FAULT_HOST_IPV6},
    {"[::1:80",                    HTTP1_FAULT_HOST_IPV6},
    {"[",                          HTTP1_FAULT_HOST_IPV6},
    {"[::1]x:80",                  HTTP1_FAULT_HOST_IPV6},
    {"[::1]]:80",                  HTTP1_FAULT_HOST_IPV6},
    {"[:1]:80",                    HTTP1_FAULT_HOST_IPV6},
    {"[1:]:80",                    HTTP1_FAULT_HOST_IPV6},
    {"[1::2::3]:80",               HTTP1_FAULT_HOST_IPV6},
    {"[:::1]:80",                  HTTP1_FAULT_HOST_IPV6},
    {"[1:2:3:4:5:6:7]:80",         HTTP1_FAULT_HOST_IPV6},
    {"[1:2:3:4:5:6:7:8:9]:80",     HTTP1_FAULT_HOST_IPV6},
    {"[1:2:3:4:5:6:7:8::]:80",     HTTP1_FAULT_HOST_IPV6},
    {"[1:2:3:4::5:6:7:8]:80",      HTTP1_FAULT_HOST_IPV6},
    {"[12345::]:80",               HTTP1_FAULT_HOST_IPV6},
    {"[g::]:80",                   HTTP1_FAULT_HOST_IPV6},
    {"[::1.2.3]:80",               HTTP1_FAULT_HOST_IPV6},
    {"[::1.2.3.4:5]:80",           HTTP1_FAULT_HOST_IPV6},
    {"[1:2:3:4:5:6:7:1.2.3.4]:80", HTTP1_FAULT_HOST_IPV6},
    {"[fe80::1%25eth0]:80",        HTTP1_FAULT_HOST_IPV6},
    {"[v1.x]:80",                  HTTP1_FAULT_HOST_IPV6},
    {"127.1:80",                   HTTP1_FAULT_HOST_NUMBER},
    {"2130706433:80",              HTTP1_FAULT_HOST_NUMBER},
    {"0x7f000001:80",              HTTP1_FAULT_HOST_NUMBER},
    {"0X7F.1:80",                  HTTP1_FAULT_HOST_NUMBER},
    {"a.0x:80",                    HTTP1_FAULT_HOST_NUMBER},
    {"127.0.0.01:80",              HTTP1_FAULT_HOST_NUMBER},
    {"127.0.0.256:80",             HTTP1_FAULT_HOST_NUMBER},
    {"127.0.0.1.:80",              HTTP1_FAULT_HOST_NUMBER},
    {"1.2.3.4.5:80",               HTTP1_FAULT_HOST_NUMBER},
    {"a..b:80",                    HTTP1_FAULT_HOST_LABEL},
    {".a:80",                      HTTP1_FAULT_HOST_LABEL},
    {"a..:80",                     HTTP1_FAULT_HOST_LABEL},
    {".:80",                       HTTP1_FAULT_HOST_LABEL},
    {"realm.example:09000",        HTTP1_FAULT_PORT},
    {"realm.example:+9000",        HTTP1_FAULT_PORT},
    {"realm.example:-1",           HTTP1_FAULT_PORT},
    {"realm.example: 80",          HTTP1_FAULT_PORT},
    {"realm.example:0x50",         HTTP1_FAULT_PORT},
    {"realm.example:00",           HTTP1_FAULT_PORT},
    {"realm.example:http",         HTTP1_FAULT_PORT},
    {"realm.example:0",            HTTP1_FAULT_PORT_RANGE},
    {"realm.example:65536",        HTTP1_FAULT_PORT_RANGE},
    {"realm.example:74536",        HTTP1_FAULT_PORT_RANGE},
    {"realm.example:4294976296",   HTTP1_FAULT_PORT_RANGE},
    {"realm.example:18446744073709560616", HTTP1_FAULT_PORT_RANGE},
};
/* clang-format on */

static void a_tunnel_goes_to_a_host_and_a_port(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof tunnels / sizeof tunnels[0]; i++) {
        struct http1_authority authority;
        enum http1_fault fault = HTTP1_FAULT_NONE;

        assert_ok(http1_authority_read_tunnel(span_str(tunnels[i].text), &authority, &fault));
        assert_int_equal(authority.kind, tunnels[i].kind);
        assert_bytes(authority.host, span_str(tunnels[i].host));
        assert_int_equal(authority.port, tunnels[i].port);
        assert_int_equal(fault, HTTP1_FAULT_NONE);
    }
}

static void assert_refused(struct span text, enum http1_fault expected)
{
    struct http1_authority authority = {.port = 7};
    enum http1_fault fault = HTTP1_FAULT_NONE;

    assert_int_equal(http1_authority_read_tunnel(text, &authority, &fault), ERR_PROTO);
    assert_int_equal(fault, expected);
    assert_int_equal(http1_authority_read(text, &authority, &fault), ERR_PROTO);
    assert_int_equal(fault, expected);
    assert_int_equal(authority.port, 7);
}

static void what_could_be_read_in_two_ways_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        assert_refused(span_str(refused[i].text), refused[i].fault);
    }
    assert_refused(SPAN("a\0b:80"), HTTP1_FAULT_HOST_BYTE);
}

static void a_port_is_optional_except_for_a_tunnel(void **state)
{
    static const char *const texts[] = {"realm.example", "realm.example:", "[::1]", "[::1]:"};
    struct http1_authority authority;
    enum http1_fault fault;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_int_equal(http1_authority_read_tunnel(span_str(texts[i]), &authority, &fault),
                         ERR_PROTO);
        assert_int_equal(fault, HTTP1_FAULT_NO_PORT);
        assert_ok(http1_authority_read(span_str(texts[i]), &authority, &fault));
        assert_int_equal(authority.port, 0);
    }
}

static void a_name_has_the_lengths_of_the_dns(void **state)
{
    char name[256];
    struct http1_authority authority;
    enum http1_fault fault;

    (void)state;
    memset(name, 'a', sizeof name);
    assert_ok(http1_authority_read(span_of(name, 63), &authority, &fault));
    assert_refused(span_of(name, 64), HTTP1_FAULT_HOST_LABEL);
    name[63] = name[127] = name[191] = '.';
    assert_ok(http1_authority_read(span_of(name, 253), &authority, &fault));
    assert_refused(span_of(name, 254), HTTP1_FAULT_HOST_LABEL);
    name[253] = '.';
    assert_ok(http1_authority_read(span_of(name, 254), &authority, &fault));
}

static void schemes_have_default_ports(void **state)
{
    (void)state;
    assert_int_equal(http1_authority_default_port(SPAN("http")), 80);
    assert_int_equal(http1_authority_default_port(SPAN("WS")), 80);
    assert_int_equal(http1_authority_default_port(SPAN("https")), 443);
    assert_int_equal(http1_authority_default_port(SPAN("wss")), 443);
    assert_int_equal(http1_authority_default_port(SPAN("ftp")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tunnel_goes_to_a_host_and_a_port),
        cmocka_unit_test(what_could_be_read_in_two_ways_is_refused),
        cmocka_unit_test(a_port_is_optional_except_for_a_tunnel),
        cmocka_unit_test(a_name_has_the_lengths_of_the_dns),
        cmocka_unit_test(schemes_have_default_ports),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
