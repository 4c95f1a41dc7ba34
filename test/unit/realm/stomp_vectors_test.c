/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The STOMP codecs against test/data/stomp_vectors.json, at every cut.
 */
#include "unit/realm/vectors.h"

#include "lib/cut.h"
#include "stomp/stomp_decoder.h"
#include "stomp/stomp_encoder.h"
#include "stomp/stomp_heartbeat.h"

static const struct stomp_limits roomy = {.line_bytes = 1000,
                                          .header_count = 20,
                                          .head_bytes = 4000,
                                          .body_bytes = 100000};

/* The row whose stream is being cut. */
static struct {
    enum stomp_version version;
    struct span frames; /* expected; ptr is NULL where the stream is to be refused */
} in_hand;

static void note_frame(struct buf *text, const struct stomp_frame *frame)
{
    assert_ok(buf_printf(text, "%s ", stomp_command_name(frame->command)));
    for (size_t i = 0; i < frame->header_count; i++) {
        const struct stomp_header *header = &frame->headers[i];

        if (stomp_frame_find(frame, header->name) == header) {
            assert_ok(buf_append_byte(text, '['));
            assert_ok(buf_append(text, header->name));
            assert_ok(buf_append_byte(text, '='));
            assert_ok(buf_append(text, header->value));
            assert_ok(buf_append_byte(text, ']'));
        }
    }
    if (frame->header_count > 0) {
        assert_ok(buf_append_byte(text, ' '));
    }
    assert_ok(buf_append_byte(text, '<'));
    assert_ok(buf_append(text, frame->body));
    assert_ok(buf_append(text, SPAN(">\n")));
}

static enum err decode(const struct cut *cut, struct buf *text)
{
    struct stomp_decoder decoder;
    struct mspan part;
    size_t at = 0;
    enum err e = ERR_AGAIN;

    stomp_decoder_init(&decoder, &roomy);
    stomp_decoder_set_version(&decoder, in_hand.version);
    while (e == ERR_AGAIN && (part = cut_next(cut, &at)).ptr != NULL) {
        struct span input = span_ro(part);
        struct stomp_piece piece;

        while ((e = stomp_decoder_next(&decoder, &input, &piece)) == OK) {
            if (piece.type == STOMP_PIECE_FRAME) {
                note_frame(text, &piece.frame);
            }
        }
    }
    stomp_decoder_fini(&decoder);
    return e;
}

static void check_cut(const struct cut *cut)
{
    struct buf text;
    enum err e;

    buf_init(&text, 100000);
    e = decode(cut, &text);
    if (in_hand.frames.ptr != NULL) {
        assert_int_equal(e, ERR_AGAIN);
        assert_bytes(buf_span(&text), in_hand.frames);
    } else if (e != ERR_PROTO && e != ERR_LIMIT) {
        fail_msg("%.*s was not refused", SPAN_ARG(cut->whole));
    }
    buf_fini(&text);
}

static enum stomp_version version_of(const struct dict *row)
{
    enum stomp_version version;

    assert_true(stomp_version_agree(vectors_text(row, "version"), &version));
    return version;
}

static void check_readable(const struct dict *row)
{
    in_hand.version = version_of(row);
    in_hand.frames = vectors_text(row, "frames");
    if (in_hand.frames.ptr == NULL) { /* an empty text */
        in_hand.frames = SPAN("");
    }
    cut_every(vectors_text(row, "stream"), check_cut);
}

static void check_refused(const struct dict *row)
{
    in_hand.version = STOMP_VERSION_1_2;
    in_hand.frames = (struct span){0};
    cut_every(vectors_text(row, "stream"), check_cut);
}

static enum stomp_command command_of(const struct dict *row)
{
    enum stomp_command command;

    assert_true(stomp_command_find(vectors_text(row, "command"), &command));
    return command;
}

static enum err encode(const struct dict *row, struct buf *out)
{
    const struct dict_array *headers = vectors_texts(row, "headers");
    struct span body = vectors_has(row, "body") ? vectors_text(row, "body") : SPAN("");
    struct stomp_encoder encoder;

    stomp_encoder_begin(&encoder, out, command_of(row));
    for (size_t i = 0; i + 1 < headers->count; i += 2) {
        stomp_encoder_header(&encoder, headers->values[i].text, headers->values[i + 1].text);
    }
    return stomp_encoder_end(&encoder, body);
}

static void check_written(const struct dict *row)
{
    struct buf out;

    buf_init(&out, 10000);
    assert_ok(encode(row, &out));
    assert_bytes(buf_span(&out), vectors_text(row, "text"));
    buf_fini(&out);
}

static void check_unwritable(const struct dict *row)
{
    struct buf out;

    buf_init(&out, 10000);
    if (encode(row, &out) != ERR_PROTO) {
        fail_msg("%.*s was written", SPAN_ARG(vectors_text(row, "why")));
    }
    buf_fini(&out);
}

static void check_heartbeat(const struct dict *row)
{
    struct stomp_heartbeat_offer offer;

    assert_ok(stomp_heartbeat_read(vectors_text(row, "header"), &offer));
    assert_int_equal(offer.can, vectors_number(row, "can"));
    assert_int_equal(offer.wants, vectors_number(row, "wants"));
}

static void check_no_heartbeat(const struct dict *row)
{
    struct stomp_heartbeat_offer offer;

    assert_int_equal(stomp_heartbeat_read(vectors_text(row, "header"), &offer), ERR_PROTO);
}

static void check_agreed(const struct dict *row)
{
    struct stomp_heartbeat_offer ours, theirs;
    struct stomp_heartbeat heartbeat;

    assert_ok(stomp_heartbeat_read(vectors_text(row, "ours"), &ours));
    assert_ok(stomp_heartbeat_read(vectors_text(row, "theirs"), &theirs));
    stomp_heartbeat_init(&heartbeat, &ours, &theirs, 0);
    assert_int_equal(heartbeat.send_every, vectors_number(row, "send"));
    assert_int_equal(heartbeat.hear_every, vectors_number(row, "hear"));
}

static void the_vectors_hold(void **state)
{
    struct dict *root = vectors_read(TEST_DATA "/stomp_vectors.json");

    (void)state;
    vectors_each(root, "readable", check_readable);
    vectors_each(root, "refused", check_refused);
    vectors_each(root, "written", check_written);
    vectors_each(root, "unwritable", check_unwritable);
    vectors_each(root, "heartbeats", check_heartbeat);
    vectors_each(root, "no_heartbeats", check_no_heartbeat);
    vectors_each(root, "agreed", check_agreed);
    dict_free(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_vectors_hold)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
