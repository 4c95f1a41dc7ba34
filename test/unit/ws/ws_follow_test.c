/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "ws/ws_follow.h"

#include "lib/cut.h"
#include "lib/oom.h"
#include "lib/testing.h"

/* RFC 6455 section 1.2 and 1.3: the same key, the same accept. */
#define REQUEST                                                                     \
    "GET /chat?room=1 HTTP/1.1\r\nHost: realm:9000\r\nUpgrade: websocket\r\n"       \
    "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"        \
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: v12.stomp, v11.stomp\r\n" \
    "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
#define ANSWER_WITH(fields)                                                                \
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"                           \
    "Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" fields \
    "\r\n"
#define ANSWER ANSWER_WITH("Sec-WebSocket-Protocol: v12.stomp\r\n")
#define DEFLATE \
    ANSWER_WITH("Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n")

static struct span bytes(struct mspan of)
{
    return span_ro(of);
}

/* Both sides' bytes in one, then the handshake is over. */
static void open_with(struct ws_follow *follow, struct span answer)
{
    ws_follow_init(follow);
    ws_follow_bytes(follow, WS_CLIENT, SPAN(REQUEST));
    assert_int_equal(follow->state, WS_FOLLOW_ANSWER);
    ws_follow_bytes(follow, WS_SERVER, answer);
    assert_int_equal(follow->state, WS_FOLLOW_FRAMES);
    assert_null(follow->opening);
}

static void lose(enum ws_role sender, const char *frames, enum ws_fault fault)
{
    struct ws_follow follow;

    open_with(&follow, SPAN(ANSWER));
    ws_follow_bytes(&follow, sender, bytes(hex(frames)));
    assert_int_equal(follow.state, WS_FOLLOW_LOST);
    assert_int_equal(follow.loss, WS_FOLLOW_LOSS_FRAME);
    assert_int_equal(follow.fault, fault);
    assert_string_equal(ws_follow_why(&follow), ws_fault_text(fault));
    ws_follow_fini(&follow);
}

static void the_handshake_tells_path_and_subprotocol(void **state)
{
    struct ws_follow follow;

    (void)state;
    ws_follow_init(&follow);
    ws_follow_bytes(&follow, WS_CLIENT, SPAN(REQUEST));
    assert_string_equal(follow.path, "/chat?room=1");
    assert_string_equal(follow.protocol, "v12.stomp, v11.stomp");
    assert_false(follow.has_chosen);
    assert_int_equal(ws_follow_protocol(&follow).len, 0);
    ws_follow_bytes(&follow, WS_SERVER, SPAN(ANSWER));
    assert_string_equal(follow.protocol, "v12.stomp");
    assert_true(span_equals(ws_follow_protocol(&follow), "v12.stomp"));
    assert_false(follow.has_deflate);
    assert_int_equal(follow.status, 101);
    assert_string_equal(ws_follow_why(&follow), "");
    ws_follow_fini(&follow);
}

static void compression_is_seen_in_the_answer(void **state)
{
    struct ws_follow follow;

    (void)state;
    open_with(&follow, SPAN(DEFLATE));
    assert_true(follow.has_deflate);
    assert_false(follow.has_chosen);
    assert_string_equal(follow.protocol, "v12.stomp, v11.stomp"); /* what was offered */
    ws_follow_bytes(&follow, WS_SERVER, bytes(hex("c1 07 f2 48 cd c9 c9 07 00")));
    assert_int_equal(follow.ways[WS_SERVER].messages, 1); /* RFC 7692 7.2.3.1 */
    assert_int_equal(follow.state, WS_FOLLOW_FRAMES);
    ws_follow_fini(&follow);
}

/* "Hello" in two fragments with a ping between, a big empty one, then 1001 and "bye". */
static const char client_frames[] = "01 83 37fa213d 7f9f4d 89 80 00000000 80 82 37fa213d 5b95"
                                    "82 80 01020304 82 fe 0100 01020304";
static const char client_close[] = "88 85 37fa213d 3413 43445a";
static const char server_frames[] = "81 05 'Hello' 8a 00 02 7f 0000000000010000";

static struct ws_follow run_client(const struct cut *cut)
{
    struct ws_follow follow;
    struct mspan part;
    size_t at = 0;

    ws_follow_init(&follow);
    while ((part = cut_next(cut, &at)).ptr != NULL) {
        ws_follow_bytes(&follow, WS_CLIENT, span_ro(part));
    }
    ws_follow_bytes(&follow, WS_SERVER, SPAN(ANSWER));
    return follow;
}

static void check_client(const struct cut *cut)
{
    struct ws_follow follow = run_client(cut);
    const struct ws_follow_way *way = &follow.ways[WS_CLIENT];

    assert_int_equal(follow.state, WS_FOLLOW_FRAMES);
    assert_string_equal(follow.path, "/chat?room=1");
    assert_int_equal(way->messages, 3);
    assert_int_equal(way->payload_bytes, 5 + 256);
    assert_int_equal(way->controls, 1);
    assert_int_equal(follow.close_code, 1001);
    assert_int_equal(follow.reason_len, 3);
    assert_int_equal(follow.closer, WS_CLIENT);
    assert_true(way->has_closed);
    ws_follow_fini(&follow);
}

static struct mspan join(struct span a, struct span b, size_t zeros, struct span c)
{
    static uint8_t room[2048];
    size_t len = a.len + b.len + zeros + c.len;

    assert_true(len <= sizeof room);
    memset(room, 0, sizeof room);
    memcpy(room, a.ptr, a.len);
    memcpy(room + a.len, b.ptr, b.len);
    memcpy(room + a.len + b.len + zeros, c.ptr, c.len);
    return mspan_of(room, len);
}

static void what_the_client_sends_counts_the_same_however_it_is_cut(void **state)
{
    (void)state;
    every_cut(join(SPAN(REQUEST), bytes(hex(client_frames)), 256, bytes(hex(client_close))),
              check_client);
}

static void check_server(const struct cut *cut)
{
    struct ws_follow follow;
    struct mspan part;
    size_t at = 0;

    ws_follow_init(&follow);
    ws_follow_bytes(&follow, WS_CLIENT, SPAN(REQUEST));
    while ((part = cut_next(cut, &at)).ptr != NULL) {
        ws_follow_bytes(&follow, WS_SERVER, span_ro(part));
    }
    assert_int_equal(follow.state, WS_FOLLOW_FRAMES);
    assert_true(follow.has_chosen);
    assert_int_equal(follow.ways[WS_SERVER].messages, 1);
    assert_int_equal(follow.ways[WS_SERVER].payload_bytes, 5 + 100); /* 65436 are to come */
    assert_int_equal(follow.ways[WS_SERVER].controls, 1);
    assert_int_equal(follow.close_code, 0);
    ws_follow_fini(&follow);
}

static void what_the_server_sends_counts_the_same_however_it_is_cut(void **state)
{
    (void)state;
    every_cut(join(SPAN("HTTP/1.1 103 Early Hints\r\n\r\n" ANSWER), bytes(hex(server_frames)),
                   100, SPAN("")),
              check_server);
}

static void a_close_without_a_code_and_the_first_closer_are_told(void **state)
{
    struct ws_follow follow;

    (void)state;
    open_with(&follow, SPAN(ANSWER));
    ws_follow_bytes(&follow, WS_SERVER, bytes(hex("88 00")));
    ws_follow_bytes(&follow, WS_CLIENT, bytes(hex("88 82 01020304 02ea")));
    assert_int_equal(follow.close_code, WS_CLOSE_NO_STATUS);
    assert_int_equal(follow.closer, WS_SERVER);
    assert_int_equal(follow.reason_len, 0);
    ws_follow_fini(&follow);
}

static void behind_a_close_frame_nothing_counts(void **state)
{
    struct ws_follow follow;

    (void)state;
    open_with(&follow, SPAN(ANSWER));
    ws_follow_bytes(&follow, WS_SERVER, bytes(hex("88 02 03e8 81 01 41 ff ff ff")));
    assert_int_equal(follow.state, WS_FOLLOW_FRAMES);
    assert_int_equal(follow.ways[WS_SERVER].messages, 0);
    assert_int_equal(follow.close_code, 1000);
    ws_follow_fini(&follow);
}

static void a_broken_frame_loses_the_thread_and_no_more(void **state)
{
    (void)state;
    lose(WS_CLIENT, "81 05 'Hello'", WS_FAULT_UNMASKED);
    lose(WS_SERVER, "81 85 00000000 'Hello'", WS_FAULT_MASKED);
    lose(WS_SERVER, "c1 01 41", WS_FAULT_RSV);
    lose(WS_SERVER, "83 00", WS_FAULT_OPCODE);
    lose(WS_SERVER, "80 00", WS_FAULT_ORPHAN);
    lose(WS_SERVER, "01 00 81 00", WS_FAULT_INTERLEAVED);
    lose(WS_SERVER, "09 00", WS_FAULT_CONTROL);
    lose(WS_SERVER, "89 7e 0080", WS_FAULT_CONTROL);
    lose(WS_SERVER, "88 7e 0080", WS_FAULT_CONTROL);
    lose(WS_SERVER, "88 01 03", WS_FAULT_CLOSE_SHORT);
    lose(WS_SERVER, "81 7e 0001 41", WS_FAULT_LENGTH);
    lose(WS_SERVER, "81 7f 8000000000000000", WS_FAULT_LENGTH_SIGN);
}

static void what_was_counted_before_stays(void **state)
{
    struct ws_follow follow;

    (void)state;
    open_with(&follow, SPAN(ANSWER));
    ws_follow_bytes(&follow, WS_SERVER, bytes(hex("81 01 41 83 00")));
    ws_follow_bytes(&follow, WS_SERVER, bytes(hex("81 01 41")));
    ws_follow_bytes(&follow, WS_CLIENT, bytes(hex("81 81 00000000 41")));
    assert_int_equal(follow.ways[WS_SERVER].messages, 1);
    assert_int_equal(follow.ways[WS_CLIENT].messages, 0);
    assert_string_equal(follow.path, "/chat?room=1");
    ws_follow_fini(&follow);
}

static void check_lost(struct span client, struct span server, enum ws_follow_loss loss)
{
    struct ws_follow follow;

    ws_follow_init(&follow);
    ws_follow_bytes(&follow, WS_CLIENT, client);
    ws_follow_bytes(&follow, WS_SERVER, server);
    assert_int_equal(follow.state, WS_FOLLOW_LOST);
    assert_int_equal(follow.loss, loss);
    assert_null(follow.opening);
    assert_true(strlen(ws_follow_why(&follow)) > 0);
    ws_follow_fini(&follow);
}

static void what_is_no_websocket_is_left_alone(void **state)
{
    (void)state;
    check_lost(SPAN("\x16\x03\x01"), SPAN(""), WS_FOLLOW_LOSS_NOT_HTTP);
    check_lost(SPAN("SSH-2.0-x y\r\n"), SPAN(""), WS_FOLLOW_LOSS_NOT_HTTP);
    check_lost(SPAN("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), SPAN(""), WS_FOLLOW_LOSS_NO_UPGRADE);
    check_lost(SPAN(""), SPAN("220 mail\r\n"), WS_FOLLOW_LOSS_NOT_HTTP);
    check_lost(SPAN(REQUEST), SPAN("HTTP/1.1 403 No\r\n\r\n"), WS_FOLLOW_LOSS_REFUSED);
    check_lost(SPAN(REQUEST), SPAN("hello\r\n\r\n"), WS_FOLLOW_LOSS_ANSWER);
    check_lost(SPAN(REQUEST), SPAN("HTTP/1.1 101 x\r\nUpgrade: h2c\r\n\r\n"),
               WS_FOLLOW_LOSS_ANSWER);
    check_lost(SPAN(REQUEST), SPAN("HTTP/1.1 101 x\r\nUpgrade: websocket\r\n\r\n"),
               WS_FOLLOW_LOSS_ANSWER);
    check_lost(SPAN(REQUEST),
               SPAN("HTTP/1.1 101 x\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: "
                    "x3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"),
               WS_FOLLOW_LOSS_ANSWER);
}

static void frames_before_an_answer_that_refuses_do_not_count(void **state)
{
    struct ws_follow follow;

    (void)state;
    ws_follow_init(&follow);
    ws_follow_bytes(&follow, WS_CLIENT, SPAN(REQUEST));
    ws_follow_bytes(&follow, WS_CLIENT, bytes(hex("81 81 00000000 41")));
    assert_int_equal(follow.ways[WS_CLIENT].messages, 1);
    ws_follow_bytes(&follow, WS_SERVER, SPAN("HTTP/1.1 503 No\r\n\r\n"));
    assert_int_equal(follow.ways[WS_CLIENT].messages, 0);
    assert_int_equal(follow.status, 503);
    assert_string_equal(follow.path, "/chat?room=1");
    ws_follow_fini(&follow);
}

static void early_reserved_bits_are_judged_by_the_answer(void **state)
{
    struct ws_follow follow;

    (void)state;
    ws_follow_init(&follow);
    ws_follow_bytes(&follow, WS_CLIENT, SPAN(REQUEST));
    ws_follow_bytes(&follow, WS_CLIENT, bytes(hex("c1 81 00000000 41")));
    ws_follow_bytes(&follow, WS_SERVER, SPAN(ANSWER));
    assert_int_equal(follow.fault, WS_FAULT_RSV);
    ws_follow_fini(&follow);

    ws_follow_init(&follow);
    ws_follow_bytes(&follow, WS_CLIENT, SPAN(REQUEST));
    ws_follow_bytes(&follow, WS_CLIENT, bytes(hex("c1 81 00000000 41")));
    ws_follow_bytes(&follow, WS_SERVER, SPAN(DEFLATE));
    assert_int_equal(follow.state, WS_FOLLOW_FRAMES);
    assert_int_equal(follow.ways[WS_CLIENT].messages, 1);
    ws_follow_fini(&follow);
}

static void a_request_head_without_an_end_is_given_up(void **state)
{
    struct ws_follow follow;
    char line[1024];

    (void)state;
    ws_follow_init(&follow);
    ws_follow_bytes(&follow, WS_CLIENT, SPAN("GET / HTTP/1.1\r\n"));
    memset(line, 'a', sizeof line);
    memcpy(line, "X: ", 3);
    memcpy(line + sizeof line - 2, "\r\n", 2);
    for (int i = 0; i < 15; i++) {
        ws_follow_bytes(&follow, WS_CLIENT, span_of(line, sizeof line));
        assert_int_equal(follow.state, WS_FOLLOW_REQUEST);
    }
    ws_follow_bytes(&follow, WS_CLIENT, span_of(line, sizeof line));
    assert_int_equal(follow.loss, WS_FOLLOW_LOSS_NOT_HTTP);
    ws_follow_fini(&follow);
}

static void a_handshake_seen_elsewhere_begins_with_frames(void **state)
{
    const struct http1_field fields[] = {
        {SPAN_INIT("Sec-WebSocket-Protocol"), SPAN_INIT("mqtt")},
        {SPAN_INIT("Sec-WebSocket-Extensions"), SPAN_INIT("x-foo")},
    };
    struct ws_follow follow;

    (void)state;
    ws_follow_init_open(&follow, SPAN("/m"), (struct http1_fields){fields, 2});
    ws_follow_bytes(&follow, WS_CLIENT, bytes(hex("d1 81 00000000 41")));
    assert_string_equal(follow.path, "/m");
    assert_true(span_equals(ws_follow_protocol(&follow), "mqtt"));
    assert_true(follow.has_extension);
    assert_false(follow.has_deflate);
    assert_int_equal(follow.ways[WS_CLIENT].messages, 1);
    ws_follow_fini(&follow);
}

static void following_costs_little_memory(void **state)
{
    (void)state;
    assert_true(sizeof(struct ws_follow) <= 144);
}

static void follow_a_little(void)
{
    static const uint8_t frame[] = {0x81, 0x81, 0, 0, 0, 0, 'A'}; /* hex() allocates */
    struct ws_follow follow;

    ws_follow_init(&follow);
    ws_follow_bytes(&follow, WS_CLIENT, SPAN(REQUEST));
    ws_follow_bytes(&follow, WS_SERVER, SPAN(ANSWER));
    if (oom_has_struck()) {
        assert_int_equal(follow.state, WS_FOLLOW_LOST);
        assert_int_equal(follow.loss, WS_FOLLOW_LOSS_NOMEM);
    } else {
        assert_int_equal(follow.state, WS_FOLLOW_FRAMES);
    }
    ws_follow_bytes(&follow, WS_CLIENT, span_of(frame, sizeof frame));
    ws_follow_fini(&follow);
}

static void without_memory_the_thread_is_lost_and_nothing_leaks(void **state)
{
    (void)state;
    every_oom(follow_a_little);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_handshake_tells_path_and_subprotocol),
        cmocka_unit_test(compression_is_seen_in_the_answer),
        cmocka_unit_test(what_the_client_sends_counts_the_same_however_it_is_cut),
        cmocka_unit_test(what_the_server_sends_counts_the_same_however_it_is_cut),
        cmocka_unit_test(a_close_without_a_code_and_the_first_closer_are_told),
        cmocka_unit_test(behind_a_close_frame_nothing_counts),
        cmocka_unit_test(a_broken_frame_loses_the_thread_and_no_more),
        cmocka_unit_test(what_was_counted_before_stays),
        cmocka_unit_test(what_is_no_websocket_is_left_alone),
        cmocka_unit_test(frames_before_an_answer_that_refuses_do_not_count),
        cmocka_unit_test(early_reserved_bits_are_judged_by_the_answer),
        cmocka_unit_test(a_request_head_without_an_end_is_given_up),
        cmocka_unit_test(a_handshake_seen_elsewhere_begins_with_frames),
        cmocka_unit_test(following_costs_little_memory),
        cmocka_unit_test(without_memory_the_thread_is_lost_and_nothing_leaks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
