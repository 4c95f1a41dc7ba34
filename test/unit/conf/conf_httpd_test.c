/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "conf/conf_httpd.h"

#include "conf/conf_load.h"
#include "lib/testing.h"

#include <stdio.h>

enum {
    IN_SERVER = 1u << 0,
    IN_PROXY = 1u << 1,
};

struct conf {
    bool keep_alive;
};

static enum err set_section(void *conf, const struct conf_node *node,
                            const struct conf_apply *apply)
{
    static const struct directive no_rows[] = {{.name = NULL}};
    const struct conf_table table = {no_rows, conf};
    const struct conf_apply inside = {.tables = &table,
                                      .table_count = 1,
                                      .place = IN_PROXY,
                                      .arena = apply->arena,
                                      .diag = apply->diag,
                                      .outer = apply};

    return conf_schema_apply(&inside, node->children);
}

/* clang-format off */
static const struct directive rows[] = {
    {.name = "KeepAlive", .type = CONF_SWITCH, CONF_SCHEMA_FIELD(struct conf, keep_alive),
     .where = IN_SERVER},
    {.name = "Proxy", .type = CONF_SECTION, .set = set_section, .min = 1, .max = 1,
     .where = IN_SERVER, .opens = IN_PROXY},
    {.name = NULL},
};
/* clang-format on */

static void assert_says(const char *text, const char *expected)
{
    struct conf conf = {false};
    const struct conf_table tables[] = {{conf_httpd_rows, NULL}, {rows, &conf}};
    struct arena arena;
    struct diag diag;
    const struct conf_apply apply = {
        .tables = tables, .table_count = 2, .place = IN_SERVER, .arena = &arena, .diag = &diag};
    const struct diag_message *message = NULL;
    char said[4096] = "";
    enum err e;

    arena_init(&arena, 1024 * 1024);
    diag_init(&diag);
    e = conf_load(&apply, span_str(text), "f");
    assert_int_equal(e, diag_count(&diag, DIAG_ERROR) > 0 ? ERR_CONF : OK);
    while ((message = diag_next(&diag, message)) != NULL) {
        char line[DIAG_MAX_LINE];
        size_t used = strlen(said);

        snprintf(said + used, sizeof said - used, "%s%s", used == 0 ? "" : "; ",
                 diag_format(message, line, sizeof line));
    }
    assert_string_equal(said, expected);
    diag_fini(&diag);
    arena_fini(&arena);
}

static void what_httpd_has_and_we_have_not_is_refused_or_noted(void **state)
{
    (void)state;
    assert_says(
        "ProxyPass / http://x/\n",
        "f:1: ProxyPass is not supported (Wayleave is a forward proxy; keep a web server "
        "for this)");
    assert_says(
        "<VirtualHost *:80>\nWhat ever\n</VirtualHost>\n",
        "f:1: <VirtualHost> is not supported (a file is one proxy; write its content at "
        "server level, and start a second proxy with a file of its own for another)");
    assert_says("<Directory />\nRequire all denied\n</Directory>\n<directory /x>\n</directory>",
                "f:1: note: <Directory> is ignored (no files are served here)");
    assert_says("MaxRequestWorkers 100\n", "f:1: MaxRequestWorkers is not supported (write "
                                           "MaxTunnels, the most tunnels at once)");
    assert_says("StartServers 2\nStartServers 3\n", "f:1: note: StartServers is ignored (a few "
                                                    "threads serve all connections; see "
                                                    "Workers)");
}

static void they_are_known_in_every_section(void **state)
{
    (void)state;
    assert_says(
        "<Proxy *>\nCacheEnable disk\n</Proxy>",
        "f:2: CacheEnable is not supported (nothing is cached; remove it, or put a cache "
        "behind us with ProxyRemote)");
    assert_says("<Proxy *>\nOptions None\n<Limit GET>\nX\n</Limit>\n</Proxy>",
                "f:2: note: Options is ignored (no files are served here); f:3: <Limit> is not "
                "supported (write Require method or Require not method in a section)");
}

static void a_row_of_our_own_goes_first(void **state)
{
    (void)state;
    assert_says("KeepAlive On\n", "");
    assert_says("KeepAlive x\n",
                "f:1: KeepAlive: \"x\" is neither On nor Off (write On or Off)");
    assert_says("KeepAliv On\n", "f:1: unknown directive \"KeepAliv\" (did you mean "
                                 "KeepAlive?)");
    assert_says(
        "ProxyPas / x\n",
        "f:1: unknown directive \"ProxyPas\" (no name is like it; the manual has a list "
        "of directives)");
    assert_says("VirtualHost x\n",
                "f:1: VirtualHost is a section (write <VirtualHost ...>, its content, and "
                "</VirtualHost>)");
}

static void each_row_stands_once_and_says_why(void **state)
{
    size_t count = 0;

    (void)state;
    for (const struct directive *row = conf_httpd_rows; row->name != NULL; row++) {
        assert_true(row->type == CONF_IGNORED || row->type == CONF_REFUSED);
        assert_true(row->help != NULL && strlen(row->help) > 10);
        assert_true(row->help[strlen(row->help) - 1] != '.'); /* it goes into parentheses */
        for (const struct directive *other = conf_httpd_rows; other != row; other++) {
            assert_true(strcmp(other->name, row->name) != 0 || other->section != row->section);
        }
        count++;
    }
    assert_true(count >= 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_httpd_has_and_we_have_not_is_refused_or_noted),
        cmocka_unit_test(they_are_known_in_every_section),
        cmocka_unit_test(a_row_of_our_own_goes_first),
        cmocka_unit_test(each_row_stands_once_and_says_why),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
