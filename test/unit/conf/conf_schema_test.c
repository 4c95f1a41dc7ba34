/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "conf/conf_schema.h"

#include "conf/conf_ports.h"
#include "lib/oom.h"
#include "lib/testing.h"

enum {
    IN_SERVER = 1u << 0,
    IN_PROXY = 1u << 1,
};

enum via {
    VIA_OFF,
    VIA_ON,
    VIA_FULL,
};

struct section {
    struct span pattern;
    uint64_t timeout;
    unsigned rules;
};

struct proxy {
    bool requests;
    unsigned connections;
    uint64_t timeout;
    uint64_t head_bytes;
    enum via via;
    struct span name;
    struct span file;
    struct conf_ports ports;
    unsigned listens;
    struct section section;
};

struct core {
    unsigned workers;
    bool requests_too; /* a name that two tables have: the first one is meant */
};

static enum err set_rule(void *conf, const struct conf_node *node,
                         const struct conf_apply *apply)
{
    struct section *section = conf;

    (void)node;
    assert_int_equal(apply->place, IN_PROXY);
    section->rules++;
    return OK;
}

#define ROW(owner, directive, kind, member) \
    .name = (directive), .type = (kind), CONF_SCHEMA_FIELD(struct owner, member)

/* clang-format off */
static const struct directive section_rows[] = {
    {ROW(section, "ProxyTimeout", CONF_DURATION, timeout), .initial = "5s", .where = IN_PROXY},
    {.name = "Rule", .type = CONF_CUSTOM, .set = set_rule, .where = IN_PROXY,
     .min = 2, .max = 3, .form = "from address"},
    {.name = NULL},
};
/* clang-format on */

static enum err set_section(void *conf, const struct conf_node *node,
                            const struct conf_apply *apply)
{
    struct proxy *proxy = conf;
    const struct conf_table table = {section_rows, &proxy->section};
    const struct conf_apply inside = {.tables = &table,
                                      .table_count = 1,
                                      .place = IN_PROXY,
                                      .arena = apply->arena,
                                      .diag = apply->diag,
                                      .outer = apply};

    conf_schema_defaults(section_rows, &proxy->section);
    proxy->section.pattern = node->words[0];
    return conf_schema_apply(&inside, node->children);
}

/* Says what it means, says nothing, or runs out of memory: as its word has it. */
static enum err set_listen(void *conf, const struct conf_node *node,
                           const struct conf_apply *apply)
{
    struct proxy *proxy = conf;

    if (span_equals(node->words[0], "told")) {
        diag_error(apply->diag, node->file, node->line, "Listen: told");
        return ERR_CONF;
    }
    if (span_equals(node->words[0], "silent")) {
        return ERR_CONF;
    }
    if (span_equals(node->words[0], "nomem")) {
        return ERR_NOMEM;
    }
    proxy->listens++;
    return OK;
}

static const struct conf_choice vias[] = {{"Off", VIA_OFF},
                                          {"On", VIA_ON},
                                          {"Full", VIA_FULL},
                                          {NULL, 0}};

/* clang-format off */
static const struct directive proxy_rows[] = {
    {ROW(proxy, "ProxyRequests", CONF_SWITCH, requests), .initial = "Off", .where = IN_SERVER},
    {ROW(proxy, "MaxConnections", CONF_NUMBER, connections), .min = 1, .max = 1000,
     .initial = "100", .unit = "connections", .where = IN_SERVER},
    {ROW(proxy, "ProxyTimeout", CONF_DURATION, timeout), .min = 1000, .max = 3600000,
     .initial = "60s", .where = IN_SERVER},
    {ROW(proxy, "HeadSize", CONF_SIZE, head_bytes), .initial = "8k", .where = IN_SERVER},
    {ROW(proxy, "ProxyVia", CONF_CHOICE, via), .choices = vias, .initial = "Off",
     .where = IN_SERVER},
    {ROW(proxy, "ServerName", CONF_TEXT, name), .initial = "localhost", .where = IN_SERVER},
    {ROW(proxy, "AuthUserFile", CONF_PATH, file), .max = 20, .where = IN_SERVER},
    {ROW(proxy, "AllowCONNECT", CONF_PORTS, ports), .initial = "443 563", .where = IN_SERVER},
    {.name = "Listen", .type = CONF_CUSTOM, .set = set_listen, .min = 1, .max = 1,
     .form = "[address:]port", .where = IN_SERVER},
    {.name = "Proxy", .type = CONF_SECTION, .set = set_section, .min = 1, .max = 1, .once = true,
     .form = "pattern", .where = IN_SERVER, .opens = IN_PROXY, .inner = section_rows},
    {ROW(proxy, "Workers", CONF_SWITCH, requests), .where = IN_PROXY}, /* core has one too */
    {ROW(proxy, "Elsewhere", CONF_SWITCH, requests), .where = IN_PROXY},
    {.name = "LoadModule", .type = CONF_IGNORED, .where = IN_SERVER,
     .help = "Wayleave has no modules to load."},
    {.name = "ProxyPass", .type = CONF_REFUSED, .where = IN_SERVER,
     .help = "This is a forward proxy."},
    {.name = NULL},
};

static const struct directive core_rows[] = {
    {ROW(core, "Workers", CONF_NUMBER, workers), .initial = "2", .where = IN_SERVER},
    {ROW(core, "ProxyRequests", CONF_SWITCH, requests_too), .where = IN_SERVER},
    {.name = NULL},
};
/* clang-format on */

struct fixture {
    struct arena arena;
    struct diag diag;
    struct proxy proxy;
    struct core core;
    enum err e;
};

/* Everything but the text goes away with end(). */
static void begin(struct fixture *it, const char *text)
{
    const struct conf_table tables[] = {{proxy_rows, &it->proxy}, {core_rows, &it->core}};
    const struct conf_apply apply = {.tables = tables,
                                     .table_count = 2,
                                     .place = IN_SERVER,
                                     .arena = &it->arena,
                                     .diag = &it->diag};
    struct conf_node *nodes;

    *it = (struct fixture){.e = OK};
    arena_init(&it->arena, 100000);
    diag_init(&it->diag);
    conf_schema_defaults(proxy_rows, &it->proxy);
    conf_schema_defaults(core_rows, &it->core);
    it->e = conf_tree_parse(span_str(text), "f", NULL, &it->arena, &it->diag, &nodes);
    if (it->e == OK) {
        it->e = conf_schema_apply(&apply, nodes);
    }
}

static void end(struct fixture *it)
{
    arena_fini(&it->arena);
    diag_fini(&it->diag);
}

static void assert_says(const char *text, const char *expected)
{
    static struct fixture it;
    char line[DIAG_MAX_LINE];

    begin(&it, text);
    assert_ok(it.e);
    assert_non_null(diag_next(&it.diag, NULL));
    assert_null(diag_next(&it.diag, diag_next(&it.diag, NULL)));
    assert_string_equal(diag_format(diag_next(&it.diag, NULL), line, sizeof line), expected);
    end(&it);
}

static void what_nobody_sets_is_as_its_row_says(void **state)
{
    static struct fixture it;

    (void)state;
    begin(&it, "");
    assert_ok(it.e);
    assert_false(it.proxy.requests);
    assert_int_equal(it.proxy.connections, 100);
    assert_int_equal(it.proxy.timeout, 60000);
    assert_int_equal(it.proxy.head_bytes, 8192);
    assert_int_equal(it.proxy.via, VIA_OFF);
    assert_bytes(it.proxy.name, SPAN("localhost"));
    assert_true(conf_ports_has(&it.proxy.ports, 443));
    assert_true(conf_ports_has(&it.proxy.ports, 563));
    assert_int_equal(it.core.workers, 2);
    assert_null(diag_next(&it.diag, NULL));
    end(&it);
}

static void directives_of_every_kind_are_written_to_their_structs(void **state)
{
    static struct fixture it;

    (void)state;
    begin(&it, "proxyrequests on\nMAXCONNECTIONS 7\nProxyTimeout 2m\nHeadSize 16k\n"
               "ProxyVia full\nServerName \"a b\"\nWorkers 3\nListen 80\nListen 81\n"
               "AllowCONNECT 9000\nAllowCONNECT 9010-9011 443\n"
               "<Proxy *>\nRule from x\nRule from y z\nProxyTimeout 1s\n</Proxy>\n");
    assert_ok(it.e);
    assert_null(diag_next(&it.diag, NULL));
    assert_true(it.proxy.requests);
    assert_false(it.core.requests_too);
    assert_int_equal(it.proxy.connections, 7);
    assert_int_equal(it.proxy.timeout, 120000);
    assert_int_equal(it.proxy.head_bytes, 16384);
    assert_int_equal(it.proxy.via, VIA_FULL);
    assert_string_equal((const char *)it.proxy.name.ptr, "a b");
    assert_int_equal(it.core.workers, 3);
    assert_int_equal(it.proxy.listens, 2);
    assert_bytes(it.proxy.section.pattern, SPAN("*"));
    assert_int_equal(it.proxy.section.timeout, 1000);
    assert_int_equal(it.proxy.section.rules, 2);
    end(&it);
}

static void the_first_line_of_ports_replaces_the_default_and_others_add(void **state)
{
    static struct fixture it;
    struct buf out;

    (void)state;
    begin(&it, "AllowCONNECT 9000\nAllowCONNECT 9010-9011 443\n");
    buf_init(&out, 100);
    assert_ok(conf_ports_print(&it.proxy.ports, &out));
    assert_bytes(buf_span(&out), SPAN("443 9000 9010-9011"));
    buf_fini(&out);
    end(&it);
}

static void the_name_of_a_file_is_seen_from_the_server_root(void **state)
{
    static struct fixture it;

    (void)state;
    begin(&it, "ServerRoot /etc/w\nAuthUserFile ./users");
    assert_ok(it.e);
    assert_string_equal((const char *)it.proxy.file.ptr, "/etc/w/users");
    end(&it);
    begin(&it, "AuthUserFile users");
    assert_string_equal((const char *)it.proxy.file.ptr, "users");
    end(&it);
    begin(&it, "ServerRoot /etc\nAuthUserFile /users");
    assert_string_equal((const char *)it.proxy.file.ptr, "/users");
    end(&it);
    assert_says("AuthUserFile /a/name/that/is/too/long",
                "f:1: AuthUserFile: \"/a/name/that/is/too/long\" is too long (write at most 20 "
                "bytes)");
}

static void the_number_of_words_is_checked(void **state)
{
    (void)state;
    assert_says("ProxyRequests",
                "f:1: ProxyRequests: there is nothing behind it (write On or Off)");
    assert_says("ProxyRequests On Off",
                "f:1: ProxyRequests: \"Off\" is one word too many (write On or Off)");
    assert_says("ServerName a b",
                "f:1: ServerName: \"b\" is one word too many (write one word, "
                "or several in quotes)");
    assert_says("AllowCONNECT # none",
                "f:1: AllowCONNECT: there is nothing behind it (write 1 to "
                "65535, or a range like 9000-9010)");
    assert_says("Listen", "f:1: Listen: there is nothing behind it (write Listen "
                          "[address:]port)");
    assert_says("Listen 1 2 3",
                "f:1: Listen: \"2\" is one word too many (write Listen [address:]port)");
    assert_says("<Proxy>\n</Proxy>",
                "f:1: <Proxy>: there is nothing behind it (write <Proxy pattern>)");
    assert_says("<Proxy *>\nRule x\n</Proxy>",
                "f:2: Rule: there is too little behind it (write Rule from address)");
}

static void what_may_not_be_repeated_is_told_where_it_was(void **state)
{
    (void)state;
    assert_says("ProxyRequests On\n\nproxyrequests On",
                "f:3: ProxyRequests is already On, at f:1");
    assert_says("<Proxy *>\n</Proxy>\n<Proxy x>\n</Proxy>",
                "f:3: <Proxy> stands already at f:1 (write it once)");
    assert_says("<Proxy *>\nProxyTimeout 1\nProxyTimeout 2\n</Proxy>\nProxyTimeout 3",
                "f:3: ProxyTimeout is already 1, at f:2");
}

static void a_name_is_looked_for_in_every_table_and_place(void **state)
{
    (void)state;
    assert_says("Wrkers 3", "f:1: unknown directive \"Wrkers\" (did you mean Workers?)");
    assert_says("Elsewhere On", "f:1: Elsewhere may stand only inside <Proxy>");
    assert_says("Rule from x", "f:1: Rule may stand only inside <Proxy>");
    assert_says("<Proxy *>\nWorkers 2\n</Proxy>", "f:2: Workers may not stand inside <Proxy>");
}

static void an_ignored_directive_is_noted_once_and_a_refused_one_each_time(void **state)
{
    static struct fixture it;

    (void)state;
    assert_says("LoadModule a b\nLoadModule c d",
                "f:1: note: LoadModule is ignored (Wayleave has no modules to load)");
    assert_says("ProxyPass / x", "f:1: ProxyPass is not supported (This is a forward proxy)");
    begin(&it, "ProxyPass / x\nProxyPass / y");
    assert_int_equal(diag_count(&it.diag, DIAG_ERROR), 2);
    end(&it);
}

static void a_refusal_by_set_is_never_silent_and_no_memory_ends_the_reading(void **state)
{
    static struct fixture it;

    (void)state;
    assert_says("Listen told", "f:1: Listen: told");
    assert_says("Listen silent",
                "f:1: Listen cannot be understood (write Listen [address:]port)");
    begin(&it, "Listen nomem\nFoo");
    assert_int_equal(it.e, ERR_NOMEM);
    assert_int_equal(diag_count(&it.diag, DIAG_ERROR), 0);
    end(&it);
}

static void every_wrong_word_of_a_line_is_told(void **state)
{
    static struct fixture it;

    (void)state;
    begin(&it, "AllowCONNECT 0 443 x");
    assert_ok(it.e);
    assert_int_equal(diag_count(&it.diag, DIAG_ERROR), 2);
    end(&it);
}

static void read_with_little_memory(void)
{
    static struct fixture it;

    begin(&it, "ServerName a\n<Proxy *>\nRule from x\n</Proxy>\n");
    assert_true(it.e == OK || it.e == ERR_NOMEM);
    assert_true(it.e == OK || oom_has_struck());
    end(&it);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(read_with_little_memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_nobody_sets_is_as_its_row_says),
        cmocka_unit_test(directives_of_every_kind_are_written_to_their_structs),
        cmocka_unit_test(the_first_line_of_ports_replaces_the_default_and_others_add),
        cmocka_unit_test(the_name_of_a_file_is_seen_from_the_server_root),
        cmocka_unit_test(the_number_of_words_is_checked),
        cmocka_unit_test(what_may_not_be_repeated_is_told_where_it_was),
        cmocka_unit_test(a_name_is_looked_for_in_every_table_and_place),
        cmocka_unit_test(an_ignored_directive_is_noted_once_and_a_refused_one_each_time),
        cmocka_unit_test(a_refusal_by_set_is_never_silent_and_no_memory_ends_the_reading),
        cmocka_unit_test(every_wrong_word_of_a_line_is_told),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
