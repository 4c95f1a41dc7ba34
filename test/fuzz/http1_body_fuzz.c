/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A body is read into the same content, the same trailers and the same end however the stream
 * is cut, and what is written of it again is read the same. The first byte of the input chooses
 * framing and limits, the second where the stream is cut.
 */
#include "base/buf.h"
#include "http1/http1_body_reader.h"
#include "http1/http1_forward.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    TEXT_BYTES_MAX = 1 << 20
};

static const struct http1_limits limits[] = {
    {.field_bytes = 1024, .field_count = 20, .head_bytes = 4096},
    {.field_bytes = 12, .field_count = 2, .head_bytes = 24},
};

struct outcome {
    struct buf content;
    struct buf trailers;
    size_t used;
    enum err e;
    bool has_ended;
    const char *why;
};

static void must(enum err e)
{
    if (e != OK) {
        abort(); /* TEXT_BYTES_MAX is more than any input of this size can become */
    }
}

static void take_pieces(struct http1_body_reader *reader, struct outcome *outcome,
                        struct span input)
{
    const size_t len = input.len;
    struct http1_body_reader_piece piece;

    while ((outcome->e = http1_body_reader_next(reader, &input, &piece)) == OK) {
        if (piece.type == HTTP1_BODY_READER_DATA) {
            assert(piece.data.len > 0 && !outcome->has_ended);
            must(buf_append(&outcome->content, piece.data));
        } else {
            assert(!outcome->has_ended);
            outcome->has_ended = true;
            must(http1_forward_put_trailers(piece.trailers, &outcome->trailers));
        }
    }
    outcome->used += len - input.len;
    assert(outcome->e != ERR_AGAIN || input.len == 0 || outcome->has_ended);
    assert(http1_body_reader_has_ended(reader) == outcome->has_ended);
}

/* In parts of `step` bytes, each a fresh copy on the heap, so that a step over its end is seen.
 */
static struct outcome read_body(struct http1_body body, const struct http1_limits *limit,
                                struct span input, size_t step)
{
    struct outcome outcome = {.e = ERR_AGAIN};
    struct http1_body_reader reader;

    buf_init(&outcome.content, TEXT_BYTES_MAX);
    buf_init(&outcome.trailers, TEXT_BYTES_MAX);
    http1_body_reader_init(&reader, &body, limit);
    while (outcome.e == ERR_AGAIN && !outcome.has_ended && input.len > 0) {
        struct span part = span_head(input, step);
        uint8_t *copy = malloc(part.len);

        if (copy == NULL) {
            abort();
        }
        memcpy(copy, part.ptr, part.len);
        input = span_tail(input, part.len);
        take_pieces(&reader, &outcome, span_of(copy, part.len));
        free(copy);
    }
    outcome.why = http1_body_reader_why(&reader);
    http1_body_reader_fini(&reader);
    return outcome;
}

static void outcome_fini(struct outcome *outcome)
{
    buf_fini(&outcome->content);
    buf_fini(&outcome->trailers);
}

static void check_same(const struct outcome *a, const struct outcome *b)
{
    assert(a->e == b->e && a->has_ended == b->has_ended && a->why == b->why);
    assert(span_equal(buf_span(&a->trailers), buf_span(&b->trailers)));
    /* A fault may be seen before or behind the content of the same part. */
    assert(span_equal(buf_span(&a->content), buf_span(&b->content)));
    assert(a->e != ERR_AGAIN || a->used == b->used);
}

static void check_written(const struct outcome *outcome)
{
    static const struct http1_limits roomy = {
        .field_bytes = 16384, .field_count = 64, .head_bytes = 65536};
    const struct http1_body body = {HTTP1_BODY_CHUNKED, 0};
    uint8_t begin[HTTP1_CHUNK_BEGIN_BYTES];
    struct outcome again;
    struct buf text;

    buf_init(&text, TEXT_BYTES_MAX);
    if (outcome->content.len > 0) {
        size_t len = http1_chunk_put_begin(begin, outcome->content.len);

        must(buf_append(&text, span_of(begin, len)));
        must(buf_append(&text, buf_span(&outcome->content)));
        must(buf_append(&text, SPAN("\r\n")));
    }
    must(buf_append(&text, buf_span(&outcome->trailers)));
    again = read_body(body, &roomy, buf_span(&text), SIZE_MAX);
    assert(again.has_ended && again.used == text.len);
    assert(span_equal(buf_span(&again.content), buf_span(&outcome->content)));
    assert(span_equal(buf_span(&again.trailers), buf_span(&outcome->trailers)));
    outcome_fini(&again);
    buf_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http1_body body = {.type = HTTP1_BODY_CHUNKED};
    const struct http1_limits *limit;
    struct outcome whole, parts;
    struct span input;

    if (size < 2 || size > TEXT_BYTES_MAX / 16) {
        return 0;
    }
    limit = &limits[data[0] & 1];
    if ((data[0] & 6) == 6) {
        body = (struct http1_body){HTTP1_BODY_LENGTH, (data[0] >> 3) + 1u};
    }
    input = span_of(data + 2, size - 2);
    whole = read_body(body, limit, input, SIZE_MAX);
    parts = read_body(body, limit, input, (size_t)data[1] + 1);
    check_same(&whole, &parts);
    if (whole.has_ended) {
        check_written(&whole);
    }
    outcome_fini(&whole);
    outcome_fini(&parts);
    return 0;
}
