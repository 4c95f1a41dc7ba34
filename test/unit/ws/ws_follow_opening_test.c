/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "ws/ws_follow_opening.h"

#include "lib/testing.h"

#include <stdio.h>
#include <stdlib.h>

static enum ws_follow_loss loss_of_request(const char *head)
{
    struct ws_follow_opening *opening;
    enum ws_follow_loss loss = WS_FOLLOW_LOSS_NONE;
    struct span input = span_str(head);

    assert_ok(ws_follow_opening_new(&opening));
    assert_ok(ws_follow_opening_request(opening, &input, &loss));
    ws_follow_opening_free(opening);
    return loss;
}

static void only_a_get_of_http_1_1_with_upgrade_and_key_asks_for_websocket(void **state)
{
    (void)state;
    assert_int_equal(loss_of_request("GET / HTTP/1.1\r\nUpgrade: h2c, WebSocket\r\n"
                                     "Sec-WebSocket-Key: x\r\n\r\n"),
                     WS_FOLLOW_LOSS_NONE);
    assert_int_equal(loss_of_request("POST / HTTP/1.1\r\nUpgrade: websocket\r\n"
                                     "Sec-WebSocket-Key: x\r\n\r\n"),
                     WS_FOLLOW_LOSS_NO_UPGRADE);
    assert_int_equal(loss_of_request("GET / HTTP/1.0\r\nUpgrade: websocket\r\n"
                                     "Sec-WebSocket-Key: x\r\n\r\n"),
                     WS_FOLLOW_LOSS_NO_UPGRADE);
    assert_int_equal(loss_of_request("GET / HTTP/1.1\r\nUpgrade: websockets\r\n"
                                     "Sec-WebSocket-Key: x\r\n\r\n"),
                     WS_FOLLOW_LOSS_NO_UPGRADE);
    assert_int_equal(loss_of_request("GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n"),
                     WS_FOLLOW_LOSS_NO_UPGRADE);
    assert_int_equal(loss_of_request("GET / HTTP/1.1\r\nUpgrade : websocket\r\n\r\n"),
                     WS_FOLLOW_LOSS_NOT_HTTP);
}

/* What is offered by a request with these fields; freed by the caller. */
static char *offered_by(const char *fields)
{
    struct ws_follow_opening *opening;
    enum ws_follow_loss loss;
    char *offered = NULL;
    char head[2048];
    struct span input =
        span_of(head, (size_t)snprintf(head, sizeof head, "GET / HTTP/1.1\r\n%s\r\n", fields));

    assert_ok(ws_follow_opening_new(&opening));
    assert_ok(ws_follow_opening_request(opening, &input, &loss));
    assert_ok(ws_follow_opening_offered(opening, &offered));
    ws_follow_opening_free(opening);
    return offered;
}

static void offered_subprotocols_of_several_fields_become_one_list(void **state)
{
    char *offered = offered_by("Sec-WebSocket-Protocol: a,  b\r\nsec-websocket-protocol:c\r\n");

    (void)state;
    assert_string_equal(offered, "a, b, c");
    free(offered);
    assert_null(offered_by("Sec-WebSocket-Protocol: ,,\r\n"));
    assert_null(offered_by(""));
}

static void a_list_that_is_too_long_keeps_whole_names(void **state)
{
    char fields[512];
    char *offered;

    (void)state;
    snprintf(fields, sizeof fields, "Sec-WebSocket-Protocol: first, %0250d, last\r\n", 7);
    offered = offered_by(fields);
    assert_string_equal(offered, "first");
    free(offered);
    snprintf(fields, sizeof fields, "Sec-WebSocket-Protocol: ab, %0252d\r\n", 7);
    offered = offered_by(fields);
    assert_int_equal(strlen(offered), 256);
    free(offered);
}

static void extensions_are_told_by_their_names(void **state)
{
    const struct http1_field fields[] = {
        {SPAN_INIT("Sec-WebSocket-Extensions"), SPAN_INIT("x-other; permessage-deflate=1")},
        {SPAN_INIT("Sec-WebSocket-Extensions"), SPAN_INIT("Permessage-Deflate ; a")},
    };

    (void)state;
    assert_false(ws_follow_opening_extensions((struct http1_fields){fields, 0}).any);
    assert_true(ws_follow_opening_extensions((struct http1_fields){fields, 1}).any);
    assert_false(ws_follow_opening_extensions((struct http1_fields){fields, 1}).deflate);
    assert_true(ws_follow_opening_extensions((struct http1_fields){fields, 2}).deflate);
}

static void interim_answers_are_passed_over(void **state)
{
    struct ws_follow_opening *opening;
    enum ws_follow_loss loss = WS_FOLLOW_LOSS_NONE;
    struct span request = SPAN("GET / HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Key: "
                               "x\r\n\r\nrest");
    struct span answer = SPAN("HTTP/1.1 100 a\r\n\r\nHTTP/1.1 103 b\r\n\r\n");

    (void)state;
    assert_ok(ws_follow_opening_new(&opening));
    assert_ok(ws_follow_opening_request(opening, &request, &loss));
    assert_true(span_equals(request, "rest"));
    assert_true(span_equals(ws_follow_opening_path(opening), "/"));
    assert_int_equal(ws_follow_opening_answer(opening, &answer, &loss), ERR_AGAIN);
    answer = SPAN("HTTP/1.1 404 c\r\n\r\nbody");
    assert_ok(ws_follow_opening_answer(opening, &answer, &loss));
    assert_true(span_equals(answer, "body"));
    assert_int_equal(loss, WS_FOLLOW_LOSS_REFUSED);
    assert_int_equal(ws_follow_opening_status(opening), 404);
    ws_follow_opening_free(opening);
    ws_follow_opening_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_a_get_of_http_1_1_with_upgrade_and_key_asks_for_websocket),
        cmocka_unit_test(offered_subprotocols_of_several_fields_become_one_list),
        cmocka_unit_test(a_list_that_is_too_long_keeps_whole_names),
        cmocka_unit_test(extensions_are_told_by_their_names),
        cmocka_unit_test(interim_answers_are_passed_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
