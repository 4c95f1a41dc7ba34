/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_logformat.h"

#include "lib/oom.h"
#include "unit/proxy/logformat_sample.h"

static void combined_is_what_httpd_writes(void **state)
{
    struct proxy_accesslog_entry entry = sample_entry();

    (void)state;
    sample_set_zone("UTC");
    assert_line(proxy_logformat_builtin(SPAN("combined")), &entry,
                "127.0.0.1 - anna [22/Nov/2026:15:42:09 +0000] \"CONNECT realm:9000?q=1 "
                "HTTP/1.1\" 200 4410 \"-\" \"curl/8 \\\"x\\\"\"");
    assert_line(proxy_logformat_builtin(SPAN("common")), &entry,
                "127.0.0.1 - anna [22/Nov/2026:15:42:09 +0000] \"CONNECT realm:9000?q=1 "
                "HTTP/1.1\" 200 4410");
    assert_null(proxy_logformat_builtin(SPAN("Common")));
}

static void the_default_tells_of_the_tunnel(void **state)
{
    struct proxy_accesslog_entry entry = sample_entry();
    struct proxy_accesslog_entry refused = {.status = 403, .request = SPAN("GET / HTTP/1.1")};

    (void)state;
    sample_set_zone("UTC");
    assert_line(proxy_logformat_default, &entry,
                "127.0.0.1 - anna [22/Nov/2026:15:42:09 +0000] \"CONNECT realm:9000?q=1 "
                "HTTP/1.1\" 200 4410 \"-\" \"curl/8 \\\"x\\\"\" up=812 down=4410 ms=61234 "
                "closed-by=server tunnel=websocket upstream=[::1]:9000 "
                "parent=parent.test:3128 ws-path=\"/chat?room=1\" ws-protocol=\"v12.stomp\" "
                "ws-up=7 ws-down=9 ws-close=1001 ws-closer=client "
                "error=connection_terminated why=\"connection reset\"");
    assert_line(proxy_logformat_default, &refused,
                "- - - [22/Nov/2026:15:43:11 +0000] \"GET / HTTP/1.1\" 403 - \"-\" \"-\" "
                "ms=0"); /* nothing of what is not known */
}

static void literals_and_escapes_stand_as_in_httpd(void **state)
{
    struct proxy_accesslog_entry entry = sample_entry();

    (void)state;
    assert_line("100%% a\\tb\\nc\\x\\", &entry, "100% a\tb\nc\\x\\");
    assert_line("", &entry, "");
    assert_line("%s%>s%<s", &entry, "200200200");
}

static void a_status_decides_whether_an_item_is_written(void **state)
{
    struct proxy_accesslog_entry entry = sample_entry();

    (void)state;
    assert_line("%200{Host}i %400,501{Host}i %!200,304{Host}i %!400{Host}i", &entry,
                "realm:9000 - - realm:9000");
    assert_line("%400,200>s", &entry, "200");
}

static const char *fault_of(const char *text)
{
    static char fault[PROXY_LOGFORMAT_FAULT_BYTES];
    static struct proxy_logformat format;

    assert_int_equal(proxy_logformat_compile(span_str(text), &format, fault), ERR_CONF);
    return fault;
}

static void a_wrong_format_is_refused_with_a_sentence(void **state)
{
    char many[400] = "";

    (void)state;
    assert_string_equal(fault_of("a %"), "% stands at the end (write %% for a percent sign)");
    assert_string_equal(fault_of("%{Host"), "%{ has no } behind it");
    assert_string_equal(fault_of("%{Host}"),
                        "% stands at the end (write %% for a percent sign)");
    assert_string_equal(fault_of("%e"),
                        "%e is nothing that this proxy can log (the manual lists what is)");
    assert_string_equal(fault_of("%{ws}x"), "%{ws}x is nothing that this proxy can log (the "
                                            "manual lists what may stand in the braces)");
    assert_string_equal(fault_of("%99s"), "behind % stand at most 8 statuses from 100 to 599");
    assert_string_equal(fault_of("%1000000s"),
                        "behind % stand at most 8 statuses from 100 to 599");
    assert_string_equal(fault_of("%200,200,200,200,200,200,200,200,200s"),
                        "behind % stand at most 8 statuses from 100 to 599");
    for (int i = 0; i < 97; i++) {
        strcat(many, "%s");
    }
    assert_string_equal(fault_of(many),
                        "the format has more than 96 parts (use two CustomLogs)");
}

static void a_long_value_hides_nothing_behind_it(void **state)
{
    struct proxy_accesslog_entry entry = sample_entry();
    char target[5000];
    const char *line;

    (void)state;
    memset(target, '\n', sizeof target);
    entry.request = span_of(target, sizeof target);
    line = sample_line("%r %s", &entry);
    assert_int_equal(strlen(line), 1024 + 5);
    assert_string_equal(line + 1024, " 200\n");
    line = sample_line("%r%r%r%r%r%r", &entry);                     /* more than a line holds */
    assert_int_equal(strlen(line), PROXY_LOGFORMAT_LINE_BYTES - 1); /* no half of an escape */
    assert_int_equal(line[PROXY_LOGFORMAT_LINE_BYTES - 2], '\n');
}

static void the_smallest_room_holds_a_line_end(void **state)
{
    static struct proxy_logformat format;
    struct proxy_accesslog_entry entry = sample_entry();
    const struct proxy_logformat_line line = {&entry, SAMPLE_ENDED_MS};
    char fault[PROXY_LOGFORMAT_FAULT_BYTES];
    uint8_t room[40];

    (void)state;
    assert_ok(proxy_logformat_compile(SPAN("%r %D"), &format, fault));
    for (size_t len = 2; len <= sizeof room; len++) {
        size_t written = proxy_logformat_write(&format, &line, mspan_of(room, len));

        assert_true(written <= len);
        assert_int_equal(room[written - 1], '\n');
    }
    assert_ok(proxy_logformat_compile(SPAN("json"), &format, fault));
    for (size_t len = 2; len <= sizeof room; len++) {
        size_t written = proxy_logformat_write(&format, &line, mspan_of(room, len));

        assert_int_equal(room[written - 1], '\n');
        assert_true(written == 1 || (room[0] == '{' && room[written - 2] == '}'));
    }
}

static void the_fields_that_formats_ask_for_are_kept(void **state)
{
    static struct proxy_logformat format;
    struct proxy_logformat_names names = {.count = 0};
    struct proxy_logformat_kept *kept;
    struct proxy_accesslog_entry entry = sample_entry();
    char fault[PROXY_LOGFORMAT_FAULT_BYTES];

    (void)state;
    assert_ok(proxy_logformat_compile(SPAN("%{user-agent}i %{X-No}i %{Via}o"), &format, fault));
    proxy_logformat_add_names(&format, &names);
    assert_int_equal(names.count, 2);
    assert_ok(proxy_logformat_compile(SPAN("json"), &format, fault));
    proxy_logformat_add_names(&format, &names);
    assert_int_equal(names.count, 3); /* User-Agent was there */

    kept = proxy_logformat_keep(&names, entry.request_fields);
    assert_non_null(kept);
    assert_int_equal(kept->fields.count, 1);
    entry.request_fields = kept->fields;
    assert_line("%{User-Agent}i %{Host}i", &entry, "curl/8 \\\"x\\\" -");
    free(kept);
    names.count = 0;
    assert_null(proxy_logformat_keep(&names, entry.request_fields));
}

static void a_long_field_is_kept_in_part(void **state)
{
    const struct proxy_logformat_names names = {.names = {SPAN_INIT("A")}, .count = 1};
    char value[2000];
    struct http1_field field = {SPAN_INIT("a"), {NULL, 0}};
    struct proxy_logformat_kept *kept;

    (void)state;
    memset(value, 'v', sizeof value);
    field.value = span_of(value, sizeof value);
    kept = proxy_logformat_keep(&names, (struct http1_fields){&field, 1});
    assert_int_equal(kept->fields.ptr[0].value.len, PROXY_LOGFORMAT_VALUE_MAX);
    free(kept);
}

static void keep_one(void)
{
    const struct proxy_logformat_names names = {.names = {SPAN_INIT("Host")}, .count = 1};
    struct proxy_accesslog_entry entry = sample_entry();

    free(proxy_logformat_keep(&names, entry.request_fields));
}

static void running_out_of_memory_keeps_nothing(void **state)
{
    (void)state;
    every_oom(keep_one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(combined_is_what_httpd_writes),
        cmocka_unit_test(the_default_tells_of_the_tunnel),
        cmocka_unit_test(literals_and_escapes_stand_as_in_httpd),
        cmocka_unit_test(a_status_decides_whether_an_item_is_written),
        cmocka_unit_test(a_wrong_format_is_refused_with_a_sentence),
        cmocka_unit_test(a_long_value_hides_nothing_behind_it),
        cmocka_unit_test(the_smallest_room_holds_a_line_end),
        cmocka_unit_test(the_fields_that_formats_ask_for_are_kept),
        cmocka_unit_test(a_long_field_is_kept_in_part),
        cmocka_unit_test(running_out_of_memory_keeps_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
