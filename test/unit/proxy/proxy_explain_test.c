/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_explain.h"

#include "lib/oom.h"
#include "lib/testing.h"
#include "unit/proxy/policy_fixture.h"

static struct proxy_conf conf;
static struct arena arena;
static struct diag diag;

#define ROW(directive, kind, member) \
    .name = (directive), .type = (kind), CONF_SCHEMA_FIELD(struct proxy_conf, member)

/* What an explanation looks at. */
/* clang-format off */
static const struct directive rows_looked_at[] = {
    {ROW("ProxyRequests", CONF_SWITCH, requests), .initial = "Off", .where = SERVICE_IN_SERVER},
    {ROW("AllowCONNECT", CONF_PORTS, connect_ports), .min = 1, .max = 65535,
     .initial = "443 563", .where = SERVICE_IN_SERVER},
    {.name = NULL},
};
/* clang-format on */

static enum err load(const char *text)
{
    const struct conf_table tables[] = {{rows_looked_at, &conf},
                                        {policy_fixture_rows, &conf.policy}};
    const struct conf_apply apply = {.tables = tables,
                                     .table_count = 2,
                                     .place = SERVICE_IN_SERVER,
                                     .arena = &arena,
                                     .diag = &diag};

    memset(&conf, 0, sizeof conf);
    arena_init(&arena, 8 * 1024 * 1024);
    diag_init(&diag);
    return conf_load(&apply, span_str(text), "p.conf");
}

static void unload(void)
{
    diag_fini(&diag);
    arena_fini(&arena);
}

struct row {
    const char *client, *method, *url;
    bool allowed;
    const char *says[4]; /* parts of the text, in this order */
};

static void explain_row(const struct row *row)
{
    struct buf out;
    const char *at;
    bool allowed = !row->allowed;

    buf_init(&out, PROXY_EXPLAIN_BYTES_MAX);
    assert_ok(proxy_explain(&conf, span_str(row->client), span_str(row->method),
                            span_str(row->url), &out, &allowed));
    assert_ok(buf_append_byte(&out, '\0'));
    at = (const char *)out.ptr;
    for (size_t i = 0; i < 4 && row->says[i] != NULL; i++) {
        at = strstr(at, row->says[i]);
        if (at == NULL) {
            fail_msg("\"%s\" is not in:\n%s", row->says[i], (const char *)out.ptr);
        }
    }
    if (allowed != row->allowed) {
        fail_msg("%s", (const char *)out.ptr);
    }
    buf_fini(&out);
}

/* clang-format off */
static void an_explanation_names_the_lines_in_order(void **state)
{
    static const struct row rows[] = {
        {"127.0.0.1", "CONNECT", "h:9000", true,
         {"CONNECT h:9000 by a client at 127.0.0.1\n", "p.conf:4: <Proxy *> applies",
          "p.conf:7: Allow from 127.0.0.1: names the client",
          "The rules let it pass.\nAllowCONNECT has its port.\n=> allowed\n"}},
        {"10.0.0.1", "CONNECT", "h:9000", false,
         {"p.conf:5: Order deny,allow", "p.conf:6: Deny from all: names the client",
          "p.conf:6 refuses it (403): Deny from all names the client.", "=> refused"}},
        {"127.0.0.1", "CONNECT", "h:443", false, {"AllowCONNECT does not have port 443 (403)"}},
        {"127.0.0.1", "GET", "http://h/x/../private", false,
         {"p.conf:9: <Proxy http://h/private> applies to some way of writing this address",
          "Require is that of p.conf:9", "p.conf:10: Require all denied: does not grant",
          "p.conf:10 refuses it (403)"}},
        {"127.0.0.1=pc.example.test", "GET", "http://named/", true,
         {"(pc.example.test)", "p.conf:13: Require host example.test: grants"}},
        {"127.0.0.1", "GET", "http://named/", false,
         {"p.conf:13: Require host example.test: does not grant", "A rule asks for the client's host name"}},
    };

    (void)state;
    assert_ok(load("\n"
                   "ProxyRequests On\n"
                   "AllowCONNECT 9000\n"
                   "<Proxy *>\n"
                   "Order deny,allow\n"
                   "Deny from all\n"
                   "Allow from 127.0.0.1\n"
                   "</Proxy>\n"
                   "<Proxy http://h/private>\n"
                   "Require all denied\n"
                   "</Proxy>\n"
                   "<Proxy http://named/>\n"
                   "Require host example.test\n"
                   "</Proxy>\n"));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        explain_row(&rows[i]);
    }
    unload();
}

static void a_user_is_taken_at_his_word(void **state)
{
    static const struct row rows[] = {
        {"10.0.0.1", "GET", "http://h/", false,
         {"p.conf:8: Require user alice: needs a login",
          "p.conf:8 asks for a login (407): Require user alice asks for a login",
          "=> a login is asked for"}},
        {"alice@10.0.0.1", "GET", "http://h/", true,
         {"who logs in as alice", "p.conf:8: Require user alice: grants", "=> allowed"}},
        {"bob@10.0.0.1", "GET", "http://h/", false,
         {"p.conf:8: Require user alice: does not grant", "does not let this user pass"}},
        {"carol@10.0.0.1", "GET", "http://h/", false, {"has no user carol."}},
        {"alice@11.0.0.1", "GET", "http://h/", false,
         {"p.conf:6: <RequireAll>: does not grant", "p.conf:7 refuses it (403): Require ip 10"}},
    };
    const char *path = policy_fixture_file("x", "alice:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n"
                                                "bob:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n");
    char text[8192];

    (void)state;
    snprintf(text, sizeof text,
             "ProxyRequests On\n<Proxy *>\nAuthType Basic\nAuthName x\nAuthUserFile %s\n"
             "<RequireAll>\nRequire ip 10\nRequire user alice\n</RequireAll>\n</Proxy>\n",
             path);
    assert_ok(load(text));
    unlink(path);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        explain_row(&rows[i]);
    }
    unload();
}
/* clang-format on */

static void words_that_are_none_are_sent_back(void **state)
{
    static const char *const rows[][3] = {
        {"h", "GET", "http://h/"},          {"@10.0.0.1", "GET", "http://h/"},
        {"10.0.0.1", "GET", "/"},           {"10.0.0.1", "CONNECT", "h"},
        {"10.0.0.1", "GET", "http://a@h/"},
    };

    (void)state;
    assert_ok(load("ProxyRequests On\n"));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buf out;
        bool allowed;

        buf_init(&out, 1000);
        assert_int_equal(proxy_explain(&conf, span_str(rows[i][0]), span_str(rows[i][1]),
                                       span_str(rows[i][2]), &out, &allowed),
                         ERR_CONF);
        assert_true(span_starts(buf_span(&out), SPAN("wayleave config: --explain: \"")));
        buf_fini(&out);
    }
    unload();
}

static void a_proxy_that_is_off_refuses_first(void **state)
{
    const struct row row = {
        "127.0.0.1", "GET", "http://h/", false, {"ProxyRequests is Off (405).\n=> refused\n"}};

    (void)state;
    assert_ok(load(""));
    explain_row(&row);
    unload();
}

static void a_diverted_client_needs_no_proxy_requests(void **state)
{
    /* clang-format off */
    static const struct row rows[] = {
        {"10.0.0.1", "GET", "http://h/", true,
         {"ProxyRequests is Off: at a Listen it is refused (405)", "p.conf:3", "=> allowed\n"}},
        {"10.0.0.1", "CONNECT", "h:443", true, {"diverted", "AllowCONNECT has", "=> allowed\n"}},
        {"192.0.2.1", "GET", "http://h/", false, {"diverted", "=> refused\n"}},
    };
    /* clang-format on */

    (void)state;
    assert_ok(load("AllowCONNECT 443\n<Proxy *>\nRequire ip 10\n</Proxy>\n"));
    conf.divert.listens.count = 1; /* its row is tested with its own table */
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        explain_row(&rows[i]);
    }
    unload();
}

static void explain_some(void)
{
    struct buf out;
    bool allowed;

    buf_init(&out, 10000);
    if (load("ProxyRequests On\n<Proxy http://h/>\nDeny from 10\n</Proxy>\n") == OK) {
        (void)!proxy_explain(&conf, SPAN("10.0.0.1"), SPAN("GET"), SPAN("http://h/"), &out,
                             &allowed);
    }
    buf_fini(&out);
    unload();
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(explain_some);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_explanation_names_the_lines_in_order),
        cmocka_unit_test(a_user_is_taken_at_his_word),
        cmocka_unit_test(words_that_are_none_are_sent_back),
        cmocka_unit_test(a_proxy_that_is_off_refuses_first),
        cmocka_unit_test(a_diverted_client_needs_no_proxy_requests),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
