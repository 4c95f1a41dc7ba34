/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_dest.h"

#include "lib/testing.h"

struct question {
    const char *client;
    const char *dest;
    uint16_t port;
    enum proxy_dest_verdict verdict;
};

static enum proxy_dest_verdict judge(const struct question *question)
{
    struct proxy_listen listens[2] = {0};
    struct proxy_conf conf = {.listens = {listens, 2}};
    struct addr client, local, dest;

    assert_true(addr_parse(SPAN("0.0.0.0"), 8080, &listens[0].addr));
    assert_true(addr_parse(SPAN("10.0.0.9"), 3128, &listens[1].addr));
    assert_true(addr_parse(span_str(question->client), 50000, &client));
    assert_true(addr_parse(SPAN("10.0.0.9"), 8080, &local));
    assert_true(addr_parse(span_str(question->dest), question->port, &dest));
    return proxy_dest_judge(&conf, &client, &local, &dest);
}

/* clang-format off */
static const struct question questions[] = {
    {"10.0.0.5",  "198.51.100.7",     9000, PROXY_DEST_FINE},
    {"10.0.0.5",  "2001:db8::7",      9000, PROXY_DEST_FINE},
    {"10.0.0.5",  "169.254.169.254",    80, PROXY_DEST_LINK_LOCAL},
    {"127.0.0.1", "169.254.169.254",    80, PROXY_DEST_LINK_LOCAL},
    {"10.0.0.5",  "fe80::1",          9000, PROXY_DEST_LINK_LOCAL},
    {"10.0.0.5",  "::ffff:169.254.1.1", 80, PROXY_DEST_LINK_LOCAL},
    {"10.0.0.5",  "fd00:ec2::254",      80, PROXY_DEST_METADATA},
    {"127.0.0.1", "fd20:ce:0::254",     80, PROXY_DEST_METADATA},
    {"10.0.0.5",  "::ffff:100.100.100.200", 80, PROXY_DEST_METADATA},
    {"10.0.0.5",  "168.63.129.16",   32526, PROXY_DEST_METADATA},
    {"10.0.0.5",  "127.0.0.1",        9000, PROXY_DEST_LOOPBACK},
    {"10.0.0.5",  "::1",              9000, PROXY_DEST_LOOPBACK},
    {"10.0.0.5",  "::ffff:127.0.0.1", 9000, PROXY_DEST_LOOPBACK},
    {"127.0.0.1", "127.0.0.1",        9000, PROXY_DEST_FINE},
    {"10.0.0.9",  "127.0.0.1",        9000, PROXY_DEST_FINE}, /* this machine, by its address */
    {"127.0.0.1", "127.0.0.1",        8080, PROXY_DEST_SELF},
    {"127.0.0.1", "127.0.0.77",       8080, PROXY_DEST_SELF},
    {"10.0.0.5",  "10.0.0.9",         8080, PROXY_DEST_SELF},
    {"10.0.0.5",  "10.0.0.9",         3128, PROXY_DEST_SELF},
    {"10.0.0.5",  "10.0.0.8",         8080, PROXY_DEST_FINE}, /* somebody else's 8080 */
    {"127.0.0.1", "0.0.0.0",          9000, PROXY_DEST_NO_ADDRESS},
    {"127.0.0.1", "::",               9000, PROXY_DEST_NO_ADDRESS},
    {"127.0.0.1", "255.255.255.255",  9000, PROXY_DEST_NO_ADDRESS},
    {"127.0.0.1", "224.0.0.1",        9000, PROXY_DEST_NO_ADDRESS},
    {"127.0.0.1", "ff02::1",          9000, PROXY_DEST_NO_ADDRESS},
};
/* clang-format on */

/* TPROXY does not tell the address that the client came to. */
static void a_transparent_listener_is_the_proxy_itself_as_well(void **state)
{
    struct proxy_listen listen = {0};
    const struct proxy_conf conf = {.divert = {.listens = {&listen, 1}}};
    const struct addr unknown = {0};
    struct addr client, dest;

    (void)state;
    assert_true(addr_parse(SPAN("0.0.0.0"), 3129, &listen.addr));
    assert_true(addr_parse(SPAN("10.0.0.5"), 50000, &client));
    assert_true(addr_parse(SPAN("127.0.0.1"), 3129, &dest));
    assert_int_equal(proxy_dest_judge(&conf, &client, &unknown, &dest), PROXY_DEST_SELF);
    addr_set_port(&dest, 3130);
    assert_int_equal(proxy_dest_judge(&conf, &client, &unknown, &dest), PROXY_DEST_LOOPBACK);
    assert_true(addr_parse(SPAN("198.51.100.7"), 3129, &dest)); /* somebody else's port */
    assert_int_equal(proxy_dest_judge(&conf, &client, &unknown, &dest), PROXY_DEST_FINE);
}

static void no_tunnel_leads_where_it_must_not(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++) {
        if (judge(&questions[i]) != questions[i].verdict) {
            fail_msg("%s -> %s port %u", questions[i].client, questions[i].dest,
                     questions[i].port);
        }
    }
}

static void the_admin_listener_is_no_destination(void **state)
{
    struct daemon_conf_admin admin = {.listen_count = 2};
    struct addr local, dest;

    (void)state;
    assert_true(addr_parse(SPAN("127.0.0.1"), 9901, &admin.listens[0].addr));
    assert_true(addr_parse(SPAN("0.0.0.0"), 9902, &admin.listens[1].addr));
    assert_true(addr_parse(SPAN("10.0.0.9"), 8080, &local));
    assert_true(addr_parse(SPAN("::ffff:127.0.0.1"), 9901, &dest));
    assert_true(proxy_dest_is_admin(&admin, &local, &dest));
    assert_true(addr_parse(SPAN("10.0.0.9"), 9902, &dest));
    assert_true(proxy_dest_is_admin(&admin, &local, &dest));
    assert_true(addr_parse(SPAN("10.0.0.9"), 9901, &dest));
    assert_false(proxy_dest_is_admin(&admin, &local, &dest));
    assert_true(addr_parse(SPAN("10.0.0.8"), 9902, &dest));
    assert_false(proxy_dest_is_admin(&admin, &local, &dest));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_transparent_listener_is_the_proxy_itself_as_well),
        cmocka_unit_test(no_tunnel_leads_where_it_must_not),
        cmocka_unit_test(the_admin_listener_is_no_destination),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
