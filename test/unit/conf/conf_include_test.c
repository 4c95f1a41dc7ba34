/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "conf/conf_include.h"

#include "lib/oom.h"
#include "unit/conf/fake_reading.h"

static const struct fake_file files[] = {
    {"a.conf", "A\n"},
    {"two.conf", "B ${P}\nInclude a.conf\nDefine P after\n"},
    {"open.conf", "<Proxy *>\nIn\n"},
    {"close.conf", "</Proxy>\n"},
    {"self.conf", "Include self.conf\n"},
    {"ping.conf", "Include pong.conf\n"},
    {"pong.conf", "A\nInclude ./ping.conf\n"},
    {"secret.conf", NULL},
    {"locked/x", "A\n"},
    {"d/20.conf", "D20\n"},
    {"d/10.conf", "D10\n"},
    {"d/.hidden.conf", "Hidden\n"},
    {"d/sub/5.conf", "D5\nInclude here.conf\n"},
    {"d/sub/here.conf", "Here\n"},
    {"e/sub/7.conf", "E7\n"},
    {"/etc/w/a.conf", "Abs\nFile x\n"},
    {"/etc/w/sub/b.conf", "Include ../a.conf\n"},
    {"/etc/w/sub/../a.conf", "Up\n"},
    {NULL, NULL},
};

static void check_examples(const struct fake_example *examples, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fake_assert_reads(examples[i].text, files, examples[i].reads);
    }
}

#define check(examples) check_examples(examples, sizeof(examples) / sizeof(examples)[0])

static void an_included_file_stands_where_its_line_does(void **state)
{
    static const struct fake_example examples[] = {
        {"X\nInclude a.conf\nY", "m:1 X; a.conf:1 A; m:3 Y"},
        {"include \"a.conf\" # once\nIncludeOptional a.conf", "a.conf:1 A; a.conf:1 A"},
        {"Define P 1\nInclude two.conf\nY ${P}", "two.conf:1 B [1]; a.conf:1 A; m:3 Y [after]"},
        {"<Proxy *>\nX\nInclude a.conf\nY\n</Proxy>\nZ",
         "m:1 Proxy [*] {m:2 X; a.conf:1 A; m:4 Y}; m:6 Z"},
        {"<Proxy *>\n<IfDefine !N>\nInclude a.conf\n</IfDefine>\nY\n</Proxy>",
         "m:1 Proxy [*] {a.conf:1 A; m:5 Y}"},
        {"<IfDefine N>\nInclude nowhere\n</IfDefine>\nY", "m:4 Y"},
        {"Define F a\nInclude ${F}.conf", "a.conf:1 A"},
        {"Include /etc/w/a.conf", "/etc/w/a.conf:1 Abs; /etc/w/a.conf:2 File [x]"},
        {"Include //etc/./w//a.conf", "/etc/w/a.conf:1 Abs; /etc/w/a.conf:2 File [x]"},
        {"Include /etc/w/sub/b.conf", "/etc/w/sub/../a.conf:1 Up"},
        {"ServerRoot /etc/\nServerRoot w/\nInclude a.conf",
         ""
         "/etc/w/a.conf:1 Abs; /etc/w/a.conf:2 File [x]"},
    };

    (void)state;
    check(examples);
}

static void directories_and_patterns_come_in_order(void **state)
{
    static const struct fake_example examples[] = {
        {"Include d",
         "d/.hidden.conf:1 Hidden; d/10.conf:1 D10; d/20.conf:1 D20; d/sub/5.conf:1 "
         "D5; d/sub/here.conf:1 Here; d/sub/here.conf:1 Here"},
        {"Include d/*.conf", "d/10.conf:1 D10; d/20.conf:1 D20"},
        {"Include ./d/?0.conf", "d/10.conf:1 D10; d/20.conf:1 D20"},
        {"Include d/[13]*", "d/10.conf:1 D10"},
        {"Include d/.h*", "d/.hidden.conf:1 Hidden"},
        {"Include */sub/?.conf",
         "d/sub/5.conf:1 D5; d/sub/here.conf:1 Here; e/sub/7.conf:1 E7"},
        {"Include [de]/*/7.conf", "e/sub/7.conf:1 E7"},
        {"Include e/s*", "e/sub/7.conf:1 E7"},
        {"Include /etc/*/a*", "/etc/w/a.conf:1 Abs; /etc/w/a.conf:2 File [x]"},
        {"IncludeOptional nowhere\nIncludeOptional no/*.conf\nIncludeOptional d/x*\nY",
         "m:4 Y"},
    };

    (void)state;
    check(examples);
}

static void each_wrong_line_gets_its_sentence(void **state)
{
    static const struct fake_example examples[] = {
        {"Include", "!m:1: Include: there is nothing behind it (write Include path)"},
        {"Include a b", "!m:1: Include: \"b\" is one word too many (write Include path)"},
        {"Include \"\"", "!m:1: Include: \"\" is no name of a file (it has 1 to 4095 bytes)"},
        {"X\nInclude no.conf",
         "m:1 X !m:2: Include: there is no no.conf (correct the name, or write IncludeOptional "
         "if it may be missing)"},
        {"ServerRoot /srv\nInclude no.conf",
         "!m:2: Include: there is no /srv/no.conf (correct the name, or write IncludeOptional if "
         "it may be missing)"},
        {"Include d/x*",
         "!m:1: Include: nothing matches d/x* (correct the pattern, or write IncludeOptional if "
         "there may be nothing)"},
        {"IncludeOptional secret.conf",
         "!m:1: IncludeOptional: secret.conf cannot be read: Permission denied (let the user "
         "who starts Wayleave read it)"},
        {"Include locked",
         "!m:1: Include: the directory locked cannot be read (let the user who starts Wayleave "
         "read it)"},
        {"Include self.conf",
         "!self.conf:1: Include: self.conf is this file itself (remove the line)"},
        {"Include ping.conf",
         "pong.conf:1 A !pong.conf:2: Include: ping.conf is being read already, and has led "
         "here (remove one of the two)"},
        {"<Proxy *>\nInclude close.conf\n</Proxy>",
         "m:1 Proxy [*] {} !close.conf:1: </Proxy> closes nothing (write <Proxy ...> before it, "
         "or remove it)"},
        {"Include open.conf\nX",
         "open.conf:1 Proxy [*] {open.conf:2 In}; m:2 X !open.conf:1: warning: <Proxy *> is "
         "never closed; understood as ending at the end of the file (write </Proxy> on a line "
         "of its own)"},
    };

    (void)state;
    check(examples);
}

static void without_a_source_nothing_is_included(void **state)
{
    struct conf_node *nodes;
    struct arena arena;
    struct diag diag;
    char line[DIAG_MAX_LINE];

    (void)state;
    arena_init(&arena, 100000);
    diag_init(&diag);
    assert_ok(conf_tree_parse(SPAN("Include a"), "m", NULL, &arena, &diag, &nodes));
    assert_null(nodes);
    assert_string_equal(diag_format(diag_next(&diag, NULL), line, sizeof line),
                        "m:1: Include: other files cannot be read from here (put their lines "
                        "into this one)");
    diag_fini(&diag);
    arena_fini(&arena);
}

static void the_depth_of_files_is_bounded(void **state)
{
    enum {
        COUNT = CONF_INCLUDE_MAX_DEPTH + 2
    };
    static char paths[COUNT][16], texts[COUNT][64];
    static struct fake_file chain[COUNT + 1];

    (void)state;
    for (int i = 0; i < COUNT; i++) {
        snprintf(paths[i], sizeof paths[i], "f%d", i);
        snprintf(texts[i], sizeof texts[i], "Include f%d\n", i + 1);
        chain[i] = (struct fake_file){paths[i], texts[i]};
    }
    fake_assert_reads(
        "Include f0\nA", chain,
        "m:2 A !f15:1: Include: files include files more than 16 deep (do they go "
        "in a circle?)");
}

static void the_number_of_files_is_bounded(void **state)
{
    static const struct fake_file empty[] = {{"f", "# nothing\n"}, {NULL, NULL}};
    struct buf text;

    (void)state;
    buf_init(&text, 100000);
    for (int i = 0; i < CONF_INCLUDE_MAX_FILES + 5; i++) {
        assert_ok(buf_append(&text, SPAN("Include f\n")));
    }
    assert_ok(buf_append_byte(&text, '\0'));
    fake_assert_reads((const char *)text.ptr, empty,
                      "!m:1001: Include: more than 1000 files are included (name fewer)");
    buf_fini(&text);
}

static void read_with_little_memory(void)
{
    const struct conf_source source = fake_source(files);
    struct conf_node *nodes = NULL;
    struct arena arena;
    struct diag diag;
    enum err e;

    arena_init(&arena, 1024 * 1024);
    diag_init(&diag);
    e = conf_tree_parse(SPAN("Define P x\n<Proxy *>\nInclude d\nInclude two.conf\n"
                             "Include */sub/*\nInclude no\n</Proxy>\nServerRoot /etc\n"),
                        "m", &source, &arena, &diag, &nodes);
    assert_true(e == OK || (e == ERR_NOMEM && oom_has_struck()));
    diag_fini(&diag);
    arena_fini(&arena);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(read_with_little_memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_included_file_stands_where_its_line_does),
        cmocka_unit_test(directories_and_patterns_come_in_order),
        cmocka_unit_test(each_wrong_line_gets_its_sentence),
        cmocka_unit_test(without_a_source_nothing_is_included),
        cmocka_unit_test(the_depth_of_files_is_bounded),
        cmocka_unit_test(the_number_of_files_is_bounded),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
