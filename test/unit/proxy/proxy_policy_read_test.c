/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/* Reading of sections as a whole: proxy_policy_read, proxy_policy_require, proxy_policy_check.
 */
#include "proxy/proxy_policy_read.h"

#include "lib/oom.h"
#include "lib/testing.h"
#include "unit/proxy/policy_fixture.h"

struct row {
    const char *rules; /* inside of <Proxy *>, which is line 1; whole with "<Proxy" in front */
    const char *says;  /* a part of what is said; NULL: nothing */
};

static void read_row(const struct row *row, enum err expected, const char *file)
{
    struct policy_fixture fixture;
    char text[8192], said[8192];
    bool whole = strncmp(row->rules, "<Proxy", 6) == 0;
    enum err e;

    snprintf(text, sizeof text, "%s%s%s", whole ? "" : "<Proxy *>\n", row->rules,
             whole ? "\n" : "\n</Proxy>\n");
    e = policy_fixture_init(&fixture, text, file);
    policy_fixture_said(&fixture, said, sizeof said);
    if (e != expected ||
        (row->says == NULL ? said[0] != '\0' : strstr(said, row->says) == NULL)) {
        fail_msg("%s\n-> %s\nand not %s", row->rules, said,
                 row->says == NULL ? "silence" : row->says);
    }
    policy_fixture_fini(&fixture);
}

/* clang-format off */
static const struct row refused[] = {
    {"Order allow", "p.conf:2: Order: \"allow\" is no order"},
    {"Order allow, deny", "one word too many"},
    {"Allow 10.0.0.1", "p.conf:2: Allow: \"10.0.0.1\" stands where \"from\" belongs"},
    {"Allow from env=x", "environment variable"},
    {"Allow from 127.0.0.1,127.0.0.5", "neither an address nor a host name"},
    {"Deny from 127.0.0.*", "neither an address nor a host name"},
    {"Deny from !127.0.0.1", "neither an address nor a host name"},
    {"Deny from user@host", "neither an address nor a host name"},
    {"Deny from 127/8", "neither an address nor a host name"},
    {"Satisfy one", "Satisfy: \"one\" is neither any nor all"},
    {"Require", "there is nothing behind it"},
    {"Require everybody", "Require: \"everybody\" is not supported (write Require all, ip,"},
    {"Require all", "Require all granted or Require all denied"},
    {"Require all granted denied", "Require all granted or Require all denied"},
    {"Require ip", "Require ip: names nobody (write Require ip 10.0.0.0/8)"},
    {"Require ip example.test", "is not an address"},
    {"Require host 10.0.0.1", "neither an address nor a host name"},
    {"Require local yes", "Require local: \"yes\" is one word too many"},
    {"Require user", "Require user: names nobody"},
    {"Require valid-user extra", "Require valid-user: \"extra\" is one word too many"},
    {"Require method get", "Require method: \"get\" is not a method"},
    {"Require expr true", "Require expr: is not supported"},
    {"Require env x", "Require env: is not supported"},
    {"<RequireAll>\nRequire ip 10\nRequire not\n</RequireAll>", "there is nothing behind it"},
    {"Require not ip 10.0.0.1", "p.conf:2: Require not ip 10.0.0.1: refuses nobody here"},
    {"<RequireAny>\nRequire not ip 10\n</RequireAny>", "p.conf:3: Require not ip 10: refuses"},
    {"<RequireNone>\nRequire ip 10\n</RequireNone>", "p.conf:2: <RequireNone>: refuses nobody"},
    {"<RequireAll>\n</RequireAll>", "p.conf:2: <RequireAll>: holds no rule"},
    {"<RequireAll>\nRequire not ip 10\n</RequireAll>", "<RequireAll>: holds only rules that refuse"},
    {"<RequireAll x>\nRequire ip 10\n</RequireAll>", "\"x\" is one word too many"},
    {"<RequireAll>\nOrder deny,allow\nRequire ip 10\n</RequireAll>", "Order may not stand inside <RequireAll>"},
    {"AuthType Frob", "AuthType: \"Frob\" is not supported (write AuthType Basic)"},
    {"AuthType Digest", "AuthType: \"Digest\" is not supported"},
    {"AuthName two words", "one word too many"},
    {"AuthBasicProvider ldap", "AuthBasicProvider: \"ldap\" is not supported"},
    {"AuthMerging And", "AuthMerging: only Off is supported"},
    {"AuthUserFile /nonexistent/users", "p.conf:2: AuthUserFile: /nonexistent/users cannot be opened"},
    {"AuthUserFile nonexistent", "AuthUserFile: nonexistent cannot be opened"},
    {"AuthUserFile /tmp", "is no file"},
    {"AuthGroupFile /nonexistent/groups", "AuthGroupFile: /nonexistent/groups cannot be opened"},
    {"Require valid-user", "p.conf:2: Require valid-user: nobody can log in: AuthType is missing"},
    {"AuthType Basic\nRequire user a", "p.conf:3: Require user a: nobody can log in: AuthName is"},
    {"AuthType Basic\nAuthName x\nRequire user a", "nobody can log in: AuthUserFile is missing"},
    {"AuthType Basic\nAuthName x", "p.conf:1: AuthType: nobody passes here, because no Require"},
    {"AuthType None\nAuthName x\nRequire user a", "AuthType None forbids it"},
    {"AuthType Basic\nAuthName x\n<RequireAll>\nRequire ip 10\n<RequireAny>\nRequire group g\n"
     "</RequireAny>\n</RequireAll>", "p.conf:7: Require group g: AuthGroupFile is missing"},
    {"<Limit GET>\nRequire ip 10\n</Limit>", "p.conf:2: <Limit> is not supported (write <RequireAll>"},
    {"<LimitExcept GET>\nRequire ip 10\n</LimitExcept>", "<LimitExcept> is not supported"},
    {"<Proxy *>\n<Proxy *>\n</Proxy>\n</Proxy>", "Proxy"},
    {"<Proxy>\n</Proxy>", "p.conf:1: <Proxy>: there is nothing behind it (write <Proxy pattern>)"},
    {"<Proxy ~ ^http>\n</Proxy>", "p.conf:1: <Proxy ~>: is not how expressions are written"},
    {"<Proxy http://a b>\n</Proxy>", "\"b\" is one word too many"},
    {"<ProxyMatch (>\n</ProxyMatch>", "p.conf:1: <ProxyMatch (>: missing closing parenthesis"},
    /* what a login takes must be there wherever the rule holds */
    {"<Proxy http://h/>\nAuthType Basic\nAuthName x\n</Proxy>\n<Proxy http://g/>\n"
     "Require valid-user\n</Proxy>", "p.conf:6: Require valid-user: nobody can log in"},
};

static const struct row taken[] = {
    {"Order Deny,Allow\nDeny from ALL\nallow FROM 127.0.0.1", NULL},
    {"Require ip 0.0.0.0/0 ::/0", NULL}, /* kinder than httpd */
    {"Require ip 10 10.1 10.2. 10.0.0.1 10.0.0.0/255.0.0.0", NULL},
    {"Require all granted # everybody", NULL},
    {"Allow from # nobody", "p.conf:2: warning: Allow from: names nobody"},
    {"Satisfy any", "p.conf:2: warning: Satisfy any: without Order, Allow or Deny"},
    {"Satisfy any\nDeny from all\nRequire ip 10", NULL},
    {"AuthType None\nAuthMerging off\nAuthBasicProvider file", NULL},
    {"<RequireAll>\n<RequireNone>\nRequire ip 10\n</RequireNone>\nRequire not method POST\n"
     "Require all granted\n</RequireAll>", NULL},
    {"<Proxy \"http://a b\">\n</Proxy>", NULL},
};
/* clang-format on */

static void what_cannot_work_is_refused_with_its_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        read_row(&refused[i], ERR_CONF, "p.conf");
    }
}

static void what_httpd_takes_is_taken(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++) {
        read_row(&taken[i], OK, "p.conf");
    }
}

static void a_relative_file_is_sought_beside_the_configuration(void **state)
{
    char dir[4096], rules[4096];
    const char *path = policy_fixture_file("u", "a:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n");
    const char *slash = strrchr(path, '/');
    struct row row = {rules, NULL};

    (void)state;
    snprintf(dir, sizeof dir, "%.*s/p.conf", (int)(slash - path), path);
    snprintf(rules, sizeof rules,
             "AuthType Basic\nAuthName x\nAuthUserFile %s\nRequire valid-user", slash + 1);
    read_row(&row, OK, dir);
    unlink(path);
}

static void faults_of_a_user_file_are_said_with_its_own_lines(void **state)
{
    char rules[8192], says[8192];
    const char *path = policy_fixture_file("u", "# users\nalice\n");
    struct row row = {rules, says};

    (void)state;
    snprintf(rules, sizeof rules, "AuthUserFile %s", path);
    snprintf(says, sizeof says, "%s:2: there is no colon", path);
    read_row(&row, ERR_CONF, "p.conf");
    unlink(path);
    path = policy_fixture_file("u", "# users\n");
    snprintf(rules, sizeof rules, "AuthUserFile %s", path);
    snprintf(says, sizeof says, "p.conf:2: warning: AuthUserFile: %s names no users", path);
    read_row(&row, OK, "p.conf");
    unlink(path);
}

static void a_login_may_draw_on_a_section_that_surely_applies(void **state)
{
    static const struct {
        const char *outer, *inner;
        enum err e;
    } rows[] = {
        {"*", "http://h/", OK},
        {"http://h/*", "http://h/a", OK},
        {"http://h/", "http://h/a*", OK},
        {"h:443", "h:443", OK},
        {"http://h/?*", "http://h/ab", ERR_CONF},
        {"http://h/a", "http://h/", ERR_CONF},
        {"http://*.test/*", "http://a.test/", ERR_CONF},
    };
    const char *path = policy_fixture_file("u", "a:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n");
    char rules[8192];

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct row row = {rules, rows[i].e == OK ? NULL : "nobody can log in"};

        snprintf(rules, sizeof rules,
                 "<Proxy \"%s\">\nAuthType Basic\nAuthName x\nAuthUserFile %s\n</Proxy>\n"
                 "<Proxy \"%s\">\nRequire valid-user\n</Proxy>",
                 rows[i].outer, path, rows[i].inner);
        read_row(&row, rows[i].e, "p.conf");
    }
    unlink(path);
}

static char oom_rules[12000];

static void read_logins(void)
{
    struct policy_fixture fixture;

    (void)!policy_fixture_init(&fixture, oom_rules, "p.conf");
    policy_fixture_fini(&fixture);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    char path[4096];

    (void)state;
    snprintf(path, sizeof path, "%s",
             policy_fixture_file("u", "a:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\nb\n"));
    snprintf(oom_rules, sizeof oom_rules,
             "<Proxy *>\nAuthType Basic\nAuthName x\nAuthUserFile %s\nAuthGroupFile %s\n"
             "<RequireAll>\nRequire group g\nRequire not ip 10\n</RequireAll>\n</Proxy>\n"
             "<ProxyMatch a(b|c)>\nDeny from 10 x.test\n</ProxyMatch>\n",
             path, path);
    every_oom(read_logins);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cannot_work_is_refused_with_its_line),
        cmocka_unit_test(what_httpd_takes_is_taken),
        cmocka_unit_test(a_relative_file_is_sought_beside_the_configuration),
        cmocka_unit_test(faults_of_a_user_file_are_said_with_its_own_lines),
        cmocka_unit_test(a_login_may_draw_on_a_section_that_surely_applies),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
