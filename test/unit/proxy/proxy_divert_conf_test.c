/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_divert_conf.h"

#include "conf/conf_load.h"
#include "lib/oom.h"
#include "lib/testing.h"
#include "proxy/proxy_conf.h"

#include <stdio.h>

struct loaded {
    struct proxy_conf conf;
    struct arena arena;
    struct diag diag;
};

static void load(struct loaded *loaded, const char *text)
{
    const struct conf_table tables[] = {
        {proxy_conf_rows, &loaded->conf},
        {proxy_divert_conf_rows, &loaded->conf.divert},
    };
    const struct conf_apply apply = {
        .tables = tables,
        .table_count = 2,
        .place = SERVICE_IN_SERVER,
        .arena = &loaded->arena,
        .diag = &loaded->diag,
    };

    *loaded = (struct loaded){0};
    arena_init(&loaded->arena, 1024 * 1024);
    diag_init(&loaded->diag);
    if (conf_load(&apply, span_str(text), "t.conf") == OK) {
        proxy_conf_check(&loaded->conf, "t.conf", &loaded->diag);
    }
}

static void unload(struct loaded *loaded)
{
    proxy_conf_fini(&loaded->conf);
    arena_fini(&loaded->arena);
    diag_fini(&loaded->diag);
}

/* All that was said, a line each. */
static const char *said(const struct loaded *loaded)
{
    static char text[4096];
    char line[DIAG_MAX_LINE];
    size_t len = 0;

    text[0] = '\0';
    for (const struct diag_message *message = diag_next(&loaded->diag, NULL); message != NULL;
         message = diag_next(&loaded->diag, message)) {
        len += (size_t)snprintf(text + len, sizeof text - len, "%s\n",
                                diag_format(message, line, sizeof line));
    }
    return text;
}

#define RULES "<Proxy *>\nRequire ip 10\n</Proxy>\n"

static void a_transparent_proxy_needs_no_listen_and_no_proxy_requests(void **state)
{
    struct loaded loaded;
    const struct proxy_divert_conf *conf = &loaded.conf.divert;

    (void)state;
    load(&loaded, "TransparentListen 3129\nTransparentListen 127.0.0.1:3130 TProxy\n" RULES);
    assert_string_equal(said(&loaded), "");
    assert_int_equal(conf->listens.count, 3);
    assert_true(conf->listens.ptr[0].is_optional); /* the IPv6 half */
    assert_false(conf->listens.ptr[1].is_tproxy);
    assert_true(conf->listens.ptr[2].is_tproxy);
    assert_int_equal(addr_port(&conf->listens.ptr[2].addr), 3130);

    assert_int_equal(conf->source, PROXY_DIVERT_CONF_PROXY);
    assert_false(proxy_divert_conf_spoofs(conf));
    assert_int_equal(conf->detect_timeout, 5000);
    assert_int_equal(conf->other, PROXY_DIVERT_CONF_REFUSE);
    assert_false(conf->verifies);
    assert_true(conf_ports_has(&conf->server_first, 22));
    assert_true(conf_ports_has(&conf->server_first, 5900));
    assert_false(conf_ports_has(&conf->server_first, 443));
    unload(&loaded);
}

static void everything_can_be_said(void **state)
{
    struct loaded loaded;
    const struct proxy_divert_conf *conf = &loaded.conf.divert;

    (void)state;
    load(&loaded,
         "Listen 10.0.0.1:8080\nProxyRequests On\nTransparentListen [::1]:3129 tproxy\n"
         "TransparentSource Client\nTransparentServerFirst 23 6000-6010\n"
         "TransparentDetectTimeout 500ms\nTransparentOther Tunnel\n"
         "TransparentVerify On\n" RULES);
    assert_string_equal(said(&loaded), "");
    assert_true(proxy_divert_conf_spoofs(conf));
    assert_int_equal(conf->detect_timeout, 500);
    assert_int_equal(conf->other, PROXY_DIVERT_CONF_TUNNEL);
    assert_true(conf->verifies);
    assert_true(conf_ports_has(&conf->server_first, 6005));
    assert_false(conf_ports_has(&conf->server_first, 22));
    unload(&loaded);
}

#define STRANGERS                                                                             \
    "anybody who reaches 0.0.0.0:3129 could use this proxy, which endangers your network "    \
    "and everyone else's (add <Proxy *>, Require ip and your clients' network, </Proxy>; or " \
    "listen on 127.0.0.1; or, if it is meant, ProxyOpen On)\n"

static const struct {
    const char *text;
    const char *sentence;
} wrong[] = {
    {"TransparentListen 0.0.0.0:3129\n", "t.conf:1: TransparentListen: " STRANGERS},
    {"TransparentListen 0.0.0.0:3129\nListen 127.0.0.1:8080\nProxyRequests On\n",
     "t.conf:1: TransparentListen: " STRANGERS},
    {"TransparentListen 0.0.0.0:3129 nat\n" RULES,
     "t.conf:1: TransparentListen: \"nat\" is no way that connections are diverted (write "
     "redirect for nftables' redirect or iptables' REDIRECT, tproxy for TPROXY, or nothing for "
     "redirect)\n"},
    {"Listen 127.0.0.1:8080\nProxyRequests On\nTransparentListen many\n",
     "t.conf:3: TransparentListen: \"many\" is not a port, nor an address with one (write 8080, "
     "127.0.0.1:8080 or [::1]:8080)\n"},
    {"Listen 127.0.0.1:8080\nProxyRequests On\nTransparentListen router:3129 tproxy\n",
     "t.conf:3: TransparentListen: \"router\" is not an address (write 127.0.0.1:3129 or "
     "[::1]:3129)\n"},
    {"TransparentListen 127.0.0.1:3129\nTransparentListen 127.0.0.1:3129 tproxy\n",
     "t.conf:2: TransparentListen: 127.0.0.1:3129 is listened on already, by line 1 (remove one "
     "of them)\n"},
    {"TransparentListen 127.0.0.1:3129\nProxyRequests On\nListen 127.0.0.1:3129\n",
     "t.conf:1: TransparentListen: 127.0.0.1:3129 is listened on already, by Listen in line 3 "
     "(choose another port: diverted connections need one of their own)\n"},
    {"TransparentListen 127.0.0.1:3129\nTransparentSource client\n",
     "t.conf:2: TransparentSource client: there is no TransparentListen with tproxy, and only "
     "there the client's address can be used (write TransparentListen 3129 tproxy, or "
     "TransparentSource proxy)\n"},
    {"TransparentListen 127.0.0.1:3129\nTransparentListen 127.0.0.1:3130 tproxy\n"
     "TransparentSource client\n",
     "t.conf:3: warning: TransparentSource client holds for TransparentListen with tproxy only: "
     "behind redirect, servers see the proxy's address\n"},
    {"TransparentListen 127.0.0.1:3129\nTransparentSource server\n",
     "t.conf:2: TransparentSource: \"server\" is no address to connect from (write proxy or "
     "client)\n"},
    {"TransparentListen 127.0.0.1:3129\nTransparentSource proxy\nTransparentSource proxy\n",
     "t.conf:3: TransparentSource stands already at t.conf:2 (write it once)\n"},
    {"TransparentListen 127.0.0.1:3129\nTransparentServerFirst ssh\n",
     "t.conf:2: TransparentServerFirst: \"ssh\" is not a port (1 to 65535, or a range like "
     "9000-9010)\n"},
    {"TransparentListen 127.0.0.1:3129\nTransparentDetectTimeout 10ms\n",
     "t.conf:2: TransparentDetectTimeout: 10ms is too short (write 100ms to 1m)\n"},
    {"TransparentListen 127.0.0.1:3129\nTransparentOther maybe\n",
     "t.conf:2: TransparentOther: \"maybe\" is none of the words it knows (write refuse or "
     "tunnel)\n"},
    {"TransparentListen 127.0.0.1:3129\nTransparentVerify always\n",
     "t.conf:2: TransparentVerify: \"always\" is neither On nor Off (write On or Off)\n"},
};

static void each_wrong_line_gets_one_sentence_with_a_remedy(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct loaded loaded;

        load(&loaded, wrong[i].text);
        assert_string_equal(said(&loaded), wrong[i].sentence);
        unload(&loaded);
    }
}

static void who_means_it_may_divert_everybody(void **state)
{
    struct loaded loaded;

    (void)state;
    load(&loaded, "TransparentListen 3129\nProxyOpen On\n");
    assert_string_equal(said(&loaded), "");
    unload(&loaded);
}

static void load_one(void)
{
    struct loaded loaded;

    load(&loaded, "TransparentListen 3129\nTransparentSource proxy\n" RULES);
    unload(&loaded);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(load_one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_transparent_proxy_needs_no_listen_and_no_proxy_requests),
        cmocka_unit_test(everything_can_be_said),
        cmocka_unit_test(each_wrong_line_gets_one_sentence_with_a_remedy),
        cmocka_unit_test(who_means_it_may_divert_everybody),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
