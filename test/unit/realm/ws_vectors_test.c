/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The WebSocket codecs, as a client's, against test/data/ws_vectors.json, at every cut.
 */
#include "unit/realm/vectors.h"

#include "lib/cut.h"
#include "ws/ws_message.h"

enum {
    MESSAGE_MAX = 1000 /* bytes: as the vectors say */
};

/* The row whose stream is being cut. */
static struct {
    struct span messages; /* expected */
    unsigned code;        /* or the close code that answers it; 0: it is good */
} in_hand;

static void put_bytes(struct buf *out, struct span bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        uint8_t c = bytes.ptr[i];

        assert_ok(buf_printf(out, c >= 0x20 && c <= 0x7e ? "%c" : "\\x%02x", c));
    }
}

static void put_close(struct buf *out, const struct ws_message_piece *piece)
{
    assert_ok(buf_printf(out, "<close:%u", piece->close_code));
    if (piece->data.len > 0) {
        assert_ok(buf_append_byte(out, ' '));
        put_bytes(out, piece->data);
    }
    assert_ok(buf_append_byte(out, '>'));
}

/* A message is noted when it is whole, as one who gathers it sees it. */
static void note(struct buf *out, struct buf *gathered, const struct ws_message_piece *piece)
{
    switch (piece->type) {
    case WS_MESSAGE_BEGIN:
        buf_truncate(gathered, 0);
        assert_ok(buf_printf(gathered, piece->opcode == WS_OPCODE_TEXT ? "text(" : "binary("));
        break;
    case WS_MESSAGE_DATA: put_bytes(gathered, piece->data); break;
    case WS_MESSAGE_END:
        assert_ok(buf_append(out, buf_span(gathered)));
        assert_ok(buf_append_byte(out, ')'));
        break;
    case WS_MESSAGE_PING:
    case WS_MESSAGE_PONG:
        assert_ok(buf_printf(out, piece->type == WS_MESSAGE_PING ? "<ping:" : "<pong:"));
        put_bytes(out, piece->data);
        assert_ok(buf_append_byte(out, '>'));
        break;
    case WS_MESSAGE_CLOSE: put_close(out, piece); break;
    }
}

static void check_cut(const struct cut *cut)
{
    struct ws_message message;
    struct buf out, gathered;
    struct mspan part;
    size_t at = 0;
    enum err e = ERR_AGAIN;

    buf_init(&out, 100000);
    buf_init(&gathered, 100000);
    ws_message_init(&message, WS_CLIENT, MESSAGE_MAX);
    while (e == ERR_AGAIN && (part = cut_next(cut, &at)).ptr != NULL) {
        struct ws_message_piece piece;

        while ((e = ws_message_next(&message, &part, &piece)) == OK) {
            note(&out, &gathered, &piece);
        }
    }
    if (in_hand.code != 0) {
        assert_int_equal(e, ERR_PROTO);
        assert_int_equal(ws_fault_close_code(ws_message_fault(&message)), in_hand.code);
    } else {
        assert_int_equal(ws_message_fault(&message), WS_FAULT_NONE);
        assert_bytes(buf_span(&out), in_hand.messages);
    }
    ws_message_fini(&message);
    buf_fini(&out);
    buf_fini(&gathered);
}

static void check_down(const struct dict *row)
{
    in_hand.code = 0;
    in_hand.messages = vectors_text(row, "messages");
    cut_every(span_ro(vectors_hex(row, "hex")), check_cut);
}

static void check_refused(const struct dict *row)
{
    in_hand.code = (unsigned)vectors_number(row, "code");
    cut_every(span_ro(vectors_hex(row, "hex")), check_cut);
}

static void check_up(const struct dict *row)
{
    struct mspan payload = vectors_hex(row, "payload");
    struct ws_frame frame = {.fin = true,
                             .opcode = (uint8_t)vectors_number(row, "opcode"),
                             .masked = true,
                             .payload_len = payload.len};
    struct buf out;

    memcpy(frame.key, vectors_hex(row, "key").ptr, sizeof frame.key);
    buf_init(&out, 10000);
    assert_ok(ws_frame_put(&frame, span_ro(payload), &out));
    assert_bytes(buf_span(&out), span_ro(vectors_hex(row, "hex")));
    buf_fini(&out);
}

static void the_vectors_hold(void **state)
{
    struct dict *root = vectors_read(TEST_DATA "/ws_vectors.json");

    (void)state;
    vectors_each(root, "down", check_down);
    vectors_each(root, "refused", check_refused);
    vectors_each(root, "up", check_up);
    dict_free(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_vectors_hold)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
