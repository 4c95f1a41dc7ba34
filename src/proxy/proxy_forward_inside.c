/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_forward_inside.h"

#include "base/state.h"

#include <stdarg.h>
#include <stdio.h>

/* clang-format off */
#define TO(name) STATE_BIT(PROXY_FORWARD_INSIDE_##name)
static const struct state_rule rules[PROXY_FORWARD_INSIDE_STATES] = {
    [PROXY_FORWARD_INSIDE_AWAITING]  = {"awaiting",  TO(ANSWERING) | TO(SWITCHED) | TO(OVER)},
    [PROXY_FORWARD_INSIDE_ANSWERING] = {"answering", TO(ANSWERED) | TO(OVER)},
    [PROXY_FORWARD_INSIDE_ANSWERED]  = {"answered",  TO(OVER)},
    [PROXY_FORWARD_INSIDE_SWITCHED]  = {"switched",  TO(OVER)},
    [PROXY_FORWARD_INSIDE_OVER]      = {"over",      0},
};
#undef TO
/* clang-format on */

void proxy_forward_inside_move(struct proxy_forward *forward,
                               enum proxy_forward_inside_state next)
{
    bool may_move = state_may_move(rules, forward->state, next);

    assert(may_move);
    (void)may_move;
    forward->state = next;
}

void proxy_forward_inside_end(struct proxy_forward *forward, enum proxy_forward_outcome outcome,
                              uint16_t refusal, const char *format, ...)
{
    struct proxy_forward_result *result = &forward->result;
    va_list args;

    if (forward->state == PROXY_FORWARD_INSIDE_OVER) {
        return;
    }
    result->outcome = outcome;
    result->refusal = refusal;
    va_start(args, format);
    vsnprintf(result->why, sizeof result->why, format, args);
    va_end(args);
    proxy_forward_inside_move(forward, PROXY_FORWARD_INSIDE_OVER);
    loop_defer(forward->job.env->loop, &forward->again);
}

struct mspan proxy_forward_inside_room(const struct proxy_forward *forward)
{
    struct mspan scratch = forward->job.env->scratch;

    return mspan_of(scratch.ptr + HTTP1_CHUNK_BEGIN_BYTES,
                    scratch.len - HTTP1_CHUNK_BEGIN_BYTES - 2);
}

enum err proxy_forward_inside_gather(const struct proxy_forward *forward,
                                     struct http1_body_reader *reader, struct span *input,
                                     struct proxy_forward_inside_content *ret_content)
{
    struct proxy_forward_inside_content content = {
        .bytes = {proxy_forward_inside_room(forward).ptr, 0}};
    struct http1_body_reader_piece piece;
    enum err e;

    while ((e = http1_body_reader_next(reader, input, &piece)) == OK) {
        if (piece.type == HTTP1_BODY_READER_END) {
            content.has_ended = true;
            content.trailers = piece.trailers;
            break;
        }
        /* Content never grows, so it never overtakes what is still to be read. */
        memmove(content.bytes.ptr + content.bytes.len, piece.data.ptr, piece.data.len);
        content.bytes.len += piece.data.len;
    }
    if (e != OK && e != ERR_AGAIN) {
        return e;
    }
    *ret_content = content;
    return OK;
}

/* RFC 9112 7.1: chunk = chunk-size CRLF chunk-data CRLF, around content in the scratch room */
static struct span frame(struct mspan content)
{
    uint8_t begin[HTTP1_CHUNK_BEGIN_BYTES];
    size_t len = http1_chunk_put_begin(begin, content.len);

    memcpy(content.ptr - len, begin, len);
    memcpy(content.ptr + content.len, "\r\n", 2);
    return span_of(content.ptr - len, len + content.len + 2);
}

enum err proxy_forward_inside_put(struct proxy_forward_lane *lane,
                                  const struct proxy_forward_inside_content *content,
                                  enum http1_body_type framing)
{
    const bool is_chunked = framing == HTTP1_BODY_CHUNKED;

    if (content->bytes.len > 0) {
        TRY(proxy_forward_lane_put(lane, is_chunked ? frame(content->bytes)
                                                    : span_ro(content->bytes)));
    }
    if (is_chunked && content->has_ended && !lane->is_cut) {
        return http1_forward_put_trailers(content->trailers, &lane->tail);
    }
    return OK;
}
