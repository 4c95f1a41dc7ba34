/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What is said in SockJS against test/data/sockjs_vectors.json.
 */
#include "unit/realm/vectors.h"

#include "sockjs/sockjs_frame.h"
#include "sockjs/sockjs_messages.h"

static const struct {
    enum sockjs_frame_carrier carrier;
    struct span before;
    struct span behind;
} carriers[] = {
    {SOCKJS_FRAME_WEBSOCKET, SPAN_INIT(""), SPAN_INIT("")},
    {SOCKJS_FRAME_XHR, SPAN_INIT(""), SPAN_INIT("\n")},
    {SOCKJS_FRAME_EVENTSOURCE, SPAN_INIT("data: "), SPAN_INIT("\r\n\r\n")},
};

/* What was written is the row's text, wrapped as the carrier has it; then it is released. */
static void check_wrapped(size_t i, struct buf *out, const struct dict *row)
{
    struct buf expected;

    buf_init(&expected, 10000);
    assert_ok(buf_append(&expected, carriers[i].before));
    assert_ok(buf_append(&expected, vectors_text(row, "text")));
    assert_ok(buf_append(&expected, carriers[i].behind));
    assert_bytes(buf_span(out), buf_span(&expected));
    buf_fini(&expected);
    buf_fini(out);
}

static void check_down(const struct dict *row)
{
    for (size_t i = 0; i < sizeof carriers / sizeof carriers[0]; i++) {
        struct buf out;

        buf_init(&out, 10000);
        assert_ok(
            sockjs_frame_put_message(carriers[i].carrier, vectors_text(row, "message"), &out));
        check_wrapped(i, &out, row);
    }
}

static enum err put_sign(enum sockjs_frame_carrier carrier, const struct dict *row,
                         struct buf *out)
{
    struct span sign = vectors_text(row, "sign");
    char reason[100];

    if (span_equals(sign, "open")) {
        return sockjs_frame_put_open(carrier, out);
    }
    if (span_equals(sign, "heartbeat")) {
        return sockjs_frame_put_heartbeat(carrier, out);
    }
    assert_true(span_equals(sign, "close"));
    snprintf(reason, sizeof reason, "%.*s", SPAN_ARG(vectors_text(row, "reason")));
    return sockjs_frame_put_close(carrier, (unsigned)vectors_number(row, "code"), reason, out);
}

static void check_sign(const struct dict *row)
{
    for (size_t i = 0; i < sizeof carriers / sizeof carriers[0]; i++) {
        struct buf out;

        buf_init(&out, 10000);
        assert_ok(put_sign(carriers[i].carrier, row, &out));
        check_wrapped(i, &out, row);
    }
}

static void check_up(const struct dict *row)
{
    const struct dict_array *expected = vectors_texts(row, "messages");
    struct sockjs_messages messages;
    struct buf out;

    buf_init(&out, 10000);
    assert_ok(sockjs_messages_begin(&messages, vectors_text(row, "text")));
    for (size_t i = 0; i < expected->count; i++) {
        buf_truncate(&out, 0);
        assert_ok(sockjs_messages_next(&messages, &out));
        assert_bytes(buf_span(&out), expected->values[i].text);
    }
    assert_int_equal(sockjs_messages_next(&messages, &out), ERR_AGAIN);
    buf_fini(&out);
}

static void check_refused(const struct dict *row)
{
    struct sockjs_messages messages;

    if (sockjs_messages_begin(&messages, vectors_text(row, "text")) != ERR_PROTO) {
        fail_msg("%.*s was not refused", SPAN_ARG(vectors_text(row, "text")));
    }
}

static void the_vectors_hold(void **state)
{
    struct dict *root = vectors_read(TEST_DATA "/sockjs_vectors.json");

    (void)state;
    vectors_each(root, "down", check_down);
    vectors_each(root, "up", check_up);
    vectors_each(root, "signs", check_sign);
    vectors_each(root, "refused", check_refused);
    dict_free(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_vectors_hold)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
