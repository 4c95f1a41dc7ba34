/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "conf/conf_onread.h"

#include "unit/conf/fake_reading.h"

static const struct fake_file no_files[] = {{NULL, NULL}};

static void check_examples(const struct fake_example *examples, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fake_assert_reads(examples[i].text, no_files, examples[i].reads);
    }
}

#define check(examples) check_examples(examples, sizeof(examples) / sizeof(examples)[0])

static void a_name_stands_for_its_value_from_its_definition_on(void **state)
{
    static const struct fake_example examples[] = {
        {"Define P 80\nListen ${P}", "m:2 Listen [80]"},
        {"Define P 80\nListen 127.0.0.1:${P}0 # ${Q}", "m:2 Listen [127.0.0.1:800]"},
        {"Define P 80\nDefine P 81\nA ${P}", "m:3 A [81]"},
        {"Define P 80\nDefine P\nA ${P}", "m:3 A [80]"},
        {"Define p 80\nA ${P}", "m:2 A [80]"},
        {"Define P \"a b\"\nA ${P} \"${P}\" '${P}'", "m:2 A [a] [b] [a b] [a b]"},
        {"Define P \"\"\nA ${P}${P}x ${P}\nB \"${P}\"", "m:2 A [x]; m:3 B []"},
        {"Define P Listen\n${P} 80", "m:2 Listen [80]"},
        {"Define P \"<Proxy *>\"\n${P}\nA\n</Proxy>", "m:2 Proxy [*] {m:3 A}"},
        {"Define P \"1 # 2\"\nA ${P}", "m:2 A [1] [#] [2]"},
        {"Define P ''\nA ${P}# c", "m:2 A"},
        {"Define P x\nDefine Q ${P}y\nUnDefine P\nA ${Q}", "m:4 A [xy]"},
        {"<Proxy *>\nDefine P 1\n</Proxy>\nA ${P}", "m:1 Proxy [*] {}; m:4 A [1]"},
        {"A ${HOME}/x", "m:1 A [/home/al/x]"},
        {"Define HOME /x\nA ${HOME}\nUnDefine HOME\nA ${HOME}", "m:2 A [/x]; m:4 A [/home/al]"},
        {"Define D $\nA ${D}{HOME}", "m:2 A [${HOME}]"},
        {"A $HOME $ ${ ${} {x}",
         "m:1 A [$HOME] [$] [${] [${}] [{x}] !m:1: warning: ${ ${} is not defined; understood "
         "as these very characters (write Define  ${ and its value before it)"},
        {"A ${map:x}", "m:1 A [${map:x}]"},
    };

    (void)state;
    check(examples);
}

static void what_is_not_defined_stays_and_is_said(void **state)
{
    static const struct fake_example examples[] = {
        {"A\nListen ${P}",
         "m:1 A; m:2 Listen [${P}] !m:2: warning: ${P} is not defined; understood as these very "
         "characters (write Define P and its value before it)"},
        {"A ${P}\nDefine P 1",
         "m:1 A [${P}] !m:1: warning: ${P} is not defined; understood as these very characters "
         "(write Define P and its value before it)"},
        {"Define P\nA ${P}",
         "m:2 A [${P}] !m:2: warning: ${P} is not defined; understood as these very characters "
         "(write Define P and its value before it)"},
        {"A ${a${HOME}}",
         "m:1 A [${a${HOME}}] !m:1: warning: ${a${HOME} is not defined; understood as these "
         "very characters (write Define a${HOME and its value before it)"},
    };

    (void)state;
    check(examples);
}

static void conditions_let_their_content_count_or_not(void **state)
{
    static const struct fake_example examples[] = {
        {"<IfDefine X>\nA\n</IfDefine>\nB", "m:4 B"},
        {"Define X\n<IfDefine X>\nA\n</IfDefine>\nB", "m:3 A; m:5 B"},
        {"<IfDefine !X>\nA\n</IfDefine>\nB", "m:2 A; m:4 B"},
        {"<ifdefine Given>\nA\n</IFDEFINE>", "m:2 A"},
        {"Define x\n<IfDefine X>\nA\n</IfDefine>", ""},
        {"Define X\nUnDefine X\n<IfDefine X>\nA\n</IfDefine>", ""},
        {"<IfDefine X>\nDefine Y\n</IfDefine>\n<IfDefine Y>\nA\n</IfDefine>", ""},
        {"<Proxy *>\n<IfDefine !X>\nA\nB\n</IfDefine>\n<IfDefine X>\nC\n</IfDefine>\nD\n"
         "</Proxy>\nE",
         "m:1 Proxy [*] {m:3 A; m:4 B; m:9 D}; m:11 E"},
        {"<IfDefine !X>\n<Proxy *>\nA\n</Proxy>\nB\n</IfDefine>",
         "m:2 Proxy [*] {m:3 A}; m:5 B"},
        {"<IfDefine X>\n<Proxy \"*>\nBad ${none} \"\n</Proxy>\n<IfDefine Y>\n</IfDefine>\n"
         "</IfDefine>\nA",
         "m:8 A"},
        {"Define N X\nDefine X\n<IfDefine ${N}>\nA\n</IfDefine>", "m:4 A"},
        {"<IfModule mod_proxy.c>\nA\n</IfModule>", "m:2 A"},
        {"<IfModule proxy_connect_module>\nA\n</IfModule>", "m:2 A"},
        {"<IfModule !mod_ssl.c>\nA\n</IfModule>", ""},
        {"<IfModule !mod_php.c>\nA\n</IfModule>", "m:2 A"},
        {"<IfModule http_module>\n<IfModule core.c>\nA\n</IfModule>\n</IfModule>", "m:3 A"},
    };

    (void)state;
    check(examples);
}

static void a_version_is_compared_with_httpds(void **state)
{
    static const char *const holding[] = {
        "2.4.71",   "= 2.4.71",   "== 2.4.71", ">= 2.4",     "> 2.4", "> 2",
        "< 2.4.72", "<= 2.4.71",  "!>= 2.5",   "!= 2.4",     "< 3",   "~ ^2\\.4",
        "/^2.4/",   "= /^2[.]4/", "!~ ^2\\.2", "\">=\" 2.2",
    };
    static const char *const failing[] = {"2.4",       ">= 2.5",   "< 2.4",   "> 2.4.71",
                                          "!= 2.4.71", "~ ^2\\.2", "!>= 2.4", "/2.2/"};
    char text[128];

    (void)state;
    for (size_t i = 0; i < sizeof holding / sizeof holding[0]; i++) {
        snprintf(text, sizeof text, "<IfVersion %s>\nA\n</IfVersion>", holding[i]);
        fake_assert_reads(text, no_files, "m:2 A");
    }
    for (size_t i = 0; i < sizeof failing / sizeof failing[0]; i++) {
        snprintf(text, sizeof text, "<IfVersion %s>\nA\n</IfVersion>", failing[i]);
        fake_assert_reads(text, no_files, "");
    }
}

static void each_wrong_line_gets_its_sentence(void **state)
{
    static const struct fake_example examples[] = {
        {"Define", "!m:1: Define: there is nothing behind it (write Define NAME [value])"},
        {"Define A b c",
         "!m:1: Define: \"c\" is one word too many (write Define NAME [value])"},
        {"Define A:b c", "!m:1: Define: a name cannot hold : or } (leave them out)"},
        {"Define \"\" c", "!m:1: Define: a name has 1 to 255 bytes (write a shorter one)"},
        {"UnDefine a}", "!m:1: UnDefine: a name cannot hold : or } (leave them out)"},
        {"ServerRoot ''",
         "!m:1: ServerRoot: the name is empty (write ServerRoot /etc/wayleave)"},
        {"<IfDefine>\nA\n</IfDefine>\nB",
         "m:4 B !m:1: <IfDefine>: there is nothing behind it (write <IfDefine [!]NAME>)"},
        {"<IfDefine !>\nA\n</IfDefine>\nB",
         "m:4 B !m:1: <IfDefine>: there is no name behind it (write <IfDefine [!]NAME>)"},
        {"<IfModule a b>\n</IfModule>",
         "!m:1: <IfModule>: \"b\" is one word too many (write <IfModule "
         "[!]mod_name.c|name_module>)"},
        {"<IfModule mod_proxy>\nA\n</IfModule>",
         "!m:1: warning: <IfModule>: \"mod_proxy\" is no module for httpd; understood as a "
         "module that is not there (write mod_proxy.c)"},
        {"<IfVersion >= 2.4x>\nA\n</IfVersion>",
         "!m:1: <IfVersion>: \"2.4x\" cannot be compared with httpd's 2.4.71 (write <IfVersion "
         ">= 2.4>, or another of = > < <= and ~)"},
        {"<IfVersion ~ (>\n</IfVersion>",
         "!m:1: <IfVersion>: \"(\" cannot be compared with httpd's 2.4.71 (write <IfVersion >= "
         "2.4>, or another of = > < <= and ~)"},
        {"<IfVersion <> 2>\n</IfVersion>",
         "!m:1: <IfVersion>: \"2\" cannot be compared with httpd's 2.4.71 (write <IfVersion >= "
         "2.4>, or another of = > < <= and ~)"},
        {"<IfDefine X>\nRequire all denied",
         "!m:1: <IfDefine X> is never closed, so nothing behind it counts (write </IfDefine> on "
         "a line of its own)"},
        {"<IfDefine !X>\nA",
         "m:2 A !m:1: warning: <IfDefine !X> is never closed; understood as ending at the end "
         "of the file (write </IfDefine> on a line of its own)"},
        {"<IfDefine X>\n<Proxy *>\n</IfDefine>\n</Proxy>\n</IfDefine>",
         "!m:4: </Proxy> cannot close <IfDefine X> of m:1 (write </IfDefine>) !m:5: </IfDefine> "
         "closes nothing (write <IfDefine ...> before it, or remove it)"},
        {"<Proxy *>\n<IfDefine !X>\n</Proxy>\n</IfDefine>",
         "m:1 Proxy [*] {} !m:3: </Proxy> comes while <IfDefine !X> of m:2 is open (write "
         "</IfDefine> before it) !m:4: </IfDefine> closes nothing (write <IfDefine ...> before "
         "it, or remove it)"},
    };

    (void)state;
    check(examples);
}

static void names_have_a_maximum(void **state)
{
    struct buf text;

    (void)state;
    buf_init(&text, 1024 * 1024);
    for (int i = 0; i < CONF_VARS_MAX; i++) { /* one name is given by the source */
        assert_ok(buf_printf(&text, "Define n%d\n", i));
    }
    assert_ok(buf_append_byte(&text, '\0'));
    fake_assert_reads((const char *)text.ptr, no_files,
                      "!m:1000: Define: there are more than 1000 names and values (define "
                      "fewer)");
    buf_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_stands_for_its_value_from_its_definition_on),
        cmocka_unit_test(what_is_not_defined_stays_and_is_said),
        cmocka_unit_test(conditions_let_their_content_count_or_not),
        cmocka_unit_test(a_version_is_compared_with_httpds),
        cmocka_unit_test(each_wrong_line_gets_its_sentence),
        cmocka_unit_test(names_have_a_maximum),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
