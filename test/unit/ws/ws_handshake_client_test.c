/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/* The client's side of the opening handshake, and both back to back. */
#include "ws/ws_handshake.h"

#include "lib/oom.h"
#include "unit/ws/handshake_rig.h"

#include <stdio.h>

static const struct ws_handshake_target target = {
    .host = {(const uint8_t *)"localhost:9000", 14},
    .path = {(const uint8_t *)"/stomp", 6},
    .origin = {(const uint8_t *)"http://localhost", 16},
    .protocols = {handshake_rig_names, 2},
};

static struct ws_handshake_answer ask(struct buf *out)
{
    struct rng rng = rng_seeded(1);
    struct ws_handshake_answer answer;

    buf_init(out, 1000);
    assert_ok(ws_handshake_put_request(&target, &rng, out, &answer));
    return answer;
}

static void answer_line(struct ws_handshake_answer *answer, const char *field)
{
    struct span name;
    struct span value;

    handshake_rig_split(field, &name, &value);
    ws_handshake_answer_field(answer, name, value);
}

/* The verdict over a good answer, but for the status and the lines given. */
static enum ws_handshake_fault judge(unsigned status, const char *upgrade,
                                     const char *connection, const char *more)
{
    char accept[WS_HANDSHAKE_ACCEPT_CHARS + 1];
    enum ws_handshake_fault fault;
    struct buf out;
    struct ws_handshake_answer answer = ask(&out);

    assert_ok(ws_handshake_accept_key(span_str(answer.key), accept));
    ws_handshake_answer_status(&answer, status);
    answer_line(&answer, upgrade);
    answer_line(&answer, connection);
    ws_handshake_answer_field(&answer, SPAN("sec-websocket-accept"), span_str(accept));
    answer_line(&answer, more);
    assert_ok(ws_handshake_answer_check(&answer, &fault));
    buf_fini(&out);
    return fault;
}

static void a_request_has_what_section_4_1_asks(void **state)
{
    struct buf out;
    struct ws_handshake_answer answer = ask(&out);
    char expected[500];

    (void)state;
    snprintf(expected, sizeof expected,
             "GET /stomp HTTP/1.1\r\n"
             "Host: localhost:9000\r\n"
             "Upgrade: websocket\r\n"
             "Connection: Upgrade\r\n"
             "Sec-WebSocket-Key: %s\r\n"
             "Sec-WebSocket-Version: 13\r\n"
             "Origin: http://localhost\r\n"
             "Sec-WebSocket-Protocol: v12.stomp, v11.stomp\r\n"
             "\r\n",
             answer.key);
    assert_bytes(buf_span(&out), span_str(expected));
    buf_fini(&out);
}

static void each_request_has_a_fresh_key(void **state)
{
    struct rng rng = rng_seeded(1);
    struct ws_handshake_answer first;
    struct ws_handshake_answer second;
    struct buf out;

    (void)state;
    buf_init(&out, 2000);
    assert_ok(ws_handshake_put_request(&target, &rng, &out, &first));
    assert_ok(ws_handshake_put_request(&target, &rng, &out, &second));
    assert_string_not_equal(first.key, second.key);
    buf_fini(&out);
}

static void what_would_be_another_request_is_not_asked(void **state)
{
    static const char *const paths[] = {"", "stomp", "/a b", "/a\r\nX: y", "/a#b", "/\xc3\xa4"};
    static const char *const hosts[] = {"", "a b", "a\r\nX: y"};
    const struct span twice[] = {SPAN("a"), SPAN("a")};
    const struct span bad[] = {SPAN("a,b")};
    struct rng rng = rng_seeded(1);
    struct ws_handshake_answer answer;
    struct ws_handshake_target wrong;
    struct buf out;

    (void)state;
    buf_init(&out, 1000);
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        wrong = target;
        wrong.path = span_str(paths[i]);
        assert_int_equal(ws_handshake_put_request(&wrong, &rng, &out, &answer), ERR_CONF);
    }
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        wrong = target;
        wrong.host = span_str(hosts[i]);
        assert_int_equal(ws_handshake_put_request(&wrong, &rng, &out, &answer), ERR_CONF);
    }
    wrong = target;
    wrong.origin = SPAN("http://a\r\n");
    assert_int_equal(ws_handshake_put_request(&wrong, &rng, &out, &answer), ERR_CONF);
    wrong = target;
    wrong.protocols = (struct ws_handshake_protocols){twice, 2};
    assert_int_equal(ws_handshake_put_request(&wrong, &rng, &out, &answer), ERR_CONF);
    wrong.protocols = (struct ws_handshake_protocols){bad, 1};
    assert_int_equal(ws_handshake_put_request(&wrong, &rng, &out, &answer), ERR_CONF);
    assert_int_equal(out.len, 0);
}

static void a_proper_answer_is_taken(void **state)
{
    (void)state;
    assert_int_equal(judge(101, "upgrade: WebSocket", "Connection: upgrade", "X: y"),
                     WS_HANDSHAKE_FAULT_NONE);
    assert_int_equal(judge(101, "Upgrade: websocket", "Connection: keep-alive, Upgrade",
                           "Sec-WebSocket-Protocol: v11.stomp"),
                     WS_HANDSHAKE_FAULT_NONE);
}

static void a_wrong_answer_is_refused(void **state)
{
    static const char up[] = "Upgrade: websocket";
    static const char con[] = "Connection: Upgrade";

    (void)state;
    assert_int_equal(judge(200, up, con, "X: y"), WS_HANDSHAKE_FAULT_REFUSED);
    assert_int_equal(judge(403, up, con, "X: y"), WS_HANDSHAKE_FAULT_REFUSED);
    assert_int_equal(judge(101, "X: y", con, "X: y"), WS_HANDSHAKE_FAULT_NO_UPGRADE);
    assert_int_equal(judge(101, "Upgrade: h2c", con, "X: y"), WS_HANDSHAKE_FAULT_NO_UPGRADE);
    assert_int_equal(judge(101, up, "Connection: close", "X: y"),
                     WS_HANDSHAKE_FAULT_NO_CONNECT);
    assert_int_equal(judge(101, up, con, "Sec-WebSocket-Accept: x"), WS_HANDSHAKE_FAULT_TWICE);
    assert_int_equal(judge(101, up, con, "Sec-WebSocket-Extensions: permessage-deflate"),
                     WS_HANDSHAKE_FAULT_EXTENSION);
    assert_int_equal(judge(101, up, con, "Sec-WebSocket-Protocol: mqtt"),
                     WS_HANDSHAKE_FAULT_PROTOCOL);
    assert_int_equal(judge(101, up, con, "Sec-WebSocket-Protocol:"),
                     WS_HANDSHAKE_FAULT_PROTOCOL);
}

static void a_subprotocol_that_is_chosen_twice_is_refused(void **state)
{
    struct buf out;
    struct ws_handshake_answer answer = ask(&out);
    enum ws_handshake_fault fault;

    (void)state;
    ws_handshake_answer_status(&answer, 101);
    answer_line(&answer, "Upgrade: websocket");
    answer_line(&answer, "Connection: Upgrade");
    answer_line(&answer, "Sec-WebSocket-Protocol: v11.stomp");
    answer_line(&answer, "Sec-WebSocket-Protocol: v12.stomp");
    assert_ok(ws_handshake_answer_check(&answer, &fault));
    assert_int_equal(fault, WS_HANDSHAKE_FAULT_TWICE);
    buf_fini(&out);
}

static void a_wrong_accept_is_refused(void **state)
{
    struct buf out;
    struct ws_handshake_answer answer = ask(&out);
    enum ws_handshake_fault fault;

    (void)state;
    ws_handshake_answer_status(&answer, 101);
    answer_line(&answer, "Upgrade: websocket");
    answer_line(&answer, "Connection: Upgrade");
    assert_ok(ws_handshake_answer_check(&answer, &fault));
    assert_int_equal(fault, WS_HANDSHAKE_FAULT_ACCEPT);
    answer_line(&answer, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert_ok(ws_handshake_answer_check(&answer, &fault));
    assert_int_equal(fault, WS_HANDSHAKE_FAULT_ACCEPT);
    buf_fini(&out);
}

/* Calls `take` for each header line of a head. */
static void each_line(struct span head, void (*take)(void *ctx, struct span, struct span),
                      void *ctx)
{
    size_t end = span_find(head, '\n');

    while (end < head.len) {
        struct span line;
        size_t colon;

        head = span_tail(head, end + 1);
        end = span_find(head, '\n');
        line = span_head(head, end - 1); /* without the CR */
        colon = span_find(line, ':');
        if (colon < line.len) {
            take(ctx, span_head(line, colon), span_tail(line, colon + 1));
        }
        if (line.len == 0) {
            return;
        }
    }
}

static void to_server(void *ctx, struct span name, struct span value)
{
    ws_handshake_request_field(ctx, name, value);
}

static void to_client(void *ctx, struct span name, struct span value)
{
    ws_handshake_answer_field(ctx, name, value);
}

static void a_client_and_a_server_agree_back_to_back(void **state)
{
    struct ws_handshake_request request;
    enum ws_handshake_fault fault;
    struct buf asked;
    struct buf answered;
    struct ws_handshake_answer answer = ask(&asked);

    (void)state;
    buf_init(&answered, 1000);
    ws_handshake_request_init(&request, SPAN("GET"), true, handshake_rig_protocols);
    each_line(buf_span(&asked), to_server, &request);
    assert_int_equal(ws_handshake_request_check(&request), WS_HANDSHAKE_FAULT_NONE);
    assert_ok(ws_handshake_put_switch(&request, SPAN(""), &answered));

    ws_handshake_answer_status(&answer, 101);
    each_line(buf_span(&answered), to_client, &answer);
    assert_ok(ws_handshake_answer_check(&answer, &fault));
    assert_int_equal(fault, WS_HANDSHAKE_FAULT_NONE);
    assert_true(span_equals(answer.protocol, "v12.stomp"));
    buf_fini(&asked);
    buf_fini(&answered);
}

static void a_request_that_does_not_fit_is_not_written_in_part(void **state)
{
    struct ws_handshake_answer answer;
    struct rng rng = rng_seeded(1);
    struct buf out;

    (void)state;
    for (size_t max = 0; max < 200; max += 7) {
        buf_init(&out, max);
        assert_int_equal(ws_handshake_put_request(&target, &rng, &out, &answer), ERR_LIMIT);
        assert_int_equal(out.len, 0);
        buf_fini(&out);
    }
}

static void ask_once(void)
{
    struct ws_handshake_answer answer;
    struct rng rng = rng_seeded(1);
    struct buf out;

    buf_init(&out, 2000);
    if (ws_handshake_put_request(&target, &rng, &out, &answer) != OK) {
        assert_int_equal(out.len, 0);
    }
    buf_fini(&out);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(ask_once);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_has_what_section_4_1_asks),
        cmocka_unit_test(each_request_has_a_fresh_key),
        cmocka_unit_test(what_would_be_another_request_is_not_asked),
        cmocka_unit_test(a_proper_answer_is_taken),
        cmocka_unit_test(a_wrong_answer_is_refused),
        cmocka_unit_test(a_subprotocol_that_is_chosen_twice_is_refused),
        cmocka_unit_test(a_wrong_accept_is_refused),
        cmocka_unit_test(a_client_and_a_server_agree_back_to_back),
        cmocka_unit_test(a_request_that_does_not_fit_is_not_written_in_part),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
