/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A stream is decoded into the same pieces however it is cut, and each frame that was decoded
 * is the same again after the encoder, but for headers that the version has no way to write.
 * The first byte of the input chooses the limits and the version, the second where the stream
 * is cut.
 */
#include "stomp/stomp_decoder.h"
#include "stomp/stomp_encoder.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    TEXT_BYTES_MAX = 1 << 20
};

static const struct stomp_limits limits[] = {
    {.line_bytes = 1024, .header_count = 20, .head_bytes = 4096, .body_bytes = 4096},
    {.line_bytes = 10, .header_count = 2, .head_bytes = 24, .body_bytes = 8},
};

/* Every field of every piece with its length, so that equal texts mean equal pieces. */
struct outcome {
    struct buf text;
    enum err e;
    enum stomp_fault fault;
};

static void put(struct buf *text, struct span bytes)
{
    if (buf_printf(text, "%zu:", bytes.len) != OK || buf_append(text, bytes) != OK) {
        abort(); /* TEXT_BYTES_MAX is more than any input of this size can become */
    }
}

static void put_frame(struct buf *text, const struct stomp_frame *frame)
{
    put(text, span_str(stomp_command_name(frame->command)));
    for (size_t i = 0; i < frame->header_count; i++) {
        put(text, frame->headers[i].name);
        put(text, frame->headers[i].value);
    }
    put(text, frame->body);
}

/* Whether the encoder can be asked for it. */
static bool is_written(enum stomp_version version, enum stomp_command command,
                       const struct stomp_header *header)
{
    enum stomp_version like = stomp_command_has_escapes(command) ? version : STOMP_VERSION_1_0;

    return !span_equals(header->name, "content-length") &&
           stomp_encoder_can_carry(like, header->name, header->value);
}

static enum err encode(struct buf *out, enum stomp_version version,
                       const struct stomp_frame *frame)
{
    struct stomp_encoder encoder;

    stomp_encoder_begin_in(&encoder, out, version, frame->command);
    for (size_t i = 0; i < frame->header_count; i++) {
        if (is_written(version, frame->command, &frame->headers[i])) {
            stomp_encoder_header(&encoder, frame->headers[i].name, frame->headers[i].value);
        }
    }
    return stomp_encoder_end(&encoder, frame->body);
}

static void check_header(const struct stomp_header *a, const struct stomp_header *b)
{
    assert(span_equal(a->name, b->name) && span_equal(a->value, b->value));
}

/* The same headers in the same order, of those that are written. */
static void check_frames(enum stomp_version version, const struct stomp_frame *a,
                         const struct stomp_frame *b)
{
    size_t at = 0;

    assert(a->command == b->command && span_equal(a->body, b->body));
    for (size_t i = 0; i < a->header_count; i++) {
        if (is_written(version, a->command, &a->headers[i])) {
            assert(at < b->header_count);
            check_header(&a->headers[i], &b->headers[at++]);
        }
    }
    assert(b->header_count == at + (stomp_command_has_body(a->command) ? 1 : 0));
}

static void check_back_to_back(enum stomp_version version, const struct stomp_frame *frame)
{
    static const struct stomp_limits roomy = {16384, 64, 65536, 16384};
    struct stomp_decoder decoder;
    struct stomp_piece piece;
    struct span input;
    struct buf out;
    enum err e;

    buf_init(&out, TEXT_BYTES_MAX);
    e = encode(&out, version, frame);
    assert(e == OK);
    input = buf_span(&out);
    stomp_decoder_init(&decoder, &roomy);
    stomp_decoder_set_version(&decoder, version);
    e = stomp_decoder_next(&decoder, &input, &piece);
    assert(e == OK && piece.type == STOMP_PIECE_FRAME && input.len == 0);
    check_frames(version, frame, &piece.frame);
    stomp_decoder_fini(&decoder);
    buf_fini(&out);
}

static void take_pieces(struct stomp_decoder *decoder, struct outcome *outcome,
                        struct span input, bool is_checked)
{
    struct stomp_piece piece;

    while ((outcome->e = stomp_decoder_next(decoder, &input, &piece)) == OK) {
        if (piece.type == STOMP_PIECE_EOL) {
            put(&outcome->text, SPAN("\n"));
            continue;
        }
        put_frame(&outcome->text, &piece.frame);
        if (is_checked) {
            check_back_to_back(decoder->version, &piece.frame);
        }
    }
    assert(outcome->e != ERR_AGAIN || input.len == 0);
}

/* In parts of `step` bytes, each a fresh copy on the heap, so that a step over its end is seen.
 */
static struct outcome decode(const struct stomp_limits *limit, enum stomp_version version,
                             struct span input, size_t step)
{
    struct outcome outcome = {.e = ERR_AGAIN};
    struct stomp_decoder decoder;

    buf_init(&outcome.text, TEXT_BYTES_MAX);
    stomp_decoder_init(&decoder, limit);
    stomp_decoder_set_version(&decoder, version);
    while (outcome.e == ERR_AGAIN && input.len > 0) {
        struct span part = span_head(input, step);
        uint8_t *copy = malloc(part.len);

        if (copy == NULL) {
            abort();
        }
        memcpy(copy, part.ptr, part.len);
        input = span_tail(input, part.len);
        take_pieces(&decoder, &outcome, span_of(copy, part.len), step == SIZE_MAX);
        free(copy);
    }
    assert(decoder.head.cap <= limit->head_bytes && decoder.body.cap <= limit->body_bytes);
    outcome.fault = stomp_decoder_fault(&decoder);
    assert((outcome.fault != STOMP_FAULT_NONE) ==
           (outcome.e == ERR_PROTO || outcome.e == ERR_LIMIT));
    stomp_decoder_fini(&decoder);
    return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct outcome whole, parts;
    const struct stomp_limits *limit;
    enum stomp_version version;
    struct span input;

    if (size < 2 || size > TEXT_BYTES_MAX / 16) {
        return 0;
    }
    limit = &limits[data[0] & 1];
    input = span_of(data + 2, size - 2);
    version = (enum stomp_version)(2 - data[0] / 2 % 3);
    whole = decode(limit, version, input, SIZE_MAX);
    parts = decode(limit, version, input, (size_t)data[1] + 1);
    assert(whole.e == parts.e && whole.fault == parts.fault);
    assert(span_equal(buf_span(&whole.text), buf_span(&parts.text)));
    buf_fini(&whole.text);
    buf_fini(&parts.text);
    return 0;
}
