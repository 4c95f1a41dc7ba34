/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/* The server's side of the opening handshake. */
#include "ws/ws_handshake.h"

#include "lib/oom.h"
#include "unit/ws/handshake_rig.h"

#include <stdio.h>

/* The example of RFC 6455 section 1.3. */
static const char *const good_fields[] = {
    "Host: server.example.com",   "Upgrade: websocket",
    "Connection: Upgrade",        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Origin: http://example.com", "Sec-WebSocket-Version: 13",
};
enum {
    GOOD_FIELDS = sizeof good_fields / sizeof good_fields[0]
};

static void put_field(struct ws_handshake_request *request, const char *field)
{
    struct span name;
    struct span value;

    handshake_rig_split(field, &name, &value);
    ws_handshake_request_field(request, name, value);
}

/* The good request with one field more, or with that one in place of the one of its name. */
static struct ws_handshake_request request_with(const char *more, bool is_instead)
{
    struct ws_handshake_request request;
    struct span more_name = SPAN("");
    struct span value;

    if (more != NULL) {
        handshake_rig_split(more, &more_name, &value);
    }
    ws_handshake_request_init(&request, SPAN("GET"), true, handshake_rig_protocols);
    for (size_t i = 0; i < GOOD_FIELDS; i++) {
        struct span name;

        handshake_rig_split(good_fields[i], &name, &value);
        if (!is_instead || !span_equal_nocase(name, more_name)) {
            put_field(&request, good_fields[i]);
        }
    }
    if (more != NULL) {
        put_field(&request, more);
    }
    return request;
}

static void instead(const char *field, enum ws_handshake_fault fault)
{
    struct ws_handshake_request request = request_with(field, true);

    assert_int_equal(ws_handshake_request_check(&request), fault);
}

static void also(const char *field, enum ws_handshake_fault fault)
{
    struct ws_handshake_request request = request_with(field, false);

    assert_int_equal(ws_handshake_request_check(&request), fault);
}

static void the_accept_key_is_the_one_of_the_rfc(void **state)
{
    char accept[WS_HANDSHAKE_ACCEPT_CHARS + 1];

    (void)state;
    assert_ok(ws_handshake_accept_key(SPAN("dGhlIHNhbXBsZSBub25jZQ=="), accept));
    assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

static void a_proper_request_is_answered_with_101(void **state)
{
    struct ws_handshake_request request = request_with(NULL, false);
    struct buf out;

    (void)state;
    assert_int_equal(ws_handshake_request_check(&request), WS_HANDSHAKE_FAULT_NONE);
    buf_init(&out, 1000);
    assert_ok(ws_handshake_put_switch(&request, SPAN("Server: wayleave\r\n"), &out));
    assert_bytes(buf_span(&out), SPAN("HTTP/1.1 101 Switching Protocols\r\n"
                                      "Upgrade: websocket\r\n"
                                      "Connection: Upgrade\r\n"
                                      "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
                                      "Server: wayleave\r\n"
                                      "\r\n"));
    buf_fini(&out);
}

static void fields_are_read_without_regard_to_case_and_in_lists(void **state)
{
    (void)state;
    instead("UPGRADE: WebSocket", WS_HANDSHAKE_FAULT_NONE);
    instead("Upgrade: foo/1, websocket", WS_HANDSHAKE_FAULT_NONE);
    instead("connection: keep-alive ,uPGRADE", WS_HANDSHAKE_FAULT_NONE);
    instead("Connection: , ,Upgrade,", WS_HANDSHAKE_FAULT_NONE);
    also("Connection: keep-alive", WS_HANDSHAKE_FAULT_NONE);
    instead("sec-websocket-version:\t13 ", WS_HANDSHAKE_FAULT_NONE);
    also("X-Else: whatever", WS_HANDSHAKE_FAULT_NONE);
    also("Sec-WebSocket-Extensions: permessage-deflate", WS_HANDSHAKE_FAULT_NONE);
}

static void permessage_deflate_is_spoken_where_the_caller_wants_it(void **state)
{
    static const char extensions[] = "Sec-WebSocket-Extensions: permessage-deflate; "
                                     "server_no_context_takeover; client_no_context_takeover";
    struct ws_handshake_request request = request_with(NULL, false);
    struct buf out;

    (void)state;
    put_field(&request, "Sec-WebSocket-Extensions: permessage-deflate");
    assert_false(request.deflate.is_taken);
    request.takes_deflate = true;
    put_field(&request, "Sec-WebSocket-Extensions: x-other");
    put_field(&request, "sec-websocket-extensions: permessage-deflate");
    assert_true(request.deflate.is_taken);
    buf_init(&out, 1000);
    assert_ok(ws_handshake_put_switch(&request, SPAN(""), &out));
    assert_ok(buf_append_byte(&out, '\0'));
    assert_non_null(strstr((const char *)out.ptr, extensions));
    buf_fini(&out);
}

static void another_method_than_get_is_refused(void **state)
{
    struct ws_handshake_request request;

    (void)state;
    ws_handshake_request_init(&request, SPAN("POST"), true, handshake_rig_protocols);
    assert_int_equal(ws_handshake_request_check(&request), WS_HANDSHAKE_FAULT_METHOD);
    ws_handshake_request_init(&request, SPAN("get"), true, handshake_rig_protocols);
    assert_int_equal(ws_handshake_request_check(&request), WS_HANDSHAKE_FAULT_METHOD);
}

static void an_old_http_is_refused(void **state)
{
    struct ws_handshake_request request;

    (void)state;
    ws_handshake_request_init(&request, SPAN("GET"), false, handshake_rig_protocols);
    assert_int_equal(ws_handshake_request_check(&request), WS_HANDSHAKE_FAULT_HTTP);
}

static void a_request_without_upgrade_is_refused(void **state)
{
    (void)state;
    instead("Upgrade: h2c", WS_HANDSHAKE_FAULT_UPGRADE);
    instead("Upgrade: websocketx", WS_HANDSHAKE_FAULT_UPGRADE);
    instead("Upgrade:", WS_HANDSHAKE_FAULT_UPGRADE);
}

static void a_request_without_connection_upgrade_is_refused(void **state)
{
    (void)state;
    instead("Connection: keep-alive", WS_HANDSHAKE_FAULT_CONNECTION);
    instead("Connection: Upgrade2", WS_HANDSHAKE_FAULT_CONNECTION);
}

static void a_repeated_field_is_refused(void **state)
{
    (void)state;
    also("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", WS_HANDSHAKE_FAULT_REPEATED);
    also("Sec-WebSocket-Version: 13", WS_HANDSHAKE_FAULT_REPEATED);
    also("Host: other.example.com", WS_HANDSHAKE_FAULT_REPEATED);
}

static void a_request_without_host_is_refused(void **state)
{
    (void)state;
    instead("Host:", WS_HANDSHAKE_FAULT_HOST);
}

static void another_version_is_told_ours(void **state)
{
    struct buf out;

    (void)state;
    instead("Sec-WebSocket-Version: 8", WS_HANDSHAKE_FAULT_VERSION);
    instead("Sec-WebSocket-Version: 013", WS_HANDSHAKE_FAULT_VERSION);
    instead("Sec-WebSocket-Version: 13, 8", WS_HANDSHAKE_FAULT_VERSION);
    instead("Sec-WebSocket-Version:", WS_HANDSHAKE_FAULT_VERSION);

    buf_init(&out, 1000);
    assert_ok(ws_handshake_put_refusal(WS_HANDSHAKE_FAULT_VERSION, &out));
    assert_bytes(buf_span(&out),
                 SPAN("HTTP/1.1 426 Upgrade Required\r\n"
                      "Upgrade: websocket\r\n"
                      "Sec-WebSocket-Version: 13\r\n"
                      "Connection: Upgrade, close\r\n"
                      "Content-Type: text/plain\r\n"
                      "Content-Length: 54\r\n"
                      "\r\n"
                      "The client did not ask for version 13 (RFC 6455 4.4).\n"));
    buf_fini(&out);
}

static void a_key_that_is_not_16_bytes_is_refused(void **state)
{
    (void)state;
    instead("Sec-WebSocket-Key:", WS_HANDSHAKE_FAULT_KEY);
    instead("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ", WS_HANDSHAKE_FAULT_KEY);
    instead("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZTE=", WS_HANDSHAKE_FAULT_KEY);
    instead("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j!Q==", WS_HANDSHAKE_FAULT_KEY);
    instead("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==AAAA", WS_HANDSHAKE_FAULT_KEY);
}

static void the_clients_first_subprotocol_that_we_speak_is_chosen(void **state)
{
    static const struct {
        const char *field;
        const char *chosen;
    } rows[] = {
        {"Sec-WebSocket-Protocol: v12.stomp", "v12.stomp"},
        {"Sec-WebSocket-Protocol: v11.stomp, v12.stomp", "v11.stomp"},
        {"Sec-WebSocket-Protocol: mqtt,v12.stomp", "v12.stomp"},
        {"Sec-WebSocket-Protocol: mqtt", ""},
        {"Sec-WebSocket-Protocol: V12.STOMP", ""},
    };
    struct ws_handshake_request request;
    struct buf out;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        request = request_with(rows[i].field, false);
        assert_int_equal(ws_handshake_request_check(&request), WS_HANDSHAKE_FAULT_NONE);
        assert_true(span_equals(request.protocol, rows[i].chosen));
    }
    request = request_with("Sec-WebSocket-Protocol: mqtt", false);
    put_field(&request, "Sec-WebSocket-Protocol: v11.stomp"); /* one list in two lines */
    assert_true(span_equals(request.protocol, "v11.stomp"));
    buf_init(&out, 1000);
    assert_ok(ws_handshake_put_switch(&request, SPAN(""), &out));
    assert_bytes(span_tail(buf_span(&out), out.len - 39),
                 SPAN("\r\nSec-WebSocket-Protocol: v11.stomp\r\n\r\n"));
    buf_fini(&out);
}

static void a_list_of_subprotocols_holds_tokens(void **state)
{
    (void)state;
    also("Sec-WebSocket-Protocol: v12.stomp, a b", WS_HANDSHAKE_FAULT_LIST);
    also("Sec-WebSocket-Protocol: \"v12.stomp\"", WS_HANDSHAKE_FAULT_LIST);
    also("Sec-WebSocket-Protocol: a/b", WS_HANDSHAKE_FAULT_LIST);
    also("Sec-WebSocket-Protocol:", WS_HANDSHAKE_FAULT_LIST);
    also("Sec-WebSocket-Protocol: , ,", WS_HANDSHAKE_FAULT_LIST);
}

static void every_fault_has_a_status_and_a_section(void **state)
{
    struct buf out;

    (void)state;
    for (enum ws_handshake_fault fault = WS_HANDSHAKE_FAULT_NONE;
         fault <= WS_HANDSHAKE_FAULT_PROTOCOL; fault++) {
        unsigned status = ws_handshake_fault_status(fault);

        assert_non_null(strstr(ws_handshake_fault_text(fault), "(RFC 6455 "));
        if (status >= 400) {
            char line[40];

            buf_init(&out, 1000);
            assert_ok(ws_handshake_put_refusal(fault, &out));
            snprintf(line, sizeof line, "HTTP/1.1 %u ", status);
            assert_true(span_starts(buf_span(&out), span_str(line)));
            buf_fini(&out);
        }
    }
    buf_init(&out, 1000);
    assert_ok(ws_handshake_put_refusal(WS_HANDSHAKE_FAULT_METHOD, &out));
    assert_ok(buf_append_byte(&out, '\0'));
    assert_non_null(strstr((const char *)out.ptr, "Allow: GET\r\n"));
    buf_fini(&out);
}

static void what_does_not_fit_is_not_written_in_part(void **state)
{
    struct ws_handshake_request request = request_with(NULL, false);
    struct buf out;

    (void)state;
    for (size_t max = 0; max < 120; max += 7) {
        buf_init(&out, max);
        assert_int_equal(ws_handshake_put_switch(&request, SPAN(""), &out), ERR_LIMIT);
        assert_int_equal(out.len, 0);
        assert_int_equal(ws_handshake_put_refusal(WS_HANDSHAKE_FAULT_KEY, &out), ERR_LIMIT);
        assert_int_equal(out.len, 0);
        buf_fini(&out);
    }
}

static void answer_everything(void)
{
    struct ws_handshake_request request = request_with(NULL, false);
    struct buf out;

    buf_init(&out, 2000);
    if (ws_handshake_put_switch(&request, SPAN(""), &out) != OK) {
        assert_int_equal(out.len, 0);
    }
    buf_fini(&out);
    if (ws_handshake_put_refusal(WS_HANDSHAKE_FAULT_KEY, &out) != OK) {
        assert_int_equal(out.len, 0);
    }
    buf_fini(&out);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(answer_everything);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_accept_key_is_the_one_of_the_rfc),
        cmocka_unit_test(a_proper_request_is_answered_with_101),
        cmocka_unit_test(fields_are_read_without_regard_to_case_and_in_lists),
        cmocka_unit_test(permessage_deflate_is_spoken_where_the_caller_wants_it),
        cmocka_unit_test(another_method_than_get_is_refused),
        cmocka_unit_test(an_old_http_is_refused),
        cmocka_unit_test(a_request_without_upgrade_is_refused),
        cmocka_unit_test(a_request_without_connection_upgrade_is_refused),
        cmocka_unit_test(a_repeated_field_is_refused),
        cmocka_unit_test(a_request_without_host_is_refused),
        cmocka_unit_test(another_version_is_told_ours),
        cmocka_unit_test(a_key_that_is_not_16_bytes_is_refused),
        cmocka_unit_test(the_clients_first_subprotocol_that_we_speak_is_chosen),
        cmocka_unit_test(a_list_of_subprotocols_holds_tokens),
        cmocka_unit_test(every_fault_has_a_status_and_a_section),
        cmocka_unit_test(what_does_not_fit_is_not_written_in_part),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
