/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "sockjs/sockjs_frame.h"

#include "lib/oom.h"
#include "lib/testing.h"

static struct buf out;

static void wrote(const char *text)
{
    assert_bytes(buf_span(&out), span_str(text));
    buf_fini(&out);
}

static void message_is(const char *message, const char *frame)
{
    assert_ok(sockjs_frame_put_message(SOCKJS_FRAME_WEBSOCKET, span_str(message), &out));
    wrote(frame);
}

static void each_carrier_wraps_frames_in_its_way(void **state)
{
    (void)state;
    buf_init(&out, 10000);
    assert_ok(sockjs_frame_put_open(SOCKJS_FRAME_WEBSOCKET, &out));
    wrote("o");
    assert_ok(sockjs_frame_put_open(SOCKJS_FRAME_XHR, &out));
    wrote("o\n");
    assert_ok(sockjs_frame_put_heartbeat(SOCKJS_FRAME_EVENTSOURCE, &out));
    wrote("data: h\r\n\r\n");
    assert_ok(sockjs_frame_put_close(SOCKJS_FRAME_XHR, SOCKJS_FRAME_GO_AWAY, "Go away!", &out));
    wrote("c[3000,\"Go away!\"]\n");
    assert_ok(sockjs_frame_put_message(SOCKJS_FRAME_XHR, SPAN("x"), &out));
    wrote("a[\"x\"]\n");
    assert_ok(sockjs_frame_put_message(SOCKJS_FRAME_EVENTSOURCE, SPAN("x"), &out));
    wrote("data: a[\"x\"]\r\n\r\n");
    message_is("", "a[\"\"]");
}

static void a_stream_begins_with_what_makes_browsers_read_it(void **state)
{
    (void)state;
    buf_init(&out, 10000);
    assert_ok(sockjs_frame_put_prelude(SOCKJS_FRAME_WEBSOCKET, &out));
    wrote("");
    assert_ok(sockjs_frame_put_prelude(SOCKJS_FRAME_EVENTSOURCE, &out));
    wrote("\r\n");
    assert_ok(sockjs_frame_put_prelude(SOCKJS_FRAME_XHR, &out));
    assert_int_equal(out.len, 2049);
    for (size_t i = 0; i < 2048; i++) {
        assert_int_equal(out.ptr[i], 'h');
    }
    assert_int_equal(out.ptr[2048], '\n');
    buf_fini(&out);
}

static void what_json_or_browsers_cannot_carry_is_escaped(void **state)
{
    (void)state;
    buf_init(&out, 10000);
    message_is("100%", "a[\"100\\u0025\"]");
    message_is("\"\\/", "a[\"\\\"\\\\/\"]");
    message_is("  \n\r\t\b\x1f\x7f", "a[\"  \\n\\r\\t\\u0008\\u001f\\u007f\"]");
    message_is("\u200b\u200c\u200f\u2010", "a[\"\u200b\\u200c\\u200f\u2010\"]");
    message_is("\u2027\u2028\u202f\u2030", "a[\"\u2027\\u2028\\u202f\u2030\"]");
    message_is("\u2060\u206f\ufeff\ufff0\uffff", "a[\"\\u2060\\u206f\ufeff\\ufff0\\uffff\"]");
    message_is("Gr\u00fc\u00dfe, \U0001f600", "a[\"Gr\u00fc\u00dfe, \U0001f600\"]");
    assert_ok(sockjs_frame_put_message(SOCKJS_FRAME_WEBSOCKET, SPAN("MESSAGE\0"), &out));
    wrote("a[\"MESSAGE\\u0000\"]"); /* as STOMP ends its frames */
}

static void a_frame_that_does_not_fit_leaves_nothing_behind(void **state)
{
    (void)state;
    buf_init(&out, 8);
    assert_ok(sockjs_frame_put_open(SOCKJS_FRAME_XHR, &out));
    assert_int_equal(sockjs_frame_put_message(SOCKJS_FRAME_XHR, SPAN("\1"), &out), ERR_LIMIT);
    wrote("o\n");
}

static void write_a_message(void)
{
    buf_init(&out, 1000);
    if (sockjs_frame_put_message(SOCKJS_FRAME_XHR, SPAN("a\nb"), &out) != OK) {
        assert_int_equal(out.len, 0);
    }
    buf_fini(&out);
}

static void running_out_of_memory_leaves_nothing_behind(void **state)
{
    (void)state;
    every_oom(write_a_message);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_carrier_wraps_frames_in_its_way),
        cmocka_unit_test(a_stream_begins_with_what_makes_browsers_read_it),
        cmocka_unit_test(what_json_or_browsers_cannot_carry_is_escaped),
        cmocka_unit_test(a_frame_that_does_not_fit_leaves_nothing_behind),
        cmocka_unit_test(running_out_of_memory_leaves_nothing_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
