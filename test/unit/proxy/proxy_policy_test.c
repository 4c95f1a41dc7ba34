/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_policy.h"

#include "lib/oom.h"
#include "lib/testing.h"
#include "unit/proxy/policy_fixture.h"

#include "http1/http1_target.h"

/* Reads sections and asks about one request. */
struct question {
    const char *rules;  /* the inside of one <Proxy *>, or with "|" of several; or whole
                           sections, when it begins with "<Proxy" */
    const char *client; /* address */
    const char *name;   /* verified host name; NULL: looked up in vain; "?": not looked up */
    const char *asks;   /* "METHOD target"; NULL: a CONNECT */
    const char *user;   /* logged in; or NULL */
    enum proxy_policy_verdict verdict;
};

#define ALLOW      PROXY_POLICY_ALLOW
#define DENY       PROXY_POLICY_DENY
#define LOGIN      PROXY_POLICY_LOGIN
#define NEEDS_NAME PROXY_POLICY_NEEDS_NAME

static char users_file[4096], groups_file[4096];

static void make_files(void)
{
    snprintf(users_file, sizeof users_file, "%s",
             policy_fixture_file("users", "alice:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n"
                                          "bob:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n"));
    snprintf(groups_file, sizeof groups_file, "%s",
             policy_fixture_file("groups", "staff: alice\nnobody:\n"));
}

/* "@" stands for what a login takes. */
static void append_rules(struct buf *text, const char *rules)
{
    bool whole = strncmp(rules, "<Proxy", 6) == 0;

    if (!whole) {
        assert_ok(buf_append(text, SPAN("<Proxy *>\n")));
    }
    for (const char *c = rules; *c != '\0'; c++) {
        if (*c == '|' && !whole) {
            assert_ok(buf_append(text, SPAN("\n</Proxy>\n<Proxy *>\n")));
        } else if (*c == '@') {
            assert_ok(buf_printf(text,
                                 "AuthType Basic\nAuthName \"the lab\"\nAuthUserFile \"%s\"\n"
                                 "AuthGroupFile \"%s\"\n",
                                 users_file, groups_file));
        } else {
            assert_ok(buf_append_byte(text, (uint8_t)*c));
        }
    }
    assert_ok(buf_append(text, whole ? SPAN("\n") : SPAN("\n</Proxy>\n")));
    assert_ok(buf_append_byte(text, '\0'));
}

static void set_request(struct proxy_policy_query *query, const char *asks)
{
    struct span text = span_str(asks == NULL ? "CONNECT example.test:443" : asks);
    struct http1_target target;
    enum http1_fault fault;
    size_t space = span_find(text, ' ');

    query->method = span_head(text, space);
    assert_ok(http1_target_read(query->method, span_tail(text, space + 1), &target, &fault));
    query->url = (struct proxy_section_url){
        .scheme = target.scheme,
        .host = target.authority.host,
        .port = target.authority.port != 0 ? target.authority.port
                                           : http1_authority_default_port(target.scheme),
        .path = target.path,
        .query = target.has_query ? target.query : (struct span){NULL, 0},
    };
}

static void decide(const struct question *question, struct proxy_policy_decision *decision)
{
    struct proxy_policy_query query = {.name_is_known = true};
    struct policy_fixture fixture;
    struct buf text;
    char said[4096];
    enum err e;

    buf_init(&text, 20000);
    append_rules(&text, question->rules);
    e = policy_fixture_init(&fixture, (const char *)text.ptr, "p.conf");
    if (e != OK) {
        policy_fixture_said(&fixture, said, sizeof said);
        fail_msg("%s\n%s", question->rules, said);
    }
    assert_true(addr_parse(span_str(question->client), 1, &query.client.addr));
    assert_true(addr_parse(SPAN("10.9.9.9"), 80, &query.client.local));
    if (question->name != NULL && strcmp(question->name, "?") == 0) {
        query.name_is_known = false;
    } else {
        query.client.name = span_str(question->name);
    }
    set_request(&query, question->asks);
    if (question->user != NULL) {
        query.user = span_str(question->user);
        query.users = fixture.policy.sections->users;
    }
    assert_ok(proxy_policy_decide(&fixture.policy, &query, decision));
    policy_fixture_fini(&fixture);
    buf_fini(&text);
}

static void ask_all(const struct question *questions, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct proxy_policy_decision decision;

        decide(&questions[i], &decision);
        if (decision.verdict != questions[i].verdict) {
            fail_msg("row %zu: %s -> %s %s: %d (%s)", i, questions[i].rules,
                     questions[i].client, questions[i].asks, (int)decision.verdict,
                     decision.sentence);
        }
    }
}

#define ASK_ALL(questions) ask_all(questions, sizeof questions / sizeof questions[0])

/* clang-format off */
static const struct question access_questions[] = {
    {"", "10.0.0.1", NULL, NULL, NULL, ALLOW},
    /* Order deny,allow: Allow has the last word, the rest is let in */
    {"Order deny,allow\nDeny from all\nAllow from 10.0.0.0/8", "10.0.0.1", NULL, NULL, NULL, ALLOW},
    {"Order deny,allow\nDeny from all\nAllow from 10.0.0.0/8", "11.0.0.1", NULL, NULL, NULL, DENY},
    {"Order deny,allow\nDeny from 10.0.0.0/8", "11.0.0.1", NULL, NULL, NULL, ALLOW},
    /* without Order it is deny,allow, and Order may come last */
    {"Allow from 10.0.0.1", "11.0.0.1", NULL, NULL, NULL, ALLOW},
    {"Allow from 10.0.0.1\nOrder allow,deny", "11.0.0.1", NULL, NULL, NULL, DENY},
    /* Order allow,deny: Deny has the last word, the rest is refused */
    {"Order allow,deny\nAllow from all\nDeny from 10.0.0.1", "10.0.0.1", NULL, NULL, NULL, DENY},
    {"Order allow,deny\nAllow from all\nDeny from 10.0.0.1", "10.0.0.2", NULL, NULL, NULL, ALLOW},
    {"Order mutual-failure\nAllow from 10.0.0.1", "10.0.0.1", NULL, NULL, NULL, ALLOW},
    {"Order mutual-failure\nAllow from 10.0.0.1", "10.0.0.2", NULL, NULL, NULL, DENY},
    /* partial addresses, masks, host bits */
    {"Order allow,deny\nAllow from 10.1", "10.1.200.3", NULL, NULL, NULL, ALLOW},
    {"Order allow,deny\nAllow from 10.1", "10.2.0.1", NULL, NULL, NULL, DENY},
    {"Order allow,deny\nAllow from 10.0.0.0/255.255.255.0", "10.0.0.77", NULL, NULL, NULL, ALLOW},
    {"Order allow,deny\nAllow from 127.0.0.1/24", "127.0.0.99", NULL, NULL, NULL, ALLOW},
    {"Order allow,deny\nAllow from 2001:db8::/32", "2001:db8:1::5", NULL, NULL, NULL, ALLOW},
    {"Order allow,deny\nAllow from 10.0.0.0/8", "::ffff:10.1.2.3", NULL, NULL, NULL, ALLOW},
    /* host names match by whole labels and without case */
    {"Order allow,deny\nAllow from example.test", "10.0.0.1", "www.Example.TEST", NULL, NULL, ALLOW},
    {"Order allow,deny\nAllow from .example.test", "10.0.0.1", "example.test", NULL, NULL, ALLOW},
    {"Order allow,deny\nAllow from ample.test", "10.0.0.1", "www.example.test", NULL, NULL, DENY},
    {"Order allow,deny\nAllow from example.test", "10.0.0.1", NULL, NULL, NULL, DENY},
    {"Order allow,deny\nAllow from example.test.", "10.0.0.1", "a.example.test.", NULL, NULL, ALLOW},
    /* Require: any line will do */
    {"Require ip 10.0.0.1\nRequire ip 10.0.0.2", "10.0.0.2", NULL, NULL, NULL, ALLOW},
    {"Require ip 10.0.0.1 10.0.0.2", "10.0.0.3", NULL, NULL, NULL, DENY},
    {"Require local", "127.0.0.77", NULL, NULL, NULL, ALLOW},
    {"Require local", "::1", NULL, NULL, NULL, ALLOW},
    {"Require local", "10.9.9.9", NULL, NULL, NULL, ALLOW},
    {"Require local", "10.9.9.8", NULL, NULL, NULL, DENY},
    {"Require all denied", "127.0.0.1", NULL, NULL, NULL, DENY},
    {"Require all granted", "192.0.2.1", NULL, NULL, NULL, ALLOW},
    {"Require host example.test", "10.0.0.1", "a.example.test", NULL, NULL, ALLOW},
    /* methods: HEAD needs no permission beside GET, but is none for it */
    {"Require method CONNECT", "10.0.0.1", NULL, NULL, NULL, ALLOW},
    {"Require method GET POST", "10.0.0.1", NULL, NULL, NULL, DENY},
    {"Require method GET POST", "10.0.0.1", NULL, "HEAD http://h/", NULL, ALLOW},
    {"Require method HEAD", "10.0.0.1", NULL, "GET http://h/", NULL, DENY},
    {"Require method HEAD", "10.0.0.1", NULL, "HEAD http://h/", NULL, ALLOW},
    /* both families hold */
    {"Deny from 10.0.0.1\nRequire all granted", "10.0.0.1", NULL, NULL, NULL, DENY},
    {"Allow from all\nRequire ip 10.0.0.2", "10.0.0.1", NULL, NULL, NULL, DENY},
    /* a later section replaces the family it speaks of, and only that */
    {"Deny from all|Order deny,allow", "10.0.0.1", NULL, NULL, NULL, ALLOW},
    {"Deny from all|Allow from 10.0.0.2", "10.0.0.1", NULL, NULL, NULL, ALLOW},
    {"Deny from all|Satisfy all", "10.0.0.1", NULL, NULL, NULL, ALLOW},
    {"Deny from all|Require all granted", "10.0.0.1", NULL, NULL, NULL, DENY},
    {"Require all denied|Require ip 10.0.0.1", "10.0.0.1", NULL, NULL, NULL, ALLOW},
    /* Satisfy: the side of which nobody speaks grants */
    {"Satisfy any\nDeny from all", "10.0.0.1", NULL, NULL, NULL, ALLOW},
    {"Satisfy any\nDeny from all\nRequire ip 10.0.0.2", "10.0.0.1", NULL, NULL, NULL, DENY},
    {"Satisfy any\nDeny from all\nRequire ip 10.0.0.2", "10.0.0.2", NULL, NULL, NULL, ALLOW},
    {"Satisfy any\nRequire ip 10.0.0.2", "10.0.0.1", NULL, NULL, NULL, ALLOW},
    {"Satisfy all\nDeny from all\nRequire ip 10.0.0.2", "10.0.0.2", NULL, NULL, NULL, DENY},
};

static const struct question container_questions[] = {
    {"<RequireAll>\nRequire ip 10\nRequire not ip 10.0.0.1\n</RequireAll>", "10.0.0.1", NULL, NULL, NULL, DENY},
    {"<RequireAll>\nRequire ip 10\nRequire not ip 10.0.0.1\n</RequireAll>", "10.0.0.2", NULL, NULL, NULL, ALLOW},
    {"<RequireAll>\nRequire ip 10\nRequire method GET\n</RequireAll>", "10.0.0.2", NULL, NULL, NULL, DENY},
    {"<RequireAny>\nRequire ip 10\nRequire method GET\n</RequireAny>", "10.0.0.2", NULL, NULL, NULL, ALLOW},
    {"<RequireAll>\nRequire all granted\n<RequireNone>\nRequire ip 10\nRequire ip 11\n"
     "</RequireNone>\n</RequireAll>", "11.0.0.2", NULL, NULL, NULL, DENY},
    {"<RequireAll>\nRequire all granted\n<RequireNone>\nRequire ip 10\nRequire ip 11\n"
     "</RequireNone>\n</RequireAll>", "12.0.0.2", NULL, NULL, NULL, ALLOW},
    {"<RequireAll>\n<RequireAny>\nRequire ip 10\nRequire ip 11\n</RequireAny>\n"
     "Require not method POST\n</RequireAll>", "11.0.0.2", NULL, NULL, NULL, ALLOW},
    {"Require ip 10\n<RequireAll>\nRequire ip 11\nRequire method GET\n</RequireAll>",
     "11.0.0.2", NULL, "GET http://h/", NULL, ALLOW},
};

static const struct question login_questions[] = {
    {"@Require valid-user", "10.0.0.1", NULL, NULL, NULL, LOGIN},
    {"@Require valid-user", "10.0.0.1", NULL, NULL, "bob", ALLOW},
    {"@Require user alice", "10.0.0.1", NULL, NULL, "alice", ALLOW},
    {"@Require user alice", "10.0.0.1", NULL, NULL, "Alice", LOGIN},
    {"@Require user alice", "10.0.0.1", NULL, NULL, "bob", LOGIN}, /* another login than this */
    {"@Require group staff", "10.0.0.1", NULL, NULL, "alice", ALLOW},
    {"@Require group staff", "10.0.0.1", NULL, NULL, "bob", LOGIN},
    {"@Require group nobody", "10.0.0.1", NULL, NULL, "", LOGIN},
    /* "or": no login when the address is enough */
    {"@Require ip 10\nRequire valid-user", "10.0.0.1", NULL, NULL, NULL, ALLOW},
    {"@Require ip 10\nRequire valid-user", "11.0.0.1", NULL, NULL, NULL, LOGIN},
    /* "and": no login where it could not help */
    {"@<RequireAll>\nRequire ip 10\nRequire valid-user\n</RequireAll>", "11.0.0.1", NULL, NULL, NULL, DENY},
    {"@<RequireAll>\nRequire ip 10\nRequire valid-user\n</RequireAll>", "11.0.0.1", NULL, NULL, "bob", DENY},
    {"@<RequireAll>\nRequire ip 10\nRequire valid-user\n</RequireAll>", "10.0.0.1", NULL, NULL, NULL, LOGIN},
    {"@<RequireAll>\nRequire valid-user\nRequire not user bob\n</RequireAll>", "10.0.0.1", NULL, NULL, NULL, LOGIN},
    {"@<RequireAll>\nRequire valid-user\nRequire not user bob\n</RequireAll>", "10.0.0.1", NULL, NULL, "bob", LOGIN},
    {"@<RequireAll>\nRequire valid-user\nRequire not user bob\n</RequireAll>", "10.0.0.1", NULL, NULL, "alice", ALLOW},
    /* Deny comes before any login; Satisfy any turns it round */
    {"@Deny from all\nRequire valid-user", "10.0.0.1", NULL, NULL, "bob", DENY},
    {"@Deny from all\nRequire valid-user\nSatisfy any", "10.0.0.1", NULL, NULL, NULL, LOGIN},
    {"@Deny from all\nRequire valid-user\nSatisfy any", "10.0.0.1", NULL, NULL, "bob", ALLOW},
    {"@Allow from all\nRequire valid-user\nSatisfy any", "10.0.0.1", NULL, NULL, NULL, ALLOW},
    /* AuthType and no Require: nobody, as httpd's 500 */
    {"<Proxy *>\n@</Proxy>\n<Proxy other:1>\nRequire valid-user\n</Proxy>", "10.0.0.1", NULL, NULL, NULL, DENY},
    /* what a login takes may come from another section, piece by piece */
    {"@Require all denied|Require valid-user", "10.0.0.1", NULL, NULL, NULL, LOGIN},
    {"@Require all denied|AuthName other\nRequire valid-user", "10.0.0.1", NULL, NULL, "bob", ALLOW},
};

static const struct question name_questions[] = {
    {"Order allow,deny\nAllow from example.test", "10.0.0.1", "?", NULL, NULL, NEEDS_NAME},
    /* nobody is looked up whose name could not change anything */
    {"Order deny,allow\nDeny from example.test\nAllow from 10", "10.0.0.1", "?", NULL, NULL, ALLOW},
    {"Order deny,allow\nDeny from example.test\nAllow from 10", "11.0.0.1", "?", NULL, NULL, NEEDS_NAME},
    {"Order deny,allow\nDeny from 10\nAllow from example.test", "10.0.0.1", "?", NULL, NULL, NEEDS_NAME},
    {"Order deny,allow\nDeny from 10\nAllow from example.test", "11.0.0.1", "?", NULL, NULL, ALLOW},
    {"Order allow,deny\nAllow from example.test\nDeny from 10", "10.0.0.1", "?", NULL, NULL, DENY},
    {"Order allow,deny\nAllow from 10\nDeny from example.test", "11.0.0.1", "?", NULL, NULL, DENY},
    {"Order allow,deny\nAllow from 10\nDeny from example.test", "10.0.0.1", "?", NULL, NULL, NEEDS_NAME},
    {"Order allow,deny\nAllow from example.test 10", "10.0.0.1", "?", NULL, NULL, ALLOW},
    {"Require host example.test\nRequire ip 10", "10.0.0.1", "?", NULL, NULL, ALLOW},
    {"Require host example.test\nRequire ip 10", "11.0.0.1", "?", NULL, NULL, NEEDS_NAME},
    {"<RequireAll>\nRequire ip 10\nRequire not host example.test\n</RequireAll>", "11.0.0.1", "?", NULL, NULL, DENY},
    {"<RequireAll>\nRequire ip 10\nRequire not host example.test\n</RequireAll>", "10.0.0.1", "?", NULL, NULL, NEEDS_NAME},
    {"<RequireAll>\nRequire ip 10\nRequire not host example.test\n</RequireAll>", "10.0.0.1", "a.example.test", NULL, NULL, DENY},
    /* a name before a login */
    {"@Require host example.test\nRequire valid-user", "10.0.0.1", "?", NULL, NULL, NEEDS_NAME},
    {"@Require host example.test\nRequire valid-user", "10.0.0.1", NULL, NULL, NULL, LOGIN},
    {"Deny from all\nRequire host example.test", "10.0.0.1", "?", NULL, NULL, DENY},
};

#define BASE "<Proxy *>\nRequire all denied\n</Proxy>\n"
#define OPEN "<Proxy *>\nRequire all granted\n</Proxy>\n"
#define YES  "\nRequire all granted\n</Proxy>"
#define NO   "\nRequire all denied\n</Proxy>"

static const struct question section_questions[] = {
    /* the order of the file decides, not which is more special */
    {"<Proxy http://h/a>" NO "\n" OPEN, "10.0.0.1", NULL, "GET http://h/a", NULL, ALLOW},
    {OPEN "<Proxy http://h/a>" NO, "10.0.0.1", NULL, "GET http://h/a", NULL, DENY},
    {OPEN "<Proxy http://h/a>" NO, "10.0.0.1", NULL, "GET http://h/b", NULL, ALLOW},
    /* CONNECT is host:port, the rest is the address */
    {OPEN "<Proxy http://*>" NO, "10.0.0.1", NULL, "CONNECT h:80", NULL, ALLOW},
    {OPEN "<Proxy h:9000>" NO, "10.0.0.1", NULL, "CONNECT h:9000", NULL, DENY},
    {OPEN "<Proxy h:9000>" NO, "10.0.0.1", NULL, "GET http://h:9000/", NULL, ALLOW},
    {OPEN "<Proxy *:9000>" NO, "10.0.0.1", NULL, "CONNECT h:9000", NULL, DENY},
    /* a section that refuses cannot be walked round */
    {OPEN "<Proxy http://localhost/>" NO, "10.0.0.1", NULL, "GET http://LOCALHOST/", NULL, DENY},
    {OPEN "<Proxy http://LocalHost/>" NO, "10.0.0.1", NULL, "GET http://localhost/", NULL, DENY},
    {OPEN "<Proxy http://localhost/>" NO, "10.0.0.1", NULL, "GET HTTP://localhost", NULL, DENY},
    {OPEN "<Proxy http://localhost/>" NO, "10.0.0.1", NULL, "GET http://localhost.:80/", NULL, DENY},
    {OPEN "<Proxy http://localhost:80/>" NO, "10.0.0.1", NULL, "GET http://localhost/", NULL, DENY},
    {OPEN "<Proxy http://h/private>" NO, "10.0.0.1", NULL, "GET http://h/a/../private", NULL, DENY},
    {OPEN "<Proxy http://h/private>" NO, "10.0.0.1", NULL, "GET http://h/./private", NULL, DENY},
    {OPEN "<Proxy http://h/private>" NO, "10.0.0.1", NULL, "GET http://h//private", NULL, DENY},
    {OPEN "<Proxy http://h/private>" NO, "10.0.0.1", NULL, "GET http://h/%70rivate", NULL, DENY},
    {OPEN "<Proxy http://h/private>" NO, "10.0.0.1", NULL, "GET http://h/a%2f..%2Fprivate", NULL, DENY},
    {OPEN "<Proxy http://h/private>" NO, "10.0.0.1", NULL, "GET http://h/%2e%2e/private", NULL, DENY},
    {OPEN "<Proxy http://h/private>" NO, "10.0.0.1", NULL, "GET http://h/a/..;x/private", NULL, DENY},
    {OPEN "<Proxy http://h/private>" NO, "10.0.0.1", NULL, "GET http://h/a/..%5Cprivate", NULL, DENY},
    {OPEN "<Proxy http://h/%70rivate>" NO, "10.0.0.1", NULL, "GET http://h/private", NULL, DENY},
    {OPEN "<Proxy http://h/private>" NO, "10.0.0.1", NULL, "GET ws://h/private", NULL, DENY},
    {OPEN "<Proxy ws://h/private>" NO, "10.0.0.1", NULL, "GET ws://h/private", NULL, DENY},
    {OPEN "<Proxy http://[::1]/>" NO, "10.0.0.1", NULL, "GET http://[0:0::1]/", NULL, DENY},
    {OPEN "<Proxy http://[0:0:0::1]:*>" NO, "10.0.0.1", NULL, "GET http://[::1]/", NULL, DENY},
    {OPEN "<Proxy 127.0.0.1:80>" NO, "10.0.0.1", NULL, "CONNECT [::ffff:127.0.0.1]:80", NULL, DENY},
    {OPEN "<ProxyMatch ^http://LocalHost/Private>\nRequire all denied\n</ProxyMatch>",
     "10.0.0.1", NULL, "GET http://LOCALHOST:80/x/../Private", NULL, DENY},
    /* a plain pattern is a prefix where that refuses, and whole where it would admit */
    {OPEN "<Proxy http://10.0.>" NO, "10.0.0.1", NULL, "GET http://10.0.0.1/", NULL, DENY},
    {OPEN "<Proxy h:80>" NO, "10.0.0.1", NULL, "CONNECT h:8080", NULL, DENY},
    {BASE "<Proxy h:80>" YES, "10.0.0.1", NULL, "CONNECT h:80", NULL, ALLOW},
    {BASE "<Proxy h:80>" YES, "10.0.0.1", NULL, "CONNECT h:8080", NULL, DENY},
    {BASE "<Proxy h>" YES, "10.0.0.1", NULL, "CONNECT h:8080", NULL, ALLOW},
    {BASE "<Proxy h>" YES, "10.0.0.1", NULL, "CONNECT host:8080", NULL, DENY},
    {BASE "<Proxy http://h>" YES, "10.0.0.1", NULL, "GET http://h.evil.test/", NULL, DENY},
    {BASE "<Proxy http://h>" YES, "10.0.0.1", NULL, "GET http://h:8080/", NULL, ALLOW},
    {BASE "<Proxy http://h/>" YES, "10.0.0.1", NULL, "GET http://H:80/", NULL, ALLOW},
    {BASE "<Proxy http://>" YES, "10.0.0.1", NULL, "GET http://any.test/", NULL, ALLOW},
    /* a section that admits cannot be stretched */
    {BASE "<Proxy http://h/public/>" YES, "10.0.0.1", NULL, "GET http://h/public/x", NULL, ALLOW},
    {BASE "<Proxy http://h/public/>" YES, "10.0.0.1", NULL, "GET http://h/public/../secret", NULL, DENY},
    {BASE "<Proxy http://h/public/>" YES, "10.0.0.1", NULL, "GET http://h/public/%2e%2E/secret", NULL, DENY},
    {BASE "<Proxy http://h/public/>" YES, "10.0.0.1", NULL, "GET http://h/public/x%2f..%2f..%2fsecret", NULL, DENY},
    {BASE "<Proxy http://h/public/>" YES, "10.0.0.1", NULL, "GET http://h/public/..;/secret", NULL, DENY},
    {BASE "<Proxy http://h/public/>" YES, "10.0.0.1", NULL, "GET http://h/x/../public/", NULL, DENY},
    {BASE "<Proxy http://*.example.test/*>" YES, "10.0.0.1", NULL, "GET http://www.Example.test/", NULL, ALLOW},
    {BASE "<Proxy http://*.example.test/*>" YES, "10.0.0.1", NULL, "GET http://evil.test/.example.test/", NULL, DENY},
    {BASE "<Proxy http://h/a%20b>" YES, "10.0.0.1", NULL, "GET http://h/a%20b?c%7E", NULL, ALLOW},
    {BASE "<ProxyMatch ^https?://h/a%20b>\nRequire all granted\n</ProxyMatch>", "10.0.0.1", NULL,
     "GET http://h/a%20b", NULL, ALLOW},
    {BASE "<ProxyMatch ^http://h(:\\d+)?/\\?ok$>\nRequire all granted\n</ProxyMatch>", "10.0.0.1", NULL,
     "GET http://h/?ok", NULL, ALLOW},
    /* the spelling of an exception inside of a refusal must not be used to reach the rest */
    {OPEN "<Proxy http://h/private>" NO "\n<Proxy http://h/private/open/>" YES, "10.0.0.1", NULL,
     "GET http://h/private/open/x%2F..%2F..%2Fsecret", NULL, DENY},
    {OPEN "<Proxy http://h/private>" NO "\n<Proxy http://h/private/open/>" YES, "10.0.0.1", NULL,
     "GET http://h/private/open/x", NULL, ALLOW},
    /* an expression that costs too much refuses */
    {OPEN "<ProxyMatch ^http://h/(a+)+$>\nRequire all granted\n</ProxyMatch>", "10.0.0.1", NULL,
     "GET http://h/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac", NULL, DENY},
};
/* clang-format on */

static void rules_mean_what_they_mean_in_httpd(void **state)
{
    (void)state;
    ASK_ALL(access_questions);
    ASK_ALL(container_questions);
}

static void a_login_is_asked_for_only_where_it_could_help(void **state)
{
    (void)state;
    ASK_ALL(login_questions);
}

static void a_name_is_asked_for_only_where_it_could_decide(void **state)
{
    (void)state;
    ASK_ALL(name_questions);
}

static void sections_match_what_is_meant_and_not_how_it_is_spelt(void **state)
{
    (void)state;
    ASK_ALL(section_questions);
}

static void a_decision_names_its_line(void **state)
{
    static const struct {
        const char *rules;
        unsigned line;
        const char *sentence;
    } rows[] = {
        {"Deny from all", 2, "Deny from all names the client"},
        {"Allow from 11\nOrder allow,deny", 3, "no Allow names the client"},
        {"Require ip 11\nRequire ip 12", 2, "Require ip 11 does not let it pass"},
        {"<RequireAll>\nRequire ip 10\nRequire not ip 10.0.0.1\n</RequireAll>", 4,
         "Require not ip 10.0.0.1 refuses it"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct question question = {rows[i].rules, "10.0.0.1", NULL, NULL, NULL, DENY};
        struct proxy_policy_decision decision;

        decide(&question, &decision);
        assert_int_equal(decision.verdict, PROXY_POLICY_DENY);
        assert_string_equal(decision.sentence, rows[i].sentence);
        assert_int_equal(decision.line, rows[i].line);
    }
}

static void a_section_for_one_host_says_so(void **state)
{
    static const struct {
        const char *rules, *asks;
        bool names;
    } rows[] = {
        {"<Proxy 127.0.0.1:9000>" YES, "CONNECT 127.0.0.1:9000", true},
        {"<Proxy localhost:*>" YES, "CONNECT localhost:9000", true},
        {"<Proxy http://127.0.0.1/*>" YES, "GET http://127.0.0.1/", true},
        {"<Proxy *>" YES, "CONNECT 127.0.0.1:9000", false},
        {"<Proxy 127.*>" YES, "CONNECT 127.0.0.1:9000", false},
        {"<Proxy http://>" YES, "GET http://127.0.0.1/", false},
        {"<Proxy 127.0.0.1:9000>" YES "\n" OPEN, "CONNECT 127.0.0.1:9000", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct question question = {rows[i].rules, "10.0.0.1", NULL,
                                          rows[i].asks,  NULL,       ALLOW};
        struct proxy_policy_decision decision;

        decide(&question, &decision);
        assert_int_equal(decision.verdict, PROXY_POLICY_ALLOW);
        if (decision.names_destination != rows[i].names) {
            fail_msg("row %zu: %s", i, rows[i].rules);
        }
    }
}

/* ---- strangers ---- */

static bool is_open(const char *rules)
{
    struct policy_fixture fixture;
    struct buf text;
    bool open;

    buf_init(&text, 20000);
    append_rules(&text, rules);
    assert_int_equal(policy_fixture_init(&fixture, (const char *)text.ptr, "p.conf"), OK);
    open = proxy_policy_admits_strangers(&fixture.policy, AF_INET);
    assert_int_equal(proxy_policy_admits_strangers(&fixture.policy, AF_INET6), open);
    policy_fixture_fini(&fixture);
    buf_fini(&text);
    return open;
}

static void a_proxy_is_open_when_somebody_unknown_gets_somewhere_unknown(void **state)
{
    static const struct {
        const char *rules;
        bool open;
    } rows[] = {
        {"", true},
        {"Require all granted", true},
        {"Deny from all", false},
        {"Allow from 10", true},
        {"@Require valid-user", false},
        {"@Require valid-user\nRequire ip 10", false},
        {"@Require valid-user\nRequire method OPTIONS", true},
        {"@Require valid-user\nSatisfy any", true},
        {"@Require valid-user\nSatisfy any\nDeny from all", false},
        {"Require host example.test", false},
        {BASE "<Proxy http://one.test/>" YES, false},
        {BASE "<Proxy http://*>" YES, true},
        {BASE "<Proxy *:443>" YES, true},
        {BASE "<ProxyMatch .>\nRequire all granted\n</ProxyMatch>", true},
        {OPEN "<Proxy http://one.test/>" NO, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (is_open(rows[i].rules) != rows[i].open) {
            fail_msg("row %zu: %s", i, rows[i].rules);
        }
    }
}

/* ---- memory ---- */

static void read_and_decide(void)
{
    static const char text[] =
        "<Proxy http://h/a*>\nOrder allow,deny\nAllow from 10 example.test\n"
        "<RequireAll>\nRequire ip 10\nRequire not method POST\n</RequireAll>\n</Proxy>\n"
        "<ProxyMatch ^http://h/(a|b)+>\nRequire local\n</ProxyMatch>\n";
    struct policy_fixture fixture;
    struct proxy_policy_query query = {.name_is_known = true};
    struct proxy_policy_decision decision;

    set_request(&query, "GET http://h/a/../b");
    assert_true(addr_parse(SPAN("10.0.0.1"), 1, &query.client.addr));
    assert_true(addr_parse(SPAN("10.9.9.9"), 1, &query.client.local));
    if (policy_fixture_init(&fixture, text, "p.conf") == OK &&
        proxy_policy_decide(&fixture.policy, &query, &decision) == OK) {
        assert_int_equal(decision.verdict, PROXY_POLICY_DENY);
    }
    policy_fixture_fini(&fixture);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(read_and_decide);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_mean_what_they_mean_in_httpd),
        cmocka_unit_test(a_login_is_asked_for_only_where_it_could_help),
        cmocka_unit_test(a_name_is_asked_for_only_where_it_could_decide),
        cmocka_unit_test(sections_match_what_is_meant_and_not_how_it_is_spelt),
        cmocka_unit_test(a_decision_names_its_line),
        cmocka_unit_test(a_section_for_one_host_says_so),
        cmocka_unit_test(a_proxy_is_open_when_somebody_unknown_gets_somewhere_unknown),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };
    int failed;

    make_files();
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(users_file);
    unlink(groups_file);
    return failed;
}
