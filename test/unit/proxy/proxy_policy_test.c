/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_policy.h"

#include "lib/testing.h"
#include "proxy/proxy_conf.h"

#include "conf/conf_load.h"

/* Reads sections and asks about one client. */
struct question {
    const char *rules;  /* the inside of one <Proxy *>, or with "|" of several */
    const char *client; /* address */
    const char *name;   /* verified host name, or NULL */
    bool admits;
};

static bool answer(const struct question *question)
{
    struct proxy_conf conf = {0};
    const struct conf_table table = {proxy_conf_rows, &conf};
    struct arena arena;
    struct diag diag;
    const struct conf_apply apply = {.tables = &table,
                                     .table_count = 1,
                                     .place = SERVICE_IN_SERVER,
                                     .arena = &arena,
                                     .diag = &diag};
    struct proxy_policy_client client = {.name = span_str(question->name)};
    struct buf text;
    unsigned line = 0;
    bool admits;

    arena_init(&arena, 1024 * 1024);
    diag_init(&diag);
    buf_init(&text, 10000);
    assert_ok(buf_append(&text, SPAN("<Proxy *>\n")));
    for (const char *c = question->rules; *c != '\0'; c++) {
        assert_ok(*c == '|' ? buf_append(&text, SPAN("\n</Proxy>\n<Proxy *>\n"))
                            : buf_append_byte(&text, (uint8_t)*c));
    }
    assert_ok(buf_append(&text, SPAN("\n</Proxy>\n")));
    assert_int_equal(conf_load(&apply, buf_span(&text), "p.conf"), OK);
    assert_true(addr_parse(span_str(question->client), 1, &client.addr));
    assert_true(addr_parse(SPAN("10.9.9.9"), 80, &client.local));
    admits = proxy_policy_admits(&conf.policy, &client, &line);
    buf_fini(&text);
    arena_fini(&arena);
    diag_fini(&diag);
    return admits;
}

/* clang-format off */
static const struct question questions[] = {
    {"", "10.0.0.1", NULL, true},
    /* Order deny,allow: Allow has the last word, the rest is let in */
    {"Order deny,allow\nDeny from all\nAllow from 10.0.0.0/8", "10.0.0.1", NULL, true},
    {"Order deny,allow\nDeny from all\nAllow from 10.0.0.0/8", "11.0.0.1", NULL, false},
    {"Order deny,allow\nDeny from 10.0.0.0/8", "11.0.0.1", NULL, true},
    /* without Order it is deny,allow, and Order may come last */
    {"Allow from 10.0.0.1", "11.0.0.1", NULL, true},
    {"Allow from 10.0.0.1\nOrder allow,deny", "11.0.0.1", NULL, false},
    /* Order allow,deny: Deny has the last word, the rest is refused */
    {"Order allow,deny\nAllow from all\nDeny from 10.0.0.1", "10.0.0.1", NULL, false},
    {"Order allow,deny\nAllow from all\nDeny from 10.0.0.1", "10.0.0.2", NULL, true},
    {"Order mutual-failure\nAllow from 10.0.0.1", "10.0.0.1", NULL, true},
    {"Order mutual-failure\nAllow from 10.0.0.1", "10.0.0.2", NULL, false},
    /* partial addresses, masks, host bits */
    {"Order allow,deny\nAllow from 10.1", "10.1.200.3", NULL, true},
    {"Order allow,deny\nAllow from 10.1", "10.2.0.1", NULL, false},
    {"Order allow,deny\nAllow from 10.0.0.0/255.255.255.0", "10.0.0.77", NULL, true},
    {"Order allow,deny\nAllow from 127.0.0.1/24", "127.0.0.99", NULL, true},
    {"Order allow,deny\nAllow from 2001:db8::/32", "2001:db8:1::5", NULL, true},
    /* host names match by whole labels and without case */
    {"Order allow,deny\nAllow from example.test", "10.0.0.1", "www.Example.TEST", true},
    {"Order allow,deny\nAllow from .example.test", "10.0.0.1", "example.test", true},
    {"Order allow,deny\nAllow from ample.test", "10.0.0.1", "www.example.test", false},
    {"Order allow,deny\nAllow from example.test", "10.0.0.1", NULL, false},
    /* Require: any line will do */
    {"Require ip 10.0.0.1\nRequire ip 10.0.0.2", "10.0.0.2", NULL, true},
    {"Require ip 10.0.0.1 10.0.0.2", "10.0.0.3", NULL, false},
    {"Require local", "127.0.0.77", NULL, true},
    {"Require local", "::1", NULL, true},
    {"Require local", "10.9.9.9", NULL, true},
    {"Require local", "10.9.9.8", NULL, false},
    {"Require all denied", "127.0.0.1", NULL, false},
    {"Require all granted", "192.0.2.1", NULL, true},
    {"Require host example.test", "10.0.0.1", "a.example.test", true},
    /* both families hold */
    {"Deny from 10.0.0.1\nRequire all granted", "10.0.0.1", NULL, false},
    {"Allow from all\nRequire ip 10.0.0.2", "10.0.0.1", NULL, false},
    /* a later section replaces the family it speaks of, and only that */
    {"Deny from all|Order deny,allow", "10.0.0.1", NULL, true},
    {"Deny from all|Allow from 10.0.0.2", "10.0.0.1", NULL, true},
    {"Deny from all|Require all granted", "10.0.0.1", NULL, false},
    {"Require all denied|Require ip 10.0.0.1", "10.0.0.1", NULL, true},
};
/* clang-format on */

static void rules_mean_what_they_mean_in_httpd(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++) {
        if (answer(&questions[i]) != questions[i].admits) {
            fail_msg("row %zu: %s -> %s", i, questions[i].rules, questions[i].client);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_mean_what_they_mean_in_httpd),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
