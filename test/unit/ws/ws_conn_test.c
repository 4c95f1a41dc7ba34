/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/* Messages, pings and silence; how connections are closed is ws_conn_close_test.c's. */
#include "unit/ws/conn_rig.h"

#include "lib/oom.h"

static void messages_are_yielded_and_pings_answered_at_any_cut(void **state)
{
    (void)state;
    server_answers("81 85 37fa213d 7f9f4d5158", "text(Hello)", ERR_AGAIN, "");
    server_answers("01 83 00000000 'Hel' 89 82 00000000 'hi' 80 82 00000000 'lo'",
                   "text(Hello)", ERR_AGAIN, "8a 02 'hi'");
    server_answers("8a 80 00000000 8a 81 00000000 'x'", "", ERR_AGAIN, "");
}

static void each_fault_is_told_to_the_peer_and_is_final(void **state)
{
    static const struct {
        const char *bytes;
        enum ws_fault fault;
    } rows[] = {
        {"81 05 'Hello'", WS_FAULT_UNMASKED},
        {"c1 80 00000000", WS_FAULT_RSV},
        {"83 80 00000000", WS_FAULT_OPCODE},
        {"81 fe 0005 00000000 'Hello'", WS_FAULT_LENGTH},
        {"82 ff 8000000000000000 00000000", WS_FAULT_LENGTH_SIGN},
        {"80 80 00000000", WS_FAULT_ORPHAN},
        {"01 80 00000000 81 80 00000000", WS_FAULT_INTERLEAVED},
        {"09 80 00000000", WS_FAULT_CONTROL},
        {"88 81 00000000 03", WS_FAULT_CLOSE_SHORT},
        {"88 82 00000000 03ed", WS_FAULT_CLOSE_CODE},
        {"88 83 00000000 03e8 ff", WS_FAULT_CLOSE_UTF8},
        {"81 81 00000000 ff", WS_FAULT_UTF8},
        {"82 fe 03e9 00000000", WS_FAULT_TOO_BIG},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint16_t code = ws_fault_close_code(rows[i].fault);
        struct mspan input = hex(rows[i].bytes);
        struct ws_conn conn;
        struct ws_conn_piece piece;
        struct span out;
        enum err e;

        start(&conn, WS_SERVER);
        while ((e = ws_conn_next(&conn, &input, &piece)) == OK) {
        }
        assert_int_equal(e, ERR_PROTO);
        assert_int_equal(ws_conn_fault(&conn), rows[i].fault);
        out = ws_conn_output(&conn);
        assert_int_equal(out.ptr[0], 0x88);
        assert_int_equal(out.ptr[2] << 8 | out.ptr[3], code);
        assert_bytes(span_tail(out, 4), span_str(ws_fault_text(rows[i].fault)));

        assert_false(ws_conn_is_finished(&conn)); /* the Close is still to be sent */
        sent_all(&conn);
        assert_true(ws_conn_is_finished(&conn));
        feed(&conn, "81 80 00000000", "", ERR_PROTO);
        assert_output(&conn, "");
        ws_conn_fini(&conn);
    }
}

static void a_client_refuses_a_masked_frame(void **state)
{
    struct ws_conn conn;

    (void)state;
    start(&conn, WS_CLIENT);
    feed(&conn, "81 80 00000000", "", ERR_PROTO);
    assert_int_equal(ws_conn_fault(&conn), WS_FAULT_MASKED);
    sent_all(&conn);
    assert_true(ws_conn_is_finished(&conn)); /* failed: nothing to wait for */
    ws_conn_fini(&conn);
}

static void a_server_puts_messages_without_a_mask(void **state)
{
    struct ws_conn conn;

    (void)state;
    start(&conn, WS_SERVER);
    assert_ok(ws_conn_put_message(&conn, WS_OPCODE_TEXT, SPAN("Hello")));
    assert_ok(ws_conn_put_message(&conn, WS_OPCODE_BINARY, SPAN("")));
    assert_ok(ws_conn_put_framed(&conn, span_ro(hex("81 02 'hi'"))));
    assert_output(&conn, "81 05 'Hello' 82 00 81 02 'hi'");
    ws_conn_fini(&conn);
}

static void a_client_masks_each_frame_with_a_fresh_key(void **state)
{
    struct ws_conn conn;
    struct span out;

    (void)state;
    start(&conn, WS_CLIENT);
    assert_ok(ws_conn_put_message(&conn, WS_OPCODE_TEXT, SPAN("same")));
    assert_ok(ws_conn_put_message(&conn, WS_OPCODE_TEXT, SPAN("same")));
    out = ws_conn_output(&conn);
    assert_int_equal(out.len, 20);
    assert_bytes(span_head(out, 2), span_ro(hex("81 84")));
    assert_memory_not_equal(out.ptr + 2, out.ptr + 12, 4);
    ws_conn_fini(&conn);
}

static void a_full_output_refuses_messages_but_not_control_frames(void **state)
{
    struct ws_conn conn;
    uint8_t payload[997] = {0};

    (void)state;
    start(&conn, WS_SERVER);
    assert_int_equal(ws_conn_put_message(&conn, WS_OPCODE_BINARY, span_of(payload, 997)),
                     ERR_LIMIT); /* 4 bytes of head are too many */
    assert_int_equal(ws_conn_output(&conn).len, 0);
    assert_ok(ws_conn_put_message(&conn, WS_OPCODE_BINARY, span_of(payload, 996)));
    assert_int_equal(ws_conn_put_message(&conn, WS_OPCODE_TEXT, SPAN("")), ERR_LIMIT);
    assert_int_equal(ws_conn_put_framed(&conn, span_ro(hex("8100"))), ERR_LIMIT);
    feed(&conn, "89 82 00000000 'hi'", "", ERR_AGAIN);
    assert_ok(ws_conn_close(&conn, WS_CLOSE_NORMAL, SPAN(""), 0));
    assert_bytes(span_tail(ws_conn_output(&conn), 1000), span_ro(hex("8a 02 'hi' 88 02 03e8")));
    ws_conn_fini(&conn);
}

static void pings_without_end_cost_two_pongs(void **state)
{
    struct ws_conn conn;

    (void)state;
    start(&conn, WS_SERVER);
    feed(&conn, "89 81 00000000 '1'", "", ERR_AGAIN);
    feed(&conn, "89 81 00000000 '2' 89 81 00000000 '3' 89 81 00000000 '4'", "", ERR_AGAIN);
    assert_output(&conn, "8a 01 '1'");
    ws_conn_output_consume(&conn, 2);
    assert_output(&conn, "'1'");
    ws_conn_output_consume(&conn, 1);
    assert_output(&conn, "8a 01 '4'"); /* RFC 6455 5.5.3: the most recent one */
    ws_conn_output_consume(&conn, 3);
    assert_output(&conn, "");
    ws_conn_fini(&conn);
}

static void the_outputs_memory_is_given_back_with_its_last_byte(void **state)
{
    struct ws_conn conn;

    (void)state;
    start(&conn, WS_SERVER);
    assert_ok(ws_conn_put_message(&conn, WS_OPCODE_TEXT, SPAN("Hello")));
    ws_conn_output_consume(&conn, 3);
    assert_output(&conn, "'ello'");
    ws_conn_output_consume(&conn, 4);
    assert_null(conn.output.ptr); /* and there is no fini */
}

/* Forty seconds that take no time. */
static void a_silent_peer_is_asked_and_then_dropped(void **state)
{
    struct ws_conn conn;

    (void)state;
    start(&conn, WS_SERVER);
    assert_int_equal(ws_conn_deadline(&conn), 30000);
    assert_ok(ws_conn_expire(&conn, 29999));
    assert_output(&conn, "");
    assert_ok(ws_conn_expire(&conn, 30000));
    assert_output(&conn, "89 00");
    assert_int_equal(ws_conn_deadline(&conn), 40000);
    assert_ok(ws_conn_expire(&conn, 39999));
    assert_int_equal(ws_conn_expire(&conn, 40000), ERR_TIMEOUT);
    assert_int_equal(ws_conn_expire(&conn, 40001), ERR_TIMEOUT);
    assert_int_equal(ws_conn_deadline(&conn), MSEC_NEVER);
    assert_true(ws_conn_is_finished(&conn));
    feed(&conn, "81 80 00000000", "", ERR_TIMEOUT);
    ws_conn_fini(&conn);
}

static void any_byte_is_a_sign_of_life(void **state)
{
    struct ws_conn conn;

    (void)state;
    start(&conn, WS_SERVER);
    assert_ok(ws_conn_expire(&conn, 30000));
    sent_all(&conn);
    ws_conn_saw_bytes(&conn, 35000);
    feed(&conn, "8a", "", ERR_AGAIN);
    assert_int_equal(ws_conn_deadline(&conn), 65000);
    assert_ok(ws_conn_expire(&conn, 65000));
    assert_output(&conn, "89 00");
    ws_conn_fini(&conn);
}

static void a_peer_that_reads_nothing_is_judged_without_being_asked(void **state)
{
    struct ws_limits small = limits;
    struct ws_conn conn;

    (void)state;
    rng = rng_seeded(1);
    small.max_output_bytes = 0;
    ws_conn_init(&conn, WS_SERVER, &small, &rng, 0);
    for (msec now = 30000; now < 30000 * 200; now += 30000) {
        assert_ok(ws_conn_expire(&conn, now));
        ws_conn_saw_bytes(&conn, now);
    }
    assert_true(ws_conn_output(&conn).len <= 131);
    assert_ok(ws_conn_close(&conn, WS_CLOSE_NORMAL, SPAN(""), 0));
    ws_conn_fini(&conn);
}

static void without_ping_every_nothing_is_ever_due(void **state)
{
    const struct ws_limits none = {.close_within = MSEC_NEVER};
    struct ws_conn conn;

    (void)state;
    rng = rng_seeded(1);
    ws_conn_init(&conn, WS_SERVER, &none, &rng, 5);
    assert_int_equal(ws_conn_deadline(&conn), MSEC_NEVER);
    assert_ok(ws_conn_expire(&conn, 1u << 30));
    assert_ok(ws_conn_close(&conn, WS_CLOSE_NORMAL, SPAN(""), 7));
    assert_int_equal(ws_conn_deadline(&conn), MSEC_NEVER);
    ws_conn_fini(&conn);
}

static void a_client_and_a_server_talk_back_to_back(void **state)
{
    struct ws_conn client;
    struct ws_conn server;
    struct rng other = rng_seeded(2);
    struct transcript seen;

    (void)state;
    start(&client, WS_CLIENT);
    ws_conn_init(&server, WS_SERVER, &limits, &other, 0);
    transcript_init(&seen);

    assert_ok(ws_conn_put_message(&client, WS_OPCODE_TEXT, SPAN("What is the time?")));
    assert_ok(ws_conn_put_message(&client, WS_OPCODE_BINARY, SPAN("\1\2")));
    carry(&client, &server, &seen);
    transcript_text(&seen, " ");
    assert_ok(ws_conn_put_message(&server, WS_OPCODE_TEXT, SPAN("Later than you think.")));
    assert_ok(ws_conn_expire(&server, 30000)); /* a ping */
    carry(&server, &client, &seen);
    assert_int_equal(ws_conn_output(&client).len, 6); /* its pong */
    carry(&client, &server, &seen);
    transcript_text(&seen, " ");
    assert_ok(ws_conn_close(&client, WS_CLOSE_NORMAL, SPAN("thanks"), 0));
    carry(&client, &server, &seen);
    carry(&server, &client, &seen);
    assert_true(ws_conn_is_finished(&server));
    assert_int_equal(ws_conn_fault(&client), WS_FAULT_NONE);
    assert_int_equal(ws_conn_fault(&server), WS_FAULT_NONE);
    transcript_expect(&seen, "text(What is the time?)binary(\\x01\\x02) "
                             "text(Later than you think.) <close:1000 thanks><close:1000>");
}

/* Every byte of memory is the output's; whatever fails, the connection can be ended. */
static void a_short_life(void)
{
    struct ws_conn conn;
    struct ws_conn_piece piece;
    uint8_t ping[] = {0x89, 0x80, 0, 0, 0, 0};
    uint8_t close[] = {0x88, 0x80, 0, 0, 0, 0};
    struct mspan input = mspan_of(ping, sizeof ping);
    uint8_t payload[600] = {0};

    start(&conn, WS_SERVER);
    if (ws_conn_put_message(&conn, WS_OPCODE_BINARY, span_of(payload, 600)) == ERR_NOMEM) {
        assert_int_equal(ws_conn_output(&conn).len, 0);
    }
    sent_all(&conn);
    if (ws_conn_expire(&conn, 30000) == ERR_NOMEM) {
        assert_int_equal(ws_conn_deadline(&conn), 30000);
    }
    sent_all(&conn);
    if (ws_conn_next(&conn, &input, &piece) == ERR_NOMEM) {
        assert_int_equal(ws_conn_output(&conn).len, 0);
    }
    sent_all(&conn);
    if (ws_conn_close(&conn, WS_CLOSE_NORMAL, SPAN(""), 0) == ERR_NOMEM) {
        assert_true(ws_conn_is_open(&conn)); /* as it was */
    }
    sent_all(&conn);
    input = mspan_of(close, sizeof close);
    if (ws_conn_next(&conn, &input, &piece) == ERR_NOMEM) {
        assert_int_equal(ws_conn_next(&conn, &input, &piece), ERR_CLOSED);
    }
    ws_conn_fini(&conn);
}

static void a_failing_life(void)
{
    struct ws_conn conn;
    struct ws_conn_piece piece;
    uint8_t wrong[] = {0xff};
    struct mspan input = mspan_of(wrong, sizeof wrong);
    enum err e;

    start(&conn, WS_SERVER);
    e = ws_conn_next(&conn, &input, &piece);
    assert_int_equal(e, oom_has_struck() ? ERR_NOMEM : ERR_PROTO);
    assert_int_equal(ws_conn_next(&conn, &input, &piece), ERR_PROTO);
    ws_conn_fini(&conn);
}

/* The second pong does not fit into what is allocated when its turn comes. */
static void a_pong_that_waits_for_memory(void)
{
    uint8_t bytes[] = {0x89, 0x80, 0, 0, 0, 0, 0x89, 0xfd, 0, 0, 0, 0};
    uint8_t payload[240] = {0};
    struct mspan input = mspan_of(bytes, sizeof bytes);
    struct mspan rest = mspan_of(payload, 125);
    struct ws_conn conn;
    struct ws_conn_piece piece;

    start(&conn, WS_SERVER);
    if (ws_conn_next(&conn, &input, &piece) == ERR_AGAIN &&
        ws_conn_put_message(&conn, WS_OPCODE_BINARY, span_of(payload, 240)) == OK &&
        ws_conn_next(&conn, &rest, &piece) == ERR_AGAIN) {
        ws_conn_output_consume(&conn, 2);
        ws_conn_output_consume(&conn, 4 + 240);
        assert_int_equal(ws_conn_output(&conn).len, 2 + 125);
    }
    ws_conn_fini(&conn);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(a_short_life);
    every_oom(a_failing_life);
    every_oom(a_pong_that_waits_for_memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_yielded_and_pings_answered_at_any_cut),
        cmocka_unit_test(each_fault_is_told_to_the_peer_and_is_final),
        cmocka_unit_test(a_client_refuses_a_masked_frame),
        cmocka_unit_test(a_server_puts_messages_without_a_mask),
        cmocka_unit_test(a_client_masks_each_frame_with_a_fresh_key),
        cmocka_unit_test(a_full_output_refuses_messages_but_not_control_frames),
        cmocka_unit_test(pings_without_end_cost_two_pongs),
        cmocka_unit_test(the_outputs_memory_is_given_back_with_its_last_byte),
        cmocka_unit_test(a_silent_peer_is_asked_and_then_dropped),
        cmocka_unit_test(any_byte_is_a_sign_of_life),
        cmocka_unit_test(a_peer_that_reads_nothing_is_judged_without_being_asked),
        cmocka_unit_test(without_ping_every_nothing_is_ever_due),
        cmocka_unit_test(a_client_and_a_server_talk_back_to_back),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
