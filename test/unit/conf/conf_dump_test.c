/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "conf/conf_dump.h"

#include "base/clock.h"
#include "conf/conf_load.h"
#include "conf/conf_ports.h"
#include "lib/oom.h"
#include "unit/conf/fake_source.h"

enum {
    IN_SERVER = 1u << 0,
    IN_PROXY = 1u << 1,
};

enum via {
    VIA_OFF,
    VIA_ON,
};

struct conf {
    bool requests;
    enum via via;
    msec timeout;
    uint32_t size;
    uint64_t tunnels;
    struct span name;
    struct span users;
    struct conf_ports ports;
};

struct core {
    bool requests_too; /* an earlier table has the name */
    uint8_t workers;
};

static enum err take(void *conf, const struct conf_node *node, const struct conf_apply *apply)
{
    (void)conf;
    (void)node;
    (void)apply;
    return OK;
}

static const struct conf_choice vias[] = {{"Off", VIA_OFF}, {"On", VIA_ON}, {NULL, 0}};

#define ROW(owner, directive, kind, member) \
    .name = (directive), .type = (kind), CONF_SCHEMA_FIELD(struct owner, member)

/* clang-format off */
static const struct directive rows[] = {
    {ROW(conf, "ProxyRequests", CONF_SWITCH, requests), .initial = "Off", .where = IN_SERVER},
    {ROW(conf, "ProxyVia", CONF_CHOICE, via), .choices = vias, .initial = "On",
     .where = IN_SERVER},
    {ROW(conf, "ProxyTimeout", CONF_DURATION, timeout), .initial = "60", .where = IN_SERVER},
    {ROW(conf, "Room", CONF_SIZE, size), .initial = "64k", .where = IN_SERVER},
    {ROW(conf, "MaxTunnels", CONF_NUMBER, tunnels), .initial = "10000", .where = IN_SERVER},
    {ROW(conf, "ServerName", CONF_TEXT, name), .where = IN_SERVER},
    {ROW(conf, "AuthUserFile", CONF_PATH, users), .where = IN_SERVER},
    {ROW(conf, "AllowCONNECT", CONF_PORTS, ports), .initial = "443 563", .where = IN_SERVER},
    {.name = "Listen", .type = CONF_CUSTOM, .set = take, .min = 1, .max = 9, .where = IN_SERVER},
    {.name = "Proxy", .type = CONF_SECTION, .set = take, .min = 1, .max = 9, .where = IN_SERVER,
     .opens = IN_PROXY},
    {.name = "Elsewhere", .type = CONF_CUSTOM, .set = take, .where = IN_PROXY},
    {.name = NULL},
};

static const struct directive core_rows[] = {
    {ROW(core, "ProxyRequests", CONF_SWITCH, requests_too), .initial = "On", .where = IN_SERVER},
    {ROW(core, "Workers", CONF_NUMBER, workers), .initial = "0", .where = IN_SERVER},
    {.name = NULL},
};
/* clang-format on */

static const struct fake_file files[] = {
    {"/etc/w/rules", "Order deny,allow\nFile x\n"},
    {NULL, NULL},
};

/* The dump, with a zero behind it. */
static enum err dump(struct span text, struct buf *out)
{
    struct conf_source source = fake_source(files);
    struct conf conf = {.timeout = 0};
    struct core core = {.workers = 0};
    const struct conf_table tables[] = {
        {rows, &conf}, {core_rows, &core}, {conf_httpd_rows, NULL}};
    struct arena arena;
    struct diag diag;
    const struct conf_apply apply = {.tables = tables,
                                     .table_count = 3,
                                     .place = IN_SERVER,
                                     .arena = &arena,
                                     .diag = &diag,
                                     .source = &source};
    struct conf_node *nodes;
    enum err e;

    arena_init(&arena, 16 * 1024 * 1024);
    diag_init(&diag);
    buf_init(out, 16 * 1024 * 1024);
    source.directory = "/srv";
    e = conf_load_tree(&apply, text, "m", &nodes);
    if (e == ERR_CONF) {
        char line[DIAG_MAX_LINE];

        print_error("%s\n", diag_format(diag_next(&diag, NULL), line, sizeof line));
    }
    if (e == OK) {
        e = conf_dump(&apply, nodes, out);
    }
    if (e == OK) {
        e = buf_append_byte(out, '\0');
    }
    diag_fini(&diag);
    arena_fini(&arena);
    return e;
}

static void every_directive_is_shown_with_its_value(void **state)
{
    struct buf out;

    (void)state;
    assert_ok(dump(SPAN("ProxyRequests On # yes\nproxytimeout 1500ms\nServerRoot /etc/w\n"
                        "AuthUserFile u\nStartServers 3\nListen 80\n"
                        "Define N \"a b\"\n<proxy \"${N}\" x>\nInclude rules\nServerRoot /y\n"
                        "Empty \"\" a\\\\b\n<In *>\n</In>\n</proxy>\n"
                        "Listen 81 'with \"quote'\nAllowCONNECT 9000-9010 1\n"),
                   &out));
    assert_string_equal((const char *)out.ptr, "ProxyRequests On\n"
                                               "ProxyVia On # default\n"
                                               "ProxyTimeout 1500ms\n"
                                               "Room 64k # default\n"
                                               "MaxTunnels 10000 # default\n"
                                               "# ServerName is not set\n"
                                               "AuthUserFile /etc/w/u\n"
                                               "AllowCONNECT 1 9000-9010\n"
                                               "Workers 0 # default\n"
                                               "ServerRoot /etc/w\n"
                                               "Listen 80\n"
                                               "<proxy \"a b\" x>\n"
                                               "    Order deny,allow\n"
                                               "    File x\n"
                                               "    ServerRoot /y\n"
                                               "    Empty \"\" \"a\\b\"\n"
                                               "    <In *>\n"
                                               "    </In>\n"
                                               "</proxy>\n"
                                               "Listen 81 \"with \\\"quote\"\n");
    buf_fini(&out);
}

/* Whatever was read, its dump is read as the same: the dump of the dump is the dump. */
static void what_is_printed_means_the_same(void **state)
{
    static const char *const texts[] = {
        "",
        "Listen 80\nProxyRequests On\nProxyTimeout 1h\nProxyVia Off\nMaxTunnels 7\nRoom 3\n",
        "ServerName \"a \\\\\\\"b\\\" # c\"\nListen \"#x\" 'y>' \"\\\\\" a\\b \\\\\\\\\n",
        "ServerName \"\"\nAuthUserFile /a//b\n<Proxy >>\n</Proxy>\n<Proxy \"x>\" \"a\" >\n</Proxy>",
        "ServerName ${undefined}\nListen ${HOME} '${x}' $ ${\n",
        "Define D $\nServerName ${D}{HOME}\nListen ${D}${D}{HOME}\n",
        "AllowCONNECT 1 3 5 7 9 11 13 15 17 19 21 23 25 27 29 31 33 35 37-65535\n",
        "<Proxy *>\n<A>\n<B x>\nC\n</B>\nD\n</A>\n</Proxy>\nListen 1\nServerRoot sub\nListen 2\n",
        "<Proxy *>\n<IfDefine Given>\nInclude /etc/w/rules\n</IfDefine>\nX\n</Proxy>\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct buf once, twice;

        assert_ok(dump(span_str(texts[i]), &once));
        assert_ok(dump(span_head(buf_span(&once), once.len - 1), &twice));
        for (char *at = (char *)once.ptr; (at = strstr(at, " # default")) != NULL;) {
            memmove(at, at + strlen(" # default"), strlen(at + strlen(" # default")) + 1);
        }
        assert_string_equal((const char *)once.ptr, (const char *)twice.ptr);
        buf_fini(&once);
        buf_fini(&twice);
    }
}

static void what_a_file_read_is_what_its_dump_reads(void **state)
{
    struct buf out;

    (void)state;
    assert_ok(dump(SPAN("Define D $\nServerName \"${D}{HOME} \\\\ \\\" \\x\"\n"), &out));
    assert_non_null(strstr((const char *)out.ptr, "Define WAYLEAVE_DOLLAR $\n"));
    assert_non_null(
        strstr((const char *)out.ptr, "ServerName \"${WAYLEAVE_DOLLAR}{HOME} \\ \\\" \\x\"\n"));
    buf_fini(&out);
}

static void dump_with_little_memory(void)
{
    struct buf out;
    enum err e = dump(SPAN("Listen 80\n<Proxy *>\nA\n</Proxy>\nServerName x\n"), &out);

    assert_true(e == OK || (e == ERR_NOMEM && oom_has_struck()));
    buf_fini(&out);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(dump_with_little_memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_directive_is_shown_with_its_value),
        cmocka_unit_test(what_is_printed_means_the_same),
        cmocka_unit_test(what_a_file_read_is_what_its_dump_reads),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
