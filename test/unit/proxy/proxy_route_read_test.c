/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_route_read.h"

#include "lib/oom.h"
#include "unit/proxy/route_conf.h"

static void a_parent_is_read_with_its_login(void **state)
{
    struct route_conf read;
    const struct proxy_route_parent *parent;

    (void)state;
    route_conf_read(&read, "ProxyRemote * https://me%40home:s%3ecret:x@Parent.Test:3129/\n"
                           "ProxyRemote http http://user@[2001:db8::1]\n"
                           "ProxyRemote ws http://10.0.0.1:8080\n");
    parent = &read.conf.remotes->parent;
    assert_true(parent->is_tls);
    assert_true(read.conf.has_tls_parent);
    assert_int_equal(parent->port, 3129);
    assert_int_equal(parent->line, 1);
    assert_bytes(parent->host, SPAN("Parent.Test"));
    assert_bytes(parent->text, SPAN("https://Parent.Test:3129"));
    assert_bytes(parent->login, SPAN("Basic bWVAaG9tZTpzPmNyZXQ6eA==")); /* me@home:s>cret:x */

    parent = &read.conf.remotes->next->parent;
    assert_false(parent->is_tls);
    assert_int_equal(parent->port, 80);
    assert_bytes(parent->host, SPAN("2001:db8::1"));
    assert_bytes(parent->text, SPAN("http://[2001:db8::1]:80"));
    assert_bytes(parent->login, SPAN("Basic dXNlcjo=")); /* user: */

    parent = &read.conf.remotes->next->next->parent;
    assert_int_equal(parent->login.len, 0);
    route_conf_free(&read);
}

static void the_cache_has_its_defaults(void **state)
{
    struct route_conf read;

    (void)state;
    route_conf_read(&read, "");
    assert_int_equal(read.conf.dns_cache_max, 300000);
    assert_int_equal(read.conf.dns_cache_entries, 4096);
    assert_false(read.conf.has_tls_parent);
    route_conf_free(&read);
    route_conf_read(&read, "DNSCacheMax 10s\nDNSCacheEntries 100\n"
                           "SSLProxyCACertificateFile /ca.pem\n");
    assert_int_equal(read.conf.dns_cache_max, 10000);
    assert_int_equal(read.conf.dns_cache_entries, 100);
    assert_bytes(read.conf.ca_file, SPAN("/ca.pem"));
    route_conf_free(&read);
}

static void words_to_block_are_told_apart(void **state)
{
    struct route_conf read;
    const struct proxy_route_word *word;

    (void)state;
    route_conf_read(&read, "ProxyBlock ads evil.test localhost\nProxyBlock ::ffff:10.0.0.1 "
                           ".test. # no local\n");
    word = read.conf.words;
    assert_false(word->is_host_name);
    assert_true(word->next->is_host_name);
    assert_true(word->next->next->is_host_name);
    word = word->next->next->next;
    assert_true(word->is_addr);
    assert_int_equal(word->addr.sa.any.sa_family, AF_INET);
    assert_int_equal(word->line, 2);
    assert_false(word->next->is_host_name);
    assert_bytes(word->next->text, SPAN(".test"));
    assert_null(word->next->next);
    route_conf_free(&read);
}

struct fault {
    const char *line;
    const char *says; /* a part of it */
};

static void wrong_lines_are_refused_with_a_remedy(void **state)
{
    static const struct fault faults[] = {
        {"ProxyRemote * parent:3128", "it is no URL (write http://proxy.example:3128"},
        {"ProxyRemote * socks5://parent", "parents are reached by http or https"},
        {"ProxyRemote * ://parent", "it is no URL"},
        {"ProxyRemote * http://", "host or port cannot be read"},
        {"ProxyRemote * http://parent:99999", "host or port cannot be read"},
        {"ProxyRemote * http://parent/path", "host or port cannot be read"},
        {"ProxyRemote * http://u:p%4@parent", "is not user:password"},
        {"ProxyRemote * http://u%3a:p@parent", "is not user:password"},
        {"ProxyRemote * http://u:p%0a@parent", "is not user:password"},
        {"ProxyRemote *.test http://parent", "is not what a request could match"},
        {"ProxyRemote http:// http://parent", "is not what a request could match"},
        {"ProxyRemote host:0 http://parent", "is not what a request could match"},
        {"ProxyRemote a:1/b http://parent", "is not what a request could match"},
        {"ProxyRemoteMatch ( http://parent", "is not a regular expression: missing closing"},
        {"ProxyRemoteMatch a b", "it is no URL"},
        {"NoProxy *", "neither a host nor a network"},
        {"NoProxy *.test", "write host.example, .example for all below it"},
        {"NoProxy http://a", "neither a host nor a network"},
        {"NoProxy .", "neither a host nor a network"},
        {"NoProxy host:80", "neither a host nor a network"},
        {"ProxyDomain test", "write .example.com"},
        {"ProxyDomain .", "write .example.com"},
        {"ProxyDomain .a/b", "write .example.com"},
        {"ProxyBlock *.test", "cannot be part of a host's name"},
        {"ProxyBlock http://a", "cannot be part of a host's name"},
        {"ProxyBlock \"\"", "cannot be part of a host's name"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        struct route_conf read;

        assert_int_equal(route_conf_try(&read, faults[i].line), ERR_CONF);
        if (diag_count(&read.diag, DIAG_ERROR) != 1 ||
            strstr(diag_next(&read.diag, NULL)->text, faults[i].says) == NULL) {
            fail_msg("%s: %s", faults[i].line,
                     diag_next(&read.diag, NULL) == NULL ? "accepted"
                                                         : diag_next(&read.diag, NULL)->text);
        }
        route_conf_free(&read);
    }
}

static void no_message_repeats_a_password(void **state)
{
    static const char *const lines[] = {
        "ProxyRemote * http://me:secret@parent:99999",
        "ProxyRemote * ftp://me:secret@parent",
        "ProxyRemote * me:secret@parent",
        "ProxyRemote * http://me:secret%@parent",
        "ProxyRemote * http://me:sec@secret@par ent",
    };

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct route_conf read;

        assert_int_equal(route_conf_try(&read, lines[i]), ERR_CONF);
        assert_true(diag_count(&read.diag, DIAG_ERROR) > 0);
        assert_null(strstr(diag_next(&read.diag, NULL)->text, "sec"));
        route_conf_free(&read);
    }
}

static void a_login_that_is_too_long_is_refused(void **state)
{
    char line[900];
    struct route_conf read;

    (void)state;
    memset(line, 'a', sizeof line);
    memcpy(line, "ProxyRemote * http://", 21);
    line[21 + 509] = ':';
    memcpy(line + 21 + 512, "@parent", 8);
    assert_int_equal(route_conf_try(&read, line), ERR_CONF);
    assert_int_equal(diag_count(&read.diag, DIAG_ERROR), 1);
    route_conf_free(&read);

    memcpy(line + 21 + 511, "@parent", 8); /* one byte less */
    assert_ok(route_conf_try(&read, line));
    assert_int_equal(diag_count(&read.diag, DIAG_ERROR), 0);
    route_conf_free(&read);
}

static void read_all_kinds(void)
{
    struct route_conf read;
    enum err e = route_conf_try(&read, "ProxyRemote http://a/b http://u:p@parent\n"
                                       "ProxyRemoteMatch x https://parent\n"
                                       "NoProxy a .b 10.0.0.0/8\nProxyBlock a 10.0.0.1\n"
                                       "ProxyDomain .test\n");

    assert_true(e == OK || e == ERR_NOMEM);
    route_conf_free(&read);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(read_all_kinds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_parent_is_read_with_its_login),
        cmocka_unit_test(the_cache_has_its_defaults),
        cmocka_unit_test(words_to_block_are_told_apart),
        cmocka_unit_test(wrong_lines_are_refused_with_a_remedy),
        cmocka_unit_test(no_message_repeats_a_password),
        cmocka_unit_test(a_login_that_is_too_long_is_refused),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
