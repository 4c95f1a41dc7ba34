/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_accesslog_conf.h"

#include "conf/conf_load.h"
#include "lib/testing.h"
#include "proxy/proxy_logformat.h"

#include <stdio.h>

static struct proxy_accesslog_conf conf;
static char said[2048];

static enum err set_format(void *into, const struct conf_node *node,
                           const struct conf_apply *apply)
{
    return proxy_accesslog_conf_read_format(into, node, apply);
}

static enum err set_log(void *into, const struct conf_node *node,
                        const struct conf_apply *apply)
{
    return proxy_accesslog_conf_read_log(into, node, apply);
}

static const struct directive rows[] = {
    {.name = "LogFormat",
     .type = CONF_CUSTOM,
     .min = 1,
     .max = 2,
     .set = set_format,
     .where = 1},
    {.name = "CustomLog", .type = CONF_CUSTOM, .min = 1, .max = 3, .set = set_log, .where = 1},
    {.name = NULL},
};

static struct arena arena;

static void load(const char *text)
{
    const struct conf_table table = {rows, &conf};
    struct diag diag;
    const struct conf_apply apply = {
        .tables = &table, .table_count = 1, .place = 1, .arena = &arena, .diag = &diag};
    size_t len = 0;

    conf = (struct proxy_accesslog_conf){.count = 0};
    diag_init(&diag);
    arena_fini(&arena);
    arena_init(&arena, 1 << 20);
    if (conf_load(&apply, span_str(text), "p.conf") == OK) {
        proxy_accesslog_conf_check(&conf, "p.conf", &diag);
    }
    said[0] = '\0';
    for (const struct diag_message *message = diag_next(&diag, NULL); message != NULL;
         message = diag_next(&diag, message)) {
        char line[DIAG_MAX_LINE];

        len += (size_t)snprintf(said + len, sizeof said - len, "%s\n",
                                diag_format(message, line, sizeof line));
    }
    diag_fini(&diag);
}

static void assert_log(size_t at, const char *file, const char *format)
{
    assert_true(at < conf.count);
    assert_true(span_equals(conf.logs[at].file, file));
    assert_true(span_equals(conf.logs[at].format, format));
}

static void without_a_word_it_goes_to_stdout_in_our_format(void **state)
{
    (void)state;
    load("");
    assert_int_equal(conf.count, 1);
    assert_log(0, "", proxy_logformat_default);
    assert_string_equal(said, "");
}

static void debians_lines_load(void **state)
{
    (void)state;
    load("LogFormat \"%v:%p %h %l %u %t \\\"%r\\\" %>s %O \\\"%{Referer}i\\\" "
         "\\\"%{User-Agent}i\\\"\" vhost_combined\n"
         "LogFormat \"%h %l %u %t \\\"%r\\\" %>s %O \\\"%{Referer}i\\\" "
         "\\\"%{User-Agent}i\\\"\" combined\n"
         "LogFormat \"%h %l %u %t \\\"%r\\\" %>s %O\" common\n"
         "LogFormat \"%{Referer}i -> %U\" referer\n"
         "LogFormat \"%{User-agent}i\" agent\n"
         "CustomLog /var/log/a.log combined\n"
         "CustomLog /var/log/b.log vhost_combined\n");
    assert_string_equal(said, "");
    assert_int_equal(conf.count, 2);
    assert_log(0, "/var/log/a.log",
               "%h %l %u %t \"%r\" %>s %O \"%{Referer}i\" \"%{User-Agent}i\"");
}

static void a_nickname_may_stand_behind_its_use_and_the_last_one_counts(void **state)
{
    (void)state;
    load("CustomLog a short\nLogFormat \"%h\" short\nLogFormat \"%h %s\" short\n");
    assert_log(0, "a", "%h %s");
}

static void builtin_formats_need_no_line(void **state)
{
    (void)state;
    load("CustomLog a json\nCustomLog b common\nCustomLog c wayleave\nCustomLog d \"%h %s\"\n");
    assert_string_equal(said, "");
    assert_log(0, "a", "json");
    assert_log(1, "b", "%h %l %u %t \"%r\" %>s %b");
    assert_log(2, "c", proxy_logformat_default);
    assert_log(3, "d", "%h %s");
}

static void a_format_without_a_nickname_is_the_usual_one(void **state)
{
    (void)state;
    load("LogFormat json\n");
    assert_log(0, "", "json");
    load("LogFormat \"%h\"\nCustomLog /dev/stdout\nCustomLog b combined\n");
    assert_log(0, "", "%h");
    assert_true(conf.logs[1].format.len > 10);
}

static void what_is_wrong_is_said_with_a_remedy(void **state)
{
    (void)state;
    load("CustomLog a combind\n");
    assert_string_equal(said, "p.conf:1: CustomLog: there is no LogFormat \"combind\" (write "
                              "common, combined, wayleave, json, or add LogFormat \"...\" "
                              "combind)\n");
    load("CustomLog \"|/usr/bin/rotatelogs x\" combined\n");
    assert_string_equal(said,
                        "p.conf:1: CustomLog: this proxy starts no programs (write to a file "
                        "and let logrotate send SIGUSR1, or to /dev/stdout and let the service "
                        "manager take it)\n");
    load("CustomLog a combined env=!quiet\n");
    assert_string_equal(said,
                        "p.conf:1: CustomLog: \"env=!quiet\": this proxy logs every request "
                        "(leave the condition out; %400,501{...}i in the format leaves out "
                        "single values)\n");
    load("CustomLog \"\" combined\n");
    assert_string_equal(said, "p.conf:1: CustomLog: the name of the file is empty (write "
                              "/dev/stdout, or a path)\n");
    load("LogFormat \"%h %e\" x\nCustomLog b \"%f\"\n");
    assert_string_equal(
        said, "p.conf:1: LogFormat: %e is nothing that this proxy can log (the manual "
              "lists what is)\n"
              "p.conf:2: CustomLog: %f is nothing that this proxy can log (the manual "
              "lists what is)\n");
}

static void there_is_a_most_of_each(void **state)
{
    char text[2048] = "";

    (void)state;
    for (int i = 0; i < PROXY_ACCESSLOG_CONF_LOGS_MAX + 1; i++) {
        strcat(text, "CustomLog a json\n");
    }
    load(text);
    assert_string_equal(said, "p.conf:9: CustomLog: there are more than 8\n");
    text[0] = '\0';
    for (int i = 0; i < PROXY_ACCESSLOG_CONF_FORMATS_MAX + 1; i++) {
        strcat(text, "LogFormat %h x\n");
    }
    load(text);
    assert_string_equal(said, "p.conf:33: LogFormat: there are more than 32\n");
    arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_word_it_goes_to_stdout_in_our_format),
        cmocka_unit_test(debians_lines_load),
        cmocka_unit_test(a_nickname_may_stand_behind_its_use_and_the_last_one_counts),
        cmocka_unit_test(builtin_formats_need_no_line),
        cmocka_unit_test(a_format_without_a_nickname_is_the_usual_one),
        cmocka_unit_test(what_is_wrong_is_said_with_a_remedy),
        cmocka_unit_test(there_is_a_most_of_each),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
