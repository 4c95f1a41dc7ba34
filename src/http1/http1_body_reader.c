/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "http1/http1_body_reader.h"

#include "base/state.h"

enum reader_state {
    READER_CONTENT,
    READER_TRAILER, /* behind the last chunk's line */
    READER_DONE,    /* END is due */
    READER_ENDED,
    READER_STATES,
};

/* clang-format off */
static const struct state_rule rules[READER_STATES] = {
    [READER_CONTENT] = {"content", STATE_BIT(READER_TRAILER) | STATE_BIT(READER_DONE) | STATE_BIT(READER_ENDED)},
    [READER_TRAILER] = {"trailer", STATE_BIT(READER_DONE) | STATE_BIT(READER_ENDED)},
    [READER_DONE]    = {"done",    STATE_BIT(READER_ENDED)},
    [READER_ENDED]   = {"ended",   0},
};

/* RFC 9110 6.5.1: a sender MUST NOT generate a trailer field unless its definition permits it;
 * what frames, routes, asks conditionally, logs in or says how to read the content would come
 * too late or past somebody's checks. */
static const struct span banned[] = {
    SPAN_INIT("age"), SPAN_INIT("authorization"), SPAN_INIT("cache-control"),
    SPAN_INIT("connection"), SPAN_INIT("content-encoding"), SPAN_INIT("content-length"),
    SPAN_INIT("content-location"), SPAN_INIT("content-range"), SPAN_INIT("content-type"),
    SPAN_INIT("cookie"), SPAN_INIT("date"), SPAN_INIT("expect"), SPAN_INIT("expires"),
    SPAN_INIT("forwarded"), SPAN_INIT("host"), SPAN_INIT("if-match"),
    SPAN_INIT("if-modified-since"), SPAN_INIT("if-none-match"), SPAN_INIT("if-range"),
    SPAN_INIT("if-unmodified-since"), SPAN_INIT("keep-alive"), SPAN_INIT("location"),
    SPAN_INIT("max-forwards"), SPAN_INIT("origin"), SPAN_INIT("pragma"),
    SPAN_INIT("proxy-authenticate"), SPAN_INIT("proxy-authentication-info"),
    SPAN_INIT("proxy-authorization"), SPAN_INIT("proxy-connection"), SPAN_INIT("range"),
    SPAN_INIT("retry-after"), SPAN_INIT("set-cookie"), SPAN_INIT("te"), SPAN_INIT("trailer"),
    SPAN_INIT("transfer-encoding"), SPAN_INIT("upgrade"), SPAN_INIT("vary"), SPAN_INIT("via"),
    SPAN_INIT("warning"), SPAN_INIT("www-authenticate"),
};
/* clang-format on */

static void reader_move(struct http1_body_reader *reader, enum reader_state next)
{
    bool may_move = state_may_move(rules, reader->state, next);

    assert(may_move);
    (void)may_move;
    reader->state = next;
}

static enum err end(struct http1_body_reader *reader, enum err e)
{
    reader_move(reader, READER_ENDED);
    reader->ended = e;
    return e;
}

void http1_body_reader_init(struct http1_body_reader *reader, const struct http1_body *body,
                            const struct http1_limits *trailer_limits)
{
    static const struct span first = SPAN_INIT("HTTP/1.1 200\r\n");
    struct http1_limits limits = *trailer_limits;

    *reader = (struct http1_body_reader){.body = *body, .left = body->length};
    reader->state = body->type == HTTP1_BODY_NONE ? READER_DONE : READER_CONTENT;
    http1_chunk_init(&reader->chunk);
    /* A trailer section is a head without its first line (RFC 9112 7.1.2): it is read as a head
     * whose first line we put there, and so checked like one. */
    limits.line_bytes = first.len;
    limits.head_bytes += first.len;
    http1_head_init(&reader->trailer, HTTP1_RESPONSE, &limits);
}

void http1_body_reader_fini(struct http1_body_reader *reader)
{
    http1_head_fini(&reader->trailer);
}

static enum err read_length(struct http1_body_reader *reader, struct span *input,
                            struct span *ret_data)
{
    struct span data =
        span_head(*input, reader->left < input->len ? (size_t)reader->left : input->len);

    *input = span_tail(*input, data.len);
    reader->left -= data.len;
    if (reader->left == 0) {
        reader_move(reader, READER_DONE);
    }
    *ret_data = data;
    return OK;
}

/* OK with data; with none, the trailer section begins. */
static enum err read_chunks(struct http1_body_reader *reader, struct span *input,
                            struct span *ret_data)
{
    struct span first = SPAN("HTTP/1.1 200\r\n");
    struct span data;
    enum err e = http1_chunk_next(&reader->chunk, input, &data);

    if (e == ERR_PROTO) {
        return end(reader, e);
    }
    TRY(e);
    if (data.len == 0) {
        e = http1_head_next(&reader->trailer, &first);
        if (e != ERR_AGAIN) {
            return end(reader, e); /* out of memory */
        }
        reader_move(reader, READER_TRAILER);
    }
    *ret_data = data;
    return OK;
}

static enum err read_content(struct http1_body_reader *reader, struct span *input,
                             struct span *ret_data)
{
    if (input->len == 0) {
        return ERR_AGAIN;
    }
    switch (reader->body.type) {
    case HTTP1_BODY_LENGTH: return read_length(reader, input, ret_data);
    case HTTP1_BODY_CHUNKED: return read_chunks(reader, input, ret_data);
    case HTTP1_BODY_NONE:
    case HTTP1_BODY_UNTIL_CLOSE: break;
    }
    *ret_data = *input;
    *input = span_tail(*input, input->len);
    return OK;
}

static bool is_banned(struct span name)
{
    for (size_t i = 0; i < sizeof banned / sizeof banned[0]; i++) {
        if (span_equal_nocase(name, banned[i])) {
            return true;
        }
    }
    return false;
}

/* RFC 9110 6.5.2: what is not known to be a trailer field may be dropped, and must not be
 * merged into the head. */
static void sift_trailers(struct http1_head *trailer)
{
    size_t kept = 0;

    for (size_t i = 0; i < trailer->fields.count; i++) {
        if (!is_banned(trailer->field_table[i].name)) {
            trailer->field_table[kept++] = trailer->field_table[i];
        }
    }
    trailer->fields.count = kept;
}

static enum err read_trailer(struct http1_body_reader *reader, struct span *input)
{
    enum err e = http1_head_next(&reader->trailer, input);

    if (e == ERR_AGAIN) {
        return e;
    }
    if (e != OK) {
        return end(reader, e);
    }
    sift_trailers(&reader->trailer);
    reader_move(reader, READER_DONE);
    return OK;
}

enum err http1_body_reader_next(struct http1_body_reader *reader, struct span *input,
                                struct http1_body_reader_piece *ret_piece)
{
    struct span data = {0};

    if (reader->state == READER_CONTENT) {
        TRY(read_content(reader, input, &data));
        if (data.len > 0) {
            *ret_piece =
                (struct http1_body_reader_piece){.type = HTTP1_BODY_READER_DATA, .data = data};
            return OK;
        }
    }
    if (reader->state == READER_TRAILER) {
        TRY(read_trailer(reader, input));
    }
    if (reader->state == READER_DONE) {
        *ret_piece = (struct http1_body_reader_piece){.type = HTTP1_BODY_READER_END,
                                                      .trailers = reader->trailer.fields};
        (void)end(reader, ERR_AGAIN);
        return OK;
    }
    return reader->ended;
}

bool http1_body_reader_has_ended(const struct http1_body_reader *reader)
{
    return reader->state == READER_ENDED && reader->ended == ERR_AGAIN;
}

bool http1_body_reader_may_close(const struct http1_body_reader *reader)
{
    return reader->body.type == HTTP1_BODY_UNTIL_CLOSE || http1_body_reader_has_ended(reader);
}

const char *http1_body_reader_why(const struct http1_body_reader *reader)
{
    enum http1_chunk_fault fault = http1_chunk_fault(&reader->chunk);

    return fault != HTTP1_CHUNK_FAULT_NONE
               ? http1_chunk_fault_text(fault)
               : http1_fault_text(http1_head_fault(&reader->trailer));
}

uint16_t http1_body_reader_status(const struct http1_body_reader *reader)
{
    enum http1_chunk_fault fault = http1_chunk_fault(&reader->chunk);

    return fault != HTTP1_CHUNK_FAULT_NONE
               ? http1_chunk_fault_status(fault)
               : http1_fault_status(http1_head_fault(&reader->trailer));
}
