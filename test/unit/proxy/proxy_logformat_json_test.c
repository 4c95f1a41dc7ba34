/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_logformat_json.h"

#include "unit/proxy/logformat_sample.h"

static void everything_that_is_known_is_a_member(void **state)
{
    struct proxy_accesslog_entry entry = sample_entry();

    (void)state;
    assert_line(
        "json", &entry,
        "{\"time\":\"2026-11-22T15:42:09.889Z\",\"client\":\"127.0.0.1\",\"client_port\":40000,"
        "\"user\":\"anna\",\"method\":\"CONNECT\",\"target\":\"realm:9000?q=1\","
        "\"protocol\":\"HTTP/1.1\",\"status\":200,\"duration_ms\":61234,\"bytes_in\":912,"
        "\"bytes_out\":4450,\"closer\":\"server\",\"error\":\"connection_terminated\","
        "\"why\":\"connection reset\",\"local\":\"10.0.0.1:8080\",\"upstream\":\"[::1]:9000\","
        "\"parent\":\"parent.test:3128\",\"server_name\":\"proxy.test\","
        "\"tunnel\":\"websocket\",\"bytes_up\":812,\"bytes_down\":4410,"
        "\"ws_path\":\"/chat?room=1\",\"ws_protocol\":\"v12.stomp\","
        "\"ws_compression\":\"permessage-deflate\",\"ws_messages_up\":7,\"ws_messages_down\":9,"
        "\"ws_bytes_up\":500,\"ws_bytes_down\":4000,\"ws_close\":1001,\"ws_closer\":\"client\","
        "\"ws_lost\":\"sent garbage\",\"user_agent\":\"curl/8 \\\"x\\\"\"}");
}

static void what_is_not_known_is_left_out(void **state)
{
    const struct proxy_accesslog_entry entry = {.status = 400};

    (void)state;
    assert_line("json", &entry,
                "{\"time\":\"2026-11-22T15:43:11.123Z\",\"client\":\"-\",\"client_port\":0,"
                "\"status\":400,\"duration_ms\":0,\"bytes_in\":0,\"bytes_out\":0,"
                "\"closer\":\"client\"}");
}

/* Braces and quotes in pairs, and nothing else at the ends. */
static void assert_object(const char *line)
{
    bool in_string = false;
    size_t len = strlen(line);

    assert_int_equal(line[0], '{');
    assert_string_equal(line + len - 2, "}\n");
    for (size_t i = 0; i < len - 1; i++) {
        if (in_string && line[i] == '\\') {
            i++;
        } else if (line[i] == '"') {
            in_string = !in_string;
        }
        assert_true(line[i] >= ' ');
    }
    assert_false(in_string);
}

static void the_longest_values_leave_an_object(void **state)
{
    struct proxy_accesslog_entry entry = sample_entry();
    char value[3000];

    (void)state;
    memset(value, '\x01', sizeof value);
    value[3] = ' ';
    entry.request = span_of(value, sizeof value);
    entry.user = span_of(value, 500);
    entry.why = span_of(value, 300);
    entry.ws.path = span_of(value, 400);
    assert_object(sample_line("json", &entry));
    assert_non_null(strstr(sample_line("json", &entry), "\"ws_closer\":\"client\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_that_is_known_is_a_member),
        cmocka_unit_test(what_is_not_known_is_left_out),
        cmocka_unit_test(the_longest_values_leave_an_object),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
