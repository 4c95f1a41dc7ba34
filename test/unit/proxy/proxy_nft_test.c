/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The text of the rules. That nft takes them, and what they do to connections, is tested where
 * there are namespaces: test/e2e/nft.test.js.
 */
#include "proxy/proxy_nft.h"

#include "lib/oom.h"
#include "lib/testing.h"

enum {
    LISTENS_MAX = 4
};

static struct proxy_listen listens[LISTENS_MAX];
static char text[PROXY_NFT_BYTES_MAX + 1];

/* "192.0.2.1" is for redirect, "=192.0.2.1" for tproxy; NULL ends. All at port 3129. Valid
 * until the next call. */
static struct proxy_nft nft_of(const char *const *hosts)
{
    struct proxy_nft nft = {
        .file = "proxy.conf", .listens = {.ptr = listens}, .user = SPAN("nobody")};

    for (; hosts[nft.listens.count] != NULL; nft.listens.count++) {
        struct proxy_listen *listen = &listens[nft.listens.count];
        struct span host = span_str(hosts[nft.listens.count]);

        listen->is_tproxy = host.ptr[0] == '=';
        listen->line = (unsigned)nft.listens.count + 1;
        assert_true(
            addr_parse(span_tail(host, listen->is_tproxy ? 1 : 0), 3129, &listen->addr));
    }
    assert_true(proxy_nft_set_ports(&nft, SPAN("80 443 9000-9010")));
    return nft;
}

#define NFT(...) nft_of((const char *const[]){__VA_ARGS__, NULL})

typedef enum err writer(const struct proxy_nft *nft, struct buf *out);

static const char *written(const struct proxy_nft *nft, writer *write, enum err expected)
{
    struct buf out;

    buf_init(&out, PROXY_NFT_BYTES_MAX);
    assert_int_equal(write(nft, &out), expected);
    memcpy(text, out.ptr, out.len);
    text[out.len] = '\0';
    buf_fini(&out);
    return text;
}

#define HEAD                                                                                 \
    "# Diverts TCP connections to the proxy of proxy.conf; made by wayleave config --nft.\n" \
    "# nft -f loads it, also in place of an older one. To take it away: nft delete table "   \
    "inet wayleave\n"
#define TABLE                                                    \
    "\nadd table inet wayleave\ndelete table inet wayleave\n\n"  \
    "table inet wayleave {\n"                                    \
    "\tset ports {\n\t\ttype inet_service\n\t\tflags interval\n" \
    "\t\telements = { 80, 443, 9000-9010 }\n\t}\n"

static void redirect_is_a_chain_of_nat(void **state)
{
    const struct proxy_nft nft = NFT("0.0.0.0", "::");

    (void)state;
    assert_string_equal(written(&nft, proxy_nft_write, OK), HEAD TABLE
                        "\n\tchain routed_redirect {\n"
                        "\t\ttype nat hook prerouting priority dstnat; policy accept;\n"
                        "\t\tfib daddr type local return\n"
                        "\t\tmeta nfproto ipv4 tcp dport @ports redirect to :3129\n"
                        "\t\tmeta nfproto ipv6 tcp dport @ports redirect to :3129\n"
                        "\t}\n"
                        "}\n");
    assert_string_equal(written(&nft, proxy_nft_write_routes, OK),
                        "# proxy.conf diverts by redirect alone, which needs no routes.\n");
}

static void tproxy_is_a_chain_of_filter_and_routes(void **state)
{
    const struct proxy_nft nft = NFT("=0.0.0.0", "=::1");

    (void)state;
    assert_string_equal(
        written(&nft, proxy_nft_write, OK), HEAD TABLE
        "\n\t# needs routes, too: wayleave config --nft-routes\n"
        "\tchain routed_tproxy {\n"
        "\t\ttype filter hook prerouting priority mangle; policy accept;\n"
        "\t\tmeta l4proto tcp socket transparent 1 socket wildcard 0 meta mark set 0x77 accept\n"
        "\t\tfib daddr type local return\n"
        "\t\tmeta nfproto ipv4 tcp dport @ports tproxy ip to :3129 meta mark set 0x77 accept\n"
        "\t\tmeta nfproto ipv4 tcp dport @ports reject with tcp reset\n"
        "\t\tmeta nfproto ipv6 tcp dport @ports tproxy ip6 to [::1]:3129 meta mark set 0x77 "
        "accept\n"
        "\t\tmeta nfproto ipv6 tcp dport @ports reject with tcp reset\n"
        "\t}\n"
        "}\n");
    assert_string_equal(written(&nft, proxy_nft_write_routes, OK),
                        "# What TPROXY marked goes to the proxy, not out of this machine. "
                        "Belongs to the rules of wayleave config --nft proxy.conf\n"
                        "ip -4 rule del fwmark 0x77 lookup 119 2>/dev/null\n"
                        "ip -4 rule add fwmark 0x77 lookup 119\n"
                        "ip -4 route replace local 0.0.0.0/0 dev lo table 119\n"
                        "ip -6 rule del fwmark 0x77 lookup 119 2>/dev/null\n"
                        "ip -6 rule add fwmark 0x77 lookup 119\n"
                        "ip -6 route replace local ::/0 dev lo table 119\n");
}

static void only_the_families_that_are_listened_on_are_diverted(void **state)
{
    struct proxy_nft nft = NFT("=2001:db8::1");

    (void)state;
    assert_null(strstr(written(&nft, proxy_nft_write, OK), "ipv4"));
    assert_null(strstr(written(&nft, proxy_nft_write_routes, OK), "ip -4"));
    nft = NFT("192.0.2.1");
    assert_null(strstr(written(&nft, proxy_nft_write, OK), "ipv6"));
}

static void an_address_of_its_own_is_diverted_to(void **state)
{
    const struct proxy_nft nft = NFT("192.0.2.1", "2001:db8::1");

    (void)state;
    (void)written(&nft, proxy_nft_write, OK);
    assert_non_null(strstr(text, "nfproto ipv4 tcp dport @ports dnat ip to 192.0.2.1:3129\n"));
    assert_non_null(
        strstr(text, "nfproto ipv6 tcp dport @ports dnat ip6 to [2001:db8::1]:3129\n"));
}

static void clients_on_this_machine_are_diverted_when_asked_for(void **state)
{
    struct proxy_nft nft = NFT("127.0.0.1", "=0.0.0.0", "::");

    (void)state;
    assert_null(strstr(written(&nft, proxy_nft_write, OK), "hook output"));
    assert_non_null(strstr(text, "# proxy.conf:1: nothing is diverted to 127.0.0.1:3129: it is "
                                 "for clients on this machine (--local)\n"));
    nft.is_local = true;
    nft.user = SPAN("www-data");
    assert_non_null(
        strstr(written(&nft, proxy_nft_write, OK),
               "\n\t# the account that the proxy serves as comes first: without that line its "
               "connections come back to it\n"
               "\tchain local_redirect {\n"
               "\t\ttype nat hook output priority -100; policy accept;\n"
               "\t\tmeta skuid \"www-data\" return\n"
               "\t\tfib daddr type local return\n"
               "\t\tmeta nfproto ipv4 tcp dport @ports dnat ip to 127.0.0.1:3129\n"
               "\t\tmeta nfproto ipv6 tcp dport @ports redirect to :3129\n"
               "\t}\n"
               "}\n"));
    assert_null(strstr(text, "nothing is diverted"));
    /* those that come from outside: tproxy for one family, redirect for the other */
    assert_non_null(strstr(text, "ipv4 tcp dport @ports tproxy ip to :3129"));
    assert_null(strstr(text, "ipv4 tcp dport @ports redirect"));
}

static void what_gets_nothing_is_said(void **state)
{
    const struct proxy_nft nft = NFT("=0.0.0.0", "=192.0.2.1", "192.0.2.2");

    (void)state;
    (void)written(&nft, proxy_nft_write, OK);
    assert_non_null(strstr(text,
                           HEAD "# proxy.conf:2: nothing is diverted to 192.0.2.1:3129: "
                                "another TransparentListen has these connections\n"
                                "# proxy.conf:3: nothing is diverted to 192.0.2.2:3129: "
                                "another TransparentListen has these connections\n" TABLE));
}

static void clients_can_be_chosen(void **state)
{
    struct proxy_nft nft = NFT("=0.0.0.0", "=::");

    (void)state;
    assert_true(proxy_nft_add_from(&nft, SPAN("10.0.0.0/8")));
    assert_true(proxy_nft_add_from(&nft, SPAN("2001:db8::/33")));
    assert_true(proxy_nft_add_from(&nft, SPAN("192.0.2.7")));
    assert_true(proxy_nft_add_interface(&nft, SPAN("eth1")));
    assert_true(proxy_nft_add_interface(&nft, SPAN("lan*")));
    (void)written(&nft, proxy_nft_write, OK);
    assert_non_null(strstr(text, TABLE
                           "\tset clients4 {\n\t\ttype ipv4_addr\n\t\tflags interval\n"
                           "\t\tauto-merge\n\t\telements = { 10.0.0.0/8, 192.0.2.7/32 }\n\t}\n"
                           "\tset clients6 {\n\t\ttype ipv6_addr\n\t\tflags interval\n"
                           "\t\tauto-merge\n\t\telements = { 2001:db8::/33 }\n\t}\n"));
    /* behind the line about connections that the proxy has: answers come from outside */
    assert_non_null(strstr(text, "accept\n\t\tfib daddr type local return\n"
                                 "\t\tiifname != { \"eth1\", \"lan*\" } return\n"
                                 "\t\tip saddr != @clients4 return\n"
                                 "\t\tip6 saddr != @clients6 return\n"
                                 "\t\tmeta nfproto ipv4 tcp"));
}

static void a_family_without_a_chosen_client_has_none(void **state)
{
    struct proxy_nft nft = NFT("0.0.0.0", "::");

    (void)state;
    assert_true(proxy_nft_add_from(&nft, SPAN("10.0.0.0/8")));
    assert_non_null(strstr(written(&nft, proxy_nft_write, OK),
                           "\t\tip saddr != @clients4 return\n\t\tmeta nfproto ipv6 return\n"));
    assert_null(strstr(text, "clients6"));
}

static void nothing_to_divert_to_is_one_sentence(void **state)
{
    struct proxy_nft nft = {.file = "proxy.conf"};

    (void)state;
    assert_string_equal(written(&nft, proxy_nft_write, ERR_CONF),
                        "proxy.conf has no TransparentListen, so there is nothing to divert "
                        "connections to (write TransparentListen 3129)\n");
    assert_non_null(
        strstr(written(&nft, proxy_nft_write_routes, ERR_CONF), "has no TransparentListen,"));
    nft = NFT("127.0.0.1", "::1");
    assert_string_equal(
        written(&nft, proxy_nft_write, ERR_CONF),
        "proxy.conf has TransparentListen on loopback alone, where only clients "
        "on this machine can be diverted to (add --local, or write "
        "TransparentListen 3129)\n");
    nft.is_local = true;
    (void)written(&nft, proxy_nft_write, OK);
    nft = NFT("=0.0.0.0");
    nft.is_local = true;
    assert_string_equal(written(&nft, proxy_nft_write, ERR_CONF),
                        "proxy.conf has no TransparentListen for redirect, and TPROXY diverts "
                        "only what comes from other machines (write TransparentListen "
                        "127.0.0.1:3130 redirect, or leave --local out)\n");
}

static void nothing_breaks_out_of_its_place(void **state)
{
    struct proxy_nft nft = NFT("0.0.0.0");

    (void)state;
    nft.file = "a\nflush ruleset";
    assert_non_null(strstr(written(&nft, proxy_nft_write, OK), "a\\x0aflush ruleset"));
    nft.is_local = true;
    nft.user = SPAN("a\" drop");
    assert_non_null(strstr(written(&nft, proxy_nft_write, ERR_CONF),
                           "has a User whose name nftables cannot be told"));
    nft.user = SPAN("990");
    assert_non_null(strstr(written(&nft, proxy_nft_write, OK), "meta skuid \"990\" return"));
}

static void words_that_mean_nothing_are_refused(void **state)
{
    static const char *const nets[] = {
        "", "eth0", "10.0.0.0/33", "10.0.0.0/255.0.255.0", "10.0.0.0/8 ", "::1/129"};
    static const char *const interfaces[] = {
        "", "*", "a*b", "a b", "a\"", "a\nb", "0123456789abcdef"};
    static const char *const ports[] = {"", " ", ",", "0", "80 65536", "http", "90-80", "80;"};
    struct proxy_nft nft = NFT("0.0.0.0");

    (void)state;
    for (size_t i = 0; i < sizeof nets / sizeof nets[0]; i++) {
        assert_false(proxy_nft_add_from(&nft, span_str(nets[i])));
    }
    for (size_t i = 0; i < sizeof interfaces / sizeof interfaces[0]; i++) {
        assert_false(proxy_nft_add_interface(&nft, span_str(interfaces[i])));
    }
    for (size_t i = 0; i < sizeof ports / sizeof ports[0]; i++) {
        assert_false(proxy_nft_set_ports(&nft, span_str(ports[i])));
    }
    assert_non_null(strstr(written(&nft, proxy_nft_write, OK), "{ 80, 443, 9000-9010 }"));
    assert_true(proxy_nft_set_ports(&nft, SPAN("80,8080, 1-2")));
    assert_non_null(strstr(written(&nft, proxy_nft_write, OK), "{ 1-2, 80, 8080 }"));
}

static void there_are_so_many_clients_and_no_more(void **state)
{
    struct proxy_nft nft = NFT("0.0.0.0");

    (void)state;
    for (size_t i = 0; i < PROXY_NFT_FROM_MAX; i++) {
        assert_true(proxy_nft_add_from(&nft, SPAN("10.0.0.0/8")));
    }
    assert_false(proxy_nft_add_from(&nft, SPAN("10.0.0.0/8")));
    for (size_t i = 0; i < PROXY_NFT_INTERFACES_MAX; i++) {
        assert_true(proxy_nft_add_interface(&nft, SPAN("eth0")));
    }
    assert_false(proxy_nft_add_interface(&nft, SPAN("eth0")));
}

static void write_all(void)
{
    struct proxy_nft nft = NFT("127.0.0.1", "=0.0.0.0", "::");
    struct buf out;
    enum err e;

    nft.is_local = true;
    buf_init(&out, PROXY_NFT_BYTES_MAX);
    e = proxy_nft_write(&nft, &out);
    assert_int_equal(e, oom_has_struck() ? ERR_NOMEM : OK);
    buf_fini(&out);
}

static void running_out_of_memory_is_told(void **state)
{
    (void)state;
    every_oom(write_all);
}

static void the_text_has_a_limit(void **state)
{
    struct proxy_nft nft = NFT("=0.0.0.0", "::");
    size_t whole = strlen(written(&nft, proxy_nft_write, OK));

    (void)state;
    for (size_t max = 0; max < whole; max++) {
        struct buf out;

        buf_init(&out, max);
        assert_int_equal(proxy_nft_write(&nft, &out), ERR_LIMIT);
        buf_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(redirect_is_a_chain_of_nat),
        cmocka_unit_test(tproxy_is_a_chain_of_filter_and_routes),
        cmocka_unit_test(only_the_families_that_are_listened_on_are_diverted),
        cmocka_unit_test(an_address_of_its_own_is_diverted_to),
        cmocka_unit_test(clients_on_this_machine_are_diverted_when_asked_for),
        cmocka_unit_test(what_gets_nothing_is_said),
        cmocka_unit_test(clients_can_be_chosen),
        cmocka_unit_test(a_family_without_a_chosen_client_has_none),
        cmocka_unit_test(nothing_to_divert_to_is_one_sentence),
        cmocka_unit_test(nothing_breaks_out_of_its_place),
        cmocka_unit_test(words_that_mean_nothing_are_refused),
        cmocka_unit_test(there_are_so_many_clients_and_no_more),
        cmocka_unit_test(running_out_of_memory_is_told),
        cmocka_unit_test(the_text_has_a_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
