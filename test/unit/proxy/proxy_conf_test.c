/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_conf.h"

#include "base/buf.h"
#include "conf/conf_load.h"
#include "lib/oom.h"
#include "lib/testing.h"

#include <stdio.h>

static const char reference[] = "# Example Apache forward proxy configuration\n"
                                "Listen 80\n"
                                "LoadModule proxy_module path/to/mod_proxy\n"
                                "ProxyRequests On\n"
                                "ProxyVia On\n"
                                "AllowCONNECT 9000 # Allow HTTP CONNECT on the realm port\n"
                                "<Proxy *>\n"
                                "Order deny,allow\n"
                                "Deny from all\n"
                                "Allow from 127.0.0.1 # Restrict to localhost only\n"
                                "</Proxy>\n";

static const char mutilated[] = "Listen 80\n"
                                "LoadModule proxy_module path/to/mod_proxy\n"
                                "ProxyRequests On\n"
                                "ProxyVia On\n"
                                "AllowCONNECT 9000 # Allow HTTP CONNECT on the realm port\n"
                                "<Proxy *>\n"
                                "Order deny,allow\n"
                                "Deny from all\n"
                                "Allow from # Restrict to localhost only\n";

struct loaded {
    struct proxy_conf conf;
    struct arena arena;
    struct diag diag;
    enum err e;
};

static void load(struct loaded *loaded, const char *text)
{
    const struct conf_table tables[] = {
        {proxy_conf_rows, &loaded->conf},
        {proxy_route_rows, &loaded->conf.route},
        {proxy_divert_conf_rows, &loaded->conf.divert},
    };
    const struct conf_apply apply = {
        .tables = tables,
        .table_count = 3,
        .place = SERVICE_IN_SERVER,
        .arena = &loaded->arena,
        .diag = &loaded->diag,
    };

    *loaded = (struct loaded){0};
    arena_init(&loaded->arena, 1024 * 1024);
    diag_init(&loaded->diag);
    loaded->e = conf_load(&apply, span_str(text), "p.conf");
    if (loaded->e == OK) {
        proxy_conf_check(&loaded->conf, "p.conf", &loaded->diag);
    }
}

static void unload(struct loaded *loaded)
{
    proxy_conf_fini(&loaded->conf);
    arena_fini(&loaded->arena);
    diag_fini(&loaded->diag);
}

/* All messages of one severity, a line each. */
static const char *said(const struct loaded *loaded, enum diag_severity severity)
{
    static char text[4096];
    size_t len = 0;

    text[0] = '\0';
    for (const struct diag_message *message = diag_next(&loaded->diag, NULL); message != NULL;
         message = diag_next(&loaded->diag, message)) {
        if (message->severity == severity) {
            char line[DIAG_MAX_LINE];

            len += (size_t)snprintf(text + len, sizeof text - len, "%s\n",
                                    diag_format(message, line, sizeof line));
        }
    }
    return text;
}

static bool lets_in(const struct proxy_conf *conf, const char *client)
{
    struct proxy_policy_query query = {.name_is_known = true,
                                       .method = SPAN("CONNECT"),
                                       .url = {.host = SPAN("h.test"), .port = 9000}};
    struct proxy_policy_decision decision;

    assert_true(addr_parse(span_str(client), 1, &query.client.addr));
    assert_true(addr_parse(SPAN("192.0.2.7"), 80, &query.client.local));
    assert_ok(proxy_policy_decide(&conf->policy, &query, &decision));
    return decision.verdict == PROXY_POLICY_ALLOW;
}

static void the_reference_configuration_lets_localhost_through_to_9000_and_nothing_else(
    void **state)
{
    struct loaded loaded;

    (void)state;
    load(&loaded, reference);
    assert_int_equal(loaded.e, OK);
    assert_string_equal(said(&loaded, DIAG_ERROR), "");
    assert_string_equal(said(&loaded, DIAG_WARNING), "");
    assert_true(lets_in(&loaded.conf, "127.0.0.1"));
    assert_false(lets_in(&loaded.conf, "127.0.0.2"));
    assert_false(lets_in(&loaded.conf, "203.0.113.9"));
    assert_false(lets_in(&loaded.conf, "::1"));
    assert_true(conf_ports_has(&loaded.conf.connect_ports, 9000));
    assert_false(conf_ports_has(&loaded.conf.connect_ports, 443));
    assert_int_equal(loaded.conf.via, PROXY_CONF_VIA_ON);
    assert_int_equal(loaded.conf.listens.count, 2);
    unload(&loaded);
}

static void the_mutilated_configuration_allows_nobody_and_says_why_once_per_fault(void **state)
{
    struct loaded loaded;

    (void)state;
    load(&loaded, mutilated);
    assert_int_equal(loaded.e, OK);
    assert_string_equal(said(&loaded, DIAG_ERROR), "");
    assert_int_equal(diag_count(&loaded.diag, DIAG_WARNING), 2);
    assert_non_null(strstr(said(&loaded, DIAG_WARNING), "p.conf:6: warning: <Proxy *>"));
    assert_non_null(strstr(said(&loaded, DIAG_WARNING),
                           "p.conf:9: warning: Allow from: names nobody; understood as "
                           "allowing nobody (write Allow from 127.0.0.1"));
    assert_false(lets_in(&loaded.conf, "127.0.0.1"));
    unload(&loaded);
}

static void a_proxy_that_anybody_could_use_does_not_load(void **state)
{
    static const char *const open[] = {
        "Listen 8080\nProxyRequests On\n",
        "Listen 0.0.0.0:8080\nProxyRequests On\n<Proxy *>\nRequire all granted\n</Proxy>\n",
        "Listen 8080\nProxyRequests On\n<Proxy *>\nDeny from 10.0.0.0/8\n</Proxy>\n",
        "Listen 8080\nProxyRequests On\n<Proxy *>\nOrder allow,deny\nAllow from all\n</Proxy>\n",
        "Listen 8080\nProxyRequests On\n<Proxy *>\nAllow from 127.0.0.1\n</Proxy>\n",
        "Listen 8080\nProxyRequests On\n<Proxy *>\nRequire ip 0.0.0.0/0\n</Proxy>\n",
        "Listen 8080\nProxyRequests On\n<Proxy *>\nRequire ip 128.0.0.0/1\n</Proxy>\n",
        "Listen [::]:8080\nProxyRequests On\n<Proxy *>\nRequire ip ::/0\n</Proxy>\n",
        /* a later section that only orders takes the rules of the earlier one away */
        "Listen 8080\nProxyRequests On\n<Proxy *>\nDeny from all\n</Proxy>\n"
        "<Proxy *>\nOrder deny,allow\n</Proxy>\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof open / sizeof open[0]; i++) {
        struct loaded loaded;

        load(&loaded, open[i]);
        assert_int_equal(loaded.e, OK);
        assert_int_equal(diag_count(&loaded.diag, DIAG_ERROR), 1);
        assert_non_null(strstr(said(&loaded, DIAG_ERROR), "p.conf:1: Listen: anybody who "));
        unload(&loaded);
    }
}

static void a_restricted_proxy_loads(void **state)
{
    static const char *const closed[] = {
        "Listen 127.0.0.1:8080\nProxyRequests On\n",
        "Listen 8080\nProxyRequests On\nProxyOpen On\n",
        "Listen 8080\nProxyRequests On\n<Proxy *>\nRequire ip 10.0.0.0/8 2001:db8::/32\n"
        "</Proxy>\n",
        "Listen 8080\nProxyRequests On\n<Proxy *>\nRequire local\n</Proxy>\n",
        "Listen 8080\nProxyRequests On\n<Proxy *>\nRequire host .example.test\n</Proxy>\n",
        "Listen 8080\nProxyRequests On\n<Proxy *>\nRequire all denied\n</Proxy>\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof closed / sizeof closed[0]; i++) {
        struct loaded loaded;

        load(&loaded, closed[i]);
        assert_int_equal(loaded.e, OK);
        assert_string_equal(said(&loaded, DIAG_ERROR), "");
        unload(&loaded);
    }
}

/* Rules for access have tables of their own: proxy_policy_read_test and its neighbours. */
#define HEAD "Listen 127.0.0.1:8080\nProxyRequests On\n"

static const struct {
    const char *text;
    const char *sentence;
} wrong[] = {
    {"ProxyRequests On\n", "p.conf: there is no Listen (add Listen 127.0.0.1:8080)\n"},
    {"ProxyRequests On\nListen eighty\n",
     "p.conf:2: Listen: \"eighty\" is not a port, nor an address with one (write 8080, "
     "127.0.0.1:8080 or [::1]:8080)\n"},
    {"ProxyRequests On\nListen localhost:80\n",
     "p.conf:2: Listen: \"localhost\" is not an address (write 127.0.0.1:80 or [::1]:80)\n"},
    {"ProxyRequests On\nListen ::1:80\n",
     "p.conf:2: Listen: \"::1\" is not an address (write 127.0.0.1:80 or [::1]:80)\n"},
    {HEAD "Listen 127.0.0.1:8080\n",
     "p.conf:3: Listen: 127.0.0.1:8080 is listened on already, by line 1 (remove one of "
     "them)\n"},
    {HEAD "Listen 127.0.0.1:80 https\n",
     "p.conf:3: Listen: \"https\" is not a protocol that the proxy listens for (write http, or "
     "nothing)\n"},
    {HEAD "<Proxy *>\nOrder deny, allow\n</Proxy>\n",
     "p.conf:4: Order: \"allow\" is one word too many (write Order deny,allow or allow,deny)\n"},
    {HEAD "<Proxy *>\nOrder deny\n</Proxy>\n",
     "p.conf:4: Order: \"deny\" is no order (write deny,allow or allow,deny, without a "
     "space)\n"},
    {HEAD "<Proxy *>\nAllow 127.0.0.1\n</Proxy>\n",
     "p.conf:4: Allow: \"127.0.0.1\" stands where \"from\" belongs (write Allow from "
     "127.0.0.1)\n"},
    {HEAD "<Proxy *>\nAllow from 127.0.0.1,127.0.0.2\n</Proxy>\n",
     "p.conf:4: Allow: \"127.0.0.1,127.0.0.2\" is neither an address nor a host name (write "
     "127.0.0.1, 10.0.0.0/8, 10.1, host.example or .example, with spaces between several)\n"},
    {HEAD "<Proxy *>\nDeny from env=bad\n</Proxy>\n",
     "p.conf:4: Deny: \"env=bad\": rules by environment variable are not supported (name "
     "addresses or hosts)\n"},
    {HEAD "<Proxy *>\nRequire valid-user\n</Proxy>\n",
     "p.conf:4: Require valid-user: nobody can log in: AuthType is missing (write AuthType Basic, AuthName \"...\" and AuthUserFile with a file of htpasswd's, in this section or in <Proxy *>)\n"},
    {HEAD "<Proxy *>\nRequire all maybe\n</Proxy>\n",
     "p.conf:4: Require all: needs one word behind it (write Require all granted or Require "
     "all denied)\n"},
    {HEAD "<Proxy *>\nRequire ip\n</Proxy>\n",
     "p.conf:4: Require ip: names nobody (write Require ip 10.0.0.0/8)\n"},
    {HEAD "<Proxy *>\nRequire ip 10.0.0.300\n</Proxy>\n",
     "p.conf:4: Require: \"10.0.0.300\" is not an address (write 10.1.2.3, 10.0.0.0/8, 10.1 or "
     "2001:db8::/32, with spaces between several)\n"},
    {HEAD "<Proxy *>\nRequire local yes\n</Proxy>\n",
     "p.conf:4: Require local: \"yes\" is one word too many (write Require local)\n"},
    {HEAD "Allow from 127.0.0.1\n",
     "p.conf:3: Allow may stand only inside <Proxy> or <ProxyMatch>\n"},
    {HEAD "AllowConnects 9000\n",
     "p.conf:3: unknown directive \"AllowConnects\" (did you mean AllowCONNECT?)\n"},
    {HEAD "AllowCONNECT 90000\n",
     "p.conf:3: AllowCONNECT: 90000 is not a port (1 to 65535, or a range like 9000-9010)\n"},
    {HEAD "AllowCONNECT 9443-9000\n",
     "p.conf:3: AllowCONNECT: 9443-9000 runs backwards (write 9000-9443)\n"},
    {HEAD "ProxyTimeout 10q\n",
     "p.conf:3: ProxyTimeout: \"10q\" is not a duration (write 500ms, 10s or 2m)\n"},
    {HEAD "ProxyRequests On\n", "p.conf:3: ProxyRequests is already On, at p.conf:2\n"},
    {HEAD "TunnelAllow ssh\n",
     "p.conf:3: TunnelAllow: \"ssh\" is nothing that a tunnel is known to carry (write websocket, tls, http, several of them, or any)\n"},
    {HEAD "CustomLog |/bin/cat\n",
     "p.conf:3: CustomLog: this proxy starts no programs (write to a file and let logrotate send SIGUSR1, or to /dev/stdout and let the service manager take it)\n"},
    {HEAD "CustomLog a.log nick\n",
     "p.conf:3: CustomLog: there is no LogFormat \"nick\" (write common, combined, wayleave, json, or add LogFormat \"...\" nick)\n"},
    {HEAD "LogFormat %Z\n",
     "p.conf:3: LogFormat: %Z is nothing that this proxy can log (the manual lists what is)\n"},
    {HEAD "TunnelsPerClient many\n",
     "p.conf:3: TunnelsPerClient: \"many\" is not a number (write 0 to 1000000 tunnels)\n"},
    {HEAD "ProxyRemote * parent\n",
     "p.conf:3: ProxyRemote: \"parent\" is not a parent proxy: it is no URL (write http://proxy.example:3128, or https://user:password@proxy.example:3129)\n"},
    {HEAD "ProxyVia Maybe\n",
     "p.conf:3: ProxyVia: \"Maybe\" is none of the words it knows (write Off, On, Full or Block)\n"},
};

static void each_wrong_file_gets_one_sentence_with_line_word_and_remedy(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct loaded loaded;

        load(&loaded, wrong[i].text);
        assert_int_equal(diag_count(&loaded.diag, DIAG_ERROR), 1);
        assert_string_equal(said(&loaded, DIAG_ERROR), wrong[i].sentence);
        unload(&loaded);
    }
}

static void load_the_reference(void)
{
    struct loaded loaded;

    load(&loaded, reference);
    unload(&loaded);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(load_the_reference);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            the_reference_configuration_lets_localhost_through_to_9000_and_nothing_else),
        cmocka_unit_test(the_mutilated_configuration_allows_nobody_and_says_why_once_per_fault),
        cmocka_unit_test(a_proxy_that_anybody_could_use_does_not_load),
        cmocka_unit_test(a_restricted_proxy_loads),
        cmocka_unit_test(each_wrong_file_gets_one_sentence_with_line_word_and_remedy),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
