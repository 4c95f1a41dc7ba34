/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "conf/conf_manual.h"

#include "base/clock.h"
#include "lib/oom.h"
#include "lib/testing.h"

enum {
    IN_SERVER = 1u << 0,
    IN_PROXY = 1u << 1,
};

struct conf {
    msec timeout;
    unsigned via;
};

static const struct conf_choice vias[] = {{"Off", 0}, {"On", 1}, {NULL, 0}};

/* clang-format off */
static const struct directive inner_rows[] = {
    {.name = "Allow", .type = CONF_CUSTOM, .where = IN_PROXY, .form = "from all",
     .help = "Who may."},
    {.name = NULL},
};

static const struct directive rows[] = {
    {.name = "Timeout", .type = CONF_DURATION, CONF_SCHEMA_FIELD(struct conf, timeout),
     .min = 1000, .max = 60000, .initial = "10s", .where = IN_SERVER | IN_PROXY, .ours = true,
     .help = "How long.", .more = "See <Proxy *>.\n\n.Second \\ paragraph."},
    {.name = "Via", .type = CONF_CHOICE, CONF_SCHEMA_FIELD(struct conf, via), .choices = vias,
     .where = IN_SERVER, .help = "Say so."},
    {.name = "Proxy", .type = CONF_SECTION, .where = IN_SERVER, .opens = IN_PROXY,
     .inner = inner_rows, .form = "pattern", .help = "Rules."},
    {.name = NULL},
};

static const struct directive excuses[] = {
    {.name = "Via", .type = CONF_IGNORED, .where = UINT32_MAX, .help = "there is a real one"},
    {.name = "Limit", .type = CONF_REFUSED, .where = UINT32_MAX, .section = true,
     .help = "write Require"},
    {.name = "Mutex", .type = CONF_IGNORED, .where = UINT32_MAX, .help = "no use"},
    {.name = NULL},
};
/* clang-format on */

static const struct conf_manual_chapter chapters[] = {
    {.title = "One", .intro = "First.", .rows = rows},
    {.title = "Two", .rows = excuses},
};

static const struct conf_manual manual = {chapters, 2, IN_SERVER};

static void assert_prints(enum conf_manual_format format, const char *expected)
{
    struct buf out;

    buf_init(&out, 100000);
    assert_ok(conf_manual_print(&manual, format, &out));
    assert_ok(buf_append_byte(&out, '\0'));
    assert_string_equal((const char *)out.ptr, expected);
    buf_fini(&out);
}

static void the_chapter_is_printed_from_the_rows(void **state)
{
    (void)state;
    assert_prints(CONF_MANUAL_MARKDOWN,
                  "<!-- Printed by `wayleave config --manual markdown` from the rows in the "
                  "source; tool/manual.mjs writes it. -->\n\n# Directives\n"
                  "\n## One\n\nFirst.\n"
                  "\n### Timeout\n\n`Timeout duration`\n\nHow long.\n\nSee \\<Proxy \\*\\>.\n"
                  "\n.Second \\\\ paragraph.\n"
                  "\n- Default: 10s\n- Bounds: 1s to 1m\n- Where: server level, \\<Proxy\\>\n"
                  "- Whose: Wayleave's own\n"
                  "\n### Via\n\n`Via Off|On`\n\nSay so.\n"
                  "\n- Default: none\n- Where: server level\n- Whose: Apache httpd's\n"
                  "\n### Proxy\n\n`<Proxy pattern>`\n\nRules.\n"
                  "\n- Where: server level\n- Whose: Apache httpd's\n"
                  "\n### Allow\n\n`Allow from all`\n\nWho may.\n"
                  "\n- Where: \\<Proxy\\>\n- Whose: Apache httpd's\n"
                  "\n## Two\n"
                  "\n| directive | | why, and what instead |\n| --- | --- | --- |\n"
                  "| `<Limit>` | refused | write Require |\n"
                  "| `Mutex` | ignored | no use |\n");
}

static void so_is_the_man_page(void **state)
{
    (void)state;
    assert_prints(
        CONF_MANUAL_MAN,
        ".\\\" Printed by `wayleave config --manual man` from the rows in the source.\n"
        ".TH WAYLEAVE\\-DIRECTIVES 5 \"\" \"Wayleave\" \"File formats\"\n"
        ".SH NAME\nwayleave\\-directives \\- the directives of a Wayleave configuration\n"
        ".SH \"ONE\"\n.PP\nFirst.\n"
        ".TP\n\\fBTimeout duration\\fR\nHow long.\n.IP\nSee <Proxy *>.\n"
        ".IP\n\\&.Second \\e paragraph.\n"
        ".br\nDefault: 10s\n.br\nBounds: 1s to 1m\n.br\nWhere: server level, <Proxy>\n"
        ".br\nWhose: Wayleave's own\n"
        ".TP\n\\fBVia Off|On\\fR\nSay so.\n"
        ".br\nDefault: none\n.br\nWhere: server level\n.br\nWhose: Apache httpd's\n"
        ".TP\n\\fB<Proxy pattern>\\fR\nRules.\n"
        ".br\nWhere: server level\n.br\nWhose: Apache httpd's\n"
        ".TP\n\\fBAllow from all\\fR\nWho may.\n"
        ".br\nWhere: <Proxy>\n.br\nWhose: Apache httpd's\n"
        ".SH \"TWO\"\n"
        ".TP\n\\fB<Limit>\\fR (refused)\nwrite Require\n"
        ".TP\n\\fBMutex\\fR (ignored)\nno use\n");
}

static void print_with_little_memory(void)
{
    struct buf out;
    enum err e;

    buf_init(&out, 100000);
    e = conf_manual_print(&manual, CONF_MANUAL_MARKDOWN, &out);
    assert_true(e == OK || (e == ERR_NOMEM && oom_has_struck()));
    buf_fini(&out);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(print_with_little_memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_chapter_is_printed_from_the_rows),
        cmocka_unit_test(so_is_the_man_page),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
