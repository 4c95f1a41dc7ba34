/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/* The closing handshake: RFC 6455 section 7. */
#include "unit/ws/conn_rig.h"

static void a_close_is_echoed_at_any_cut(void **state)
{
    (void)state;
    server_answers("88 85 00000000 03e8 'bye'", "<close:1000 bye>", ERR_CLOSED, "88 02 03e8");
    server_answers("88 80 00000000", "<close:1005>", ERR_CLOSED, "88 00");
    server_answers("88 82 00000000 0fa0 89 80 00000000", "<close:4000>", ERR_CLOSED,
                   "88 02 0fa0");
}

static void no_pong_follows_the_peers_close(void **state)
{
    (void)state;
    /* The first Pong is in the output, the second waits and is dropped. */
    server_answers("89 80 00000000 89 81 00000000 'x' 88 80 00000000", "<close:1005>",
                   ERR_CLOSED, "8a 00 88 00");
}

static void our_close_waits_for_the_peers(void **state)
{
    struct ws_conn conn;

    (void)state;
    start(&conn, WS_SERVER);
    assert_true(ws_conn_is_open(&conn));
    assert_ok(ws_conn_close(&conn, WS_CLOSE_GOING_AWAY, SPAN("bye"), 100));
    assert_output(&conn, "88 05 03e9 'bye'");
    sent_all(&conn);
    assert_false(ws_conn_is_open(&conn));
    assert_false(ws_conn_is_finished(&conn));
    /* What was under way still arrives, and a ping is still answered. */
    feed(&conn, "81 82 00000000 'hi' 89 80 00000000", "text(hi)", ERR_AGAIN);
    assert_output(&conn, "8a 00");
    feed(&conn, "88 82 00000000 03e9", "<close:1001>", ERR_CLOSED);
    assert_output(&conn, "8a 00"); /* an answer is not answered */
    sent_all(&conn);
    assert_true(ws_conn_is_finished(&conn));
    assert_int_equal(ws_conn_fault(&conn), WS_FAULT_NONE);
    ws_conn_fini(&conn);
}

static void nothing_is_put_behind_a_close(void **state)
{
    struct ws_conn conn;

    (void)state;
    start(&conn, WS_SERVER);
    assert_ok(ws_conn_close(&conn, WS_CLOSE_NO_STATUS, SPAN(""), 0));
    assert_int_equal(ws_conn_put_message(&conn, WS_OPCODE_TEXT, SPAN("x")), ERR_CLOSED);
    assert_int_equal(ws_conn_put_framed(&conn, span_ro(hex("8100"))), ERR_CLOSED);
    assert_int_equal(ws_conn_close(&conn, WS_CLOSE_NORMAL, SPAN(""), 0), ERR_CLOSED);
    assert_output(&conn, "88 00");
    ws_conn_fini(&conn);
}

static void a_fault_behind_our_close_is_not_told(void **state)
{
    struct ws_conn conn;

    (void)state;
    start(&conn, WS_SERVER);
    assert_ok(ws_conn_close(&conn, WS_CLOSE_NORMAL, SPAN(""), 0));
    sent_all(&conn);
    feed(&conn, "81 00", "", ERR_PROTO);
    assert_output(&conn, "");
    assert_true(ws_conn_is_finished(&conn));
    ws_conn_fini(&conn);
}

static void a_client_lets_the_server_close_the_stream(void **state)
{
    struct ws_conn conn;

    (void)state;
    start(&conn, WS_CLIENT);
    ws_conn_saw_bytes(&conn, 1000);
    feed(&conn, "88 02 03e8", "<close:1000>", ERR_CLOSED);
    sent_all(&conn);
    assert_false(ws_conn_is_finished(&conn));
    assert_int_equal(ws_conn_deadline(&conn), 6000);
    assert_int_equal(ws_conn_expire(&conn, 6000), ERR_TIMEOUT);
    assert_true(ws_conn_is_finished(&conn));
}

static void a_long_reason_is_cut_between_code_points(void **state)
{
    struct ws_conn conn;
    char reason[200];

    (void)state;
    memset(reason, 'a', sizeof reason);
    memcpy(reason + 121, "\xe2\x82\xac", 3); /* would end at 124 */
    start(&conn, WS_SERVER);
    assert_ok(ws_conn_close(&conn, WS_CLOSE_NORMAL, span_of(reason, sizeof reason), 0));
    assert_int_equal(ws_conn_output(&conn).len, 2 + 2 + 121);
    assert_int_equal(ws_conn_output(&conn).ptr[1], 123);
    ws_conn_fini(&conn);
}

static void a_peer_that_does_not_answer_our_close_is_dropped(void **state)
{
    struct ws_conn conn;

    (void)state;
    start(&conn, WS_SERVER);
    assert_ok(ws_conn_close(&conn, WS_CLOSE_NORMAL, SPAN(""), 100));
    assert_int_equal(ws_conn_deadline(&conn), 5100);
    ws_conn_saw_bytes(&conn, 5000); /* it talks, but does not close */
    assert_int_equal(ws_conn_deadline(&conn), 5100);
    assert_int_equal(ws_conn_expire(&conn, 5100), ERR_TIMEOUT);
    ws_conn_fini(&conn);
}

static void both_may_close_at_once(void **state)
{
    struct ws_conn client;
    struct ws_conn server;
    struct rng other = rng_seeded(2);
    struct transcript seen;

    (void)state;
    start(&client, WS_CLIENT);
    ws_conn_init(&server, WS_SERVER, &limits, &other, 0);
    transcript_init(&seen);
    assert_ok(ws_conn_close(&client, WS_CLOSE_NORMAL, SPAN(""), 0));
    assert_ok(ws_conn_close(&server, WS_CLOSE_GOING_AWAY, SPAN(""), 0));
    carry(&client, &server, &seen);
    carry(&server, &client, &seen);
    transcript_expect(&seen, "<close:1000><close:1001>");
    assert_true(ws_conn_is_finished(&server));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_close_is_echoed_at_any_cut),
        cmocka_unit_test(no_pong_follows_the_peers_close),
        cmocka_unit_test(our_close_waits_for_the_peers),
        cmocka_unit_test(nothing_is_put_behind_a_close),
        cmocka_unit_test(a_fault_behind_our_close_is_not_told),
        cmocka_unit_test(a_client_lets_the_server_close_the_stream),
        cmocka_unit_test(a_long_reason_is_cut_between_code_points),
        cmocka_unit_test(a_peer_that_does_not_answer_our_close_is_dropped),
        cmocka_unit_test(both_may_close_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
