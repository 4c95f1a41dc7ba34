/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "ws/ws_deflate.h"

#include "base/text.h"
#include "ws/ws_frame.h"

#define ZLIB_CONST
#include <stdlib.h>
#include <zlib.h>

enum {
    WINDOW_BITS = 15, /* of both directions: zlib's largest, which reads all smaller ones */
    WINDOW_BITS_MIN = 8,
    RAW = -1, /* times WINDOW_BITS: deflate without zlib's head and sum */
    MEMORY_LEVEL = 8,
    PORTION_BYTES = 8 * 1024, /* of output, at once */
    BLOCK_END = 128,          /* zlib.h: data_type "plus 128 if inflate() returned immediately
                                 after decoding an end-of-block code" */
};

/* RFC 7692 7.2.1: a sender removes, and 7.2.2: a receiver appends these. */
static const uint8_t tail[] = {0x00, 0x00, 0xff, 0xff};

/* Ours, so that tests can let them fail. */
static void *z_alloc(void *ctx, uInt count, uInt bytes)
{
    (void)ctx;
    return calloc(count, bytes);
}

static void z_free(void *ctx, void *room)
{
    (void)ctx;
    free(room);
}

/* ---- the agreement ---- */

/* Up to `end`, which may stand inside a quoted string. Moves *list behind it. */
static struct span take_part(struct span *list, char end)
{
    bool is_quoted = false;
    size_t len = 0;
    struct span part;

    while (len < list->len && (is_quoted || list->ptr[len] != (uint8_t)end)) {
        if (list->ptr[len] == '\\' && is_quoted && len + 1 < list->len) {
            len++;
        } else if (list->ptr[len] == '"') {
            is_quoted = !is_quoted;
        }
        len++;
    }
    part = span_trim(span_head(*list, len));
    *list = span_tail(*list, len < list->len ? len + 1 : len);
    return part;
}

/* RFC 7692 7.1.2: "a decimal integer value without leading zeroes between 8 to 15 inclusive".
 * RFC 6455 9.1 lets any value be quoted. */
static bool read_bits(struct span value, uint64_t *ret_bits)
{
    if (value.len >= 2 && value.ptr[0] == '"' && value.ptr[value.len - 1] == '"') {
        value = span_head(span_tail(value, 1), value.len - 2);
    }
    return value.len > 0 && value.ptr[0] != '0' && text_u64(value, WINDOW_BITS, ret_bits) &&
           *ret_bits >= WINDOW_BITS_MIN;
}

enum param {
    SERVER_NO_CONTEXT = 1u << 0,
    CLIENT_NO_CONTEXT = 1u << 1,
    SERVER_BITS = 1u << 2,
    CLIENT_BITS = 1u << 3,
};

/* RFC 7692 7.1: an offer is declined that has "an extension parameter not defined for use in an
 * offer", one "with an invalid value", or "multiple extension parameters with the same name".
 */
static bool read_param(struct span param, unsigned *seen)
{
    static const struct {
        const char *name;
        enum param param;
    } params[] = {
        {"server_no_context_takeover", SERVER_NO_CONTEXT},
        {"client_no_context_takeover", CLIENT_NO_CONTEXT},
        {"server_max_window_bits", SERVER_BITS},
        {"client_max_window_bits", CLIENT_BITS},
    };
    size_t equals = span_find(param, '=');
    struct span name = span_trim(span_head(param, equals));
    bool has_value = equals < param.len;
    struct span value = has_value ? span_trim(span_tail(param, equals + 1)) : span_of(NULL, 0);
    uint64_t bits;

    for (size_t i = 0; i < sizeof params / sizeof params[0]; i++) {
        if (!span_equals_nocase(name, params[i].name)) {
            continue;
        }
        if ((*seen & params[i].param) != 0) {
            return false;
        }
        *seen |= params[i].param;
        switch (params[i].param) {
        case SERVER_NO_CONTEXT:
        case CLIENT_NO_CONTEXT: return !has_value;
        /* 7.1.2.1: our window "MUST NOT" be larger than the value, and messages are compressed
         * once for everybody. */
        case SERVER_BITS: return has_value && read_bits(value, &bits) && bits == WINDOW_BITS;
        case CLIENT_BITS: return !has_value || read_bits(value, &bits);
        }
    }
    return false;
}

static bool read_offer(struct span element, struct ws_deflate_offer *offer)
{
    struct span name = take_part(&element, ';');
    unsigned seen = 0;

    if (!span_equals_nocase(name, "permessage-deflate")) {
        return false;
    }
    while (element.len > 0) {
        if (!read_param(take_part(&element, ';'), &seen)) {
            return false;
        }
    }
    *offer = (struct ws_deflate_offer){
        .is_taken = true,
        .names_server_bits = (seen & SERVER_BITS) != 0,
    };
    return true;
}

void ws_deflate_read_offers(struct span value, struct ws_deflate_offer *offer)
{
    while (!offer->is_taken && value.len > 0) {
        read_offer(take_part(&value, ','), offer);
    }
}

enum err ws_deflate_put_answer(const struct ws_deflate_offer *offer, struct buf *out)
{
    assert(offer->is_taken);
    /* 7.1.1.1: the server may say server_no_context_takeover unasked; 7.1.1.2: and
     * client_no_context_takeover, which the client then has to keep to. */
    return buf_printf(out,
                      "Sec-WebSocket-Extensions: permessage-deflate; "
                      "server_no_context_takeover; client_no_context_takeover%s\r\n",
                      offer->names_server_bits ? "; server_max_window_bits=15" : "");
}

/* ---- out ---- */

struct ws_deflate_out {
    z_stream z;
};

enum err ws_deflate_out_new(struct ws_deflate_out **ret_deflater)
{
    struct ws_deflate_out *deflater = calloc(1, sizeof *deflater);

    if (deflater == NULL) {
        return ERR_NOMEM;
    }
    deflater->z.zalloc = z_alloc;
    deflater->z.zfree = z_free;
    if (deflateInit2(&deflater->z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, RAW * WINDOW_BITS,
                     MEMORY_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK) {
        free(deflater);
        return ERR_NOMEM;
    }
    *ret_deflater = deflater;
    return OK;
}

void ws_deflate_out_free(struct ws_deflate_out *deflater)
{
    if (deflater != NULL) {
        deflateEnd(&deflater->z);
        free(deflater);
    }
}

/* The length of the compressed message; 0: it would not fit into the room. */
static size_t compress_into(struct ws_deflate_out *deflater, struct span payload,
                            struct mspan room)
{
    z_stream *z = &deflater->z;
    int result = deflateReset(z);

    assert(result == Z_OK);
    z->next_in = payload.ptr;
    z->avail_in = (uInt)payload.len;
    z->next_out = room.ptr;
    z->avail_out = (uInt)room.len;
    /* RFC 7692 7.2.1: compress, end with an empty block without compression if there is none,
     * which a flush writes, and remove its last four bytes. */
    result = deflate(z, Z_SYNC_FLUSH);
    assert(result == Z_OK || result == Z_BUF_ERROR);
    return z->avail_out == 0 ? 0 : room.len - z->avail_out - sizeof tail;
}

static enum err put_plain(uint8_t opcode, struct span payload, struct buf *out)
{
    const struct ws_frame frame = {.fin = true, .opcode = opcode};

    return ws_frame_put(&frame, payload, out);
}

enum err ws_deflate_out_put(struct ws_deflate_out *deflater, uint8_t opcode,
                            struct span payload, struct buf *out)
{
    struct ws_frame frame = {.fin = true, .compressed = true, .opcode = opcode};
    size_t room_bytes = WS_FRAME_HEAD_MAX + payload.len + sizeof tail;
    uint8_t head[WS_FRAME_HEAD_MAX];
    struct mspan room;
    size_t head_len;
    size_t len;
    enum err e;

    if (payload.len < WS_DEFLATE_BYTES_MIN || payload.len > INT32_MAX) {
        return put_plain(opcode, payload, out);
    }
    e = buf_reserve(out, room_bytes, &room);
    if (e != OK) {
        return e == ERR_LIMIT ? put_plain(opcode, payload, out) : e;
    }
    len = compress_into(deflater, payload,
                        mspan_of(room.ptr + WS_FRAME_HEAD_MAX, room_bytes - WS_FRAME_HEAD_MAX));
    if (len == 0 || len >= payload.len) {
        return put_plain(opcode, payload, out);
    }
    frame.payload_len = len;
    head_len = ws_frame_encode(&frame, head);
    memcpy(room.ptr, head, head_len);
    memmove(room.ptr + head_len, room.ptr + WS_FRAME_HEAD_MAX, len);
    buf_commit(out, head_len + len);
    return OK;
}

/* ---- in ---- */

struct ws_deflate_in {
    z_stream z;
    bool has_more;   /* the last portion was full: there may be another one */
    bool is_broken;  /* to be told after what came out before */
    size_t tail_len; /* how much of the tail has gone in */
    uint8_t portion[PORTION_BYTES];
};

enum err ws_deflate_in_new(struct ws_deflate_in **ret_inflater)
{
    struct ws_deflate_in *inflater = calloc(1, sizeof *inflater);

    static_assert(sizeof *inflater + 44 * 1024 < WS_DEFLATE_IN_BYTES,
                  "zlib.h: 32 KiB and 7 more");
    if (inflater == NULL) {
        return ERR_NOMEM;
    }
    inflater->z.zalloc = z_alloc;
    inflater->z.zfree = z_free;
    if (inflateInit2(&inflater->z, RAW * WINDOW_BITS) != Z_OK) {
        free(inflater);
        return ERR_NOMEM;
    }
    *ret_inflater = inflater;
    return OK;
}

void ws_deflate_in_free(struct ws_deflate_in *inflater)
{
    if (inflater != NULL) {
        inflateEnd(&inflater->z);
        free(inflater);
    }
}

/* One call of zlib's: moves *input, and returns how many bytes are in the portion. */
static enum err step(struct ws_deflate_in *inflater, struct span *input, size_t *ret_len)
{
    z_stream *z = &inflater->z;
    uInt given = input->len > INT32_MAX ? INT32_MAX : (uInt)input->len;
    int result;

    z->next_in = input->ptr;
    z->avail_in = given;
    z->next_out = inflater->portion;
    z->avail_out = PORTION_BYTES;
    result = inflate(z, Z_SYNC_FLUSH);
    *input = span_tail(*input, given - z->avail_in);
    *ret_len = PORTION_BYTES - z->avail_out;
    inflater->has_more = z->avail_out == 0;
    if (result == Z_STREAM_END) {
        /* RFC 7692 7.2.3.4: a block with BFINAL set may end the data, or others follow. */
        result = inflateReset(z);
        inflater->has_more = input->len > 0;
    }
    if (result == Z_MEM_ERROR) {
        return ERR_NOMEM;
    }
    inflater->is_broken = result != Z_OK && result != Z_BUF_ERROR;
    return OK;
}

enum err ws_deflate_in_next(struct ws_deflate_in *inflater, struct span *input,
                            struct span *ret_output)
{
    while (!inflater->is_broken && (inflater->has_more || input->len > 0)) {
        size_t len;

        TRY(step(inflater, input, &len));
        if (len > 0) {
            *ret_output = span_of(inflater->portion, len);
            return OK;
        }
    }
    return inflater->is_broken ? ERR_PROTO : ERR_AGAIN;
}

enum err ws_deflate_in_finish(struct ws_deflate_in *inflater, struct span *ret_output)
{
    struct span rest = span_of(tail + inflater->tail_len, sizeof tail - inflater->tail_len);
    enum err e = ws_deflate_in_next(inflater, &rest, ret_output);

    inflater->tail_len = sizeof tail - rest.len;
    if (e == ERR_AGAIN && (inflater->z.data_type & BLOCK_END) == 0) {
        return ERR_PROTO; /* cut off inside a block */
    }
    return e;
}
