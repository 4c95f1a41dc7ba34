/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Follows both sides of a tunnel twice, cut in two ways: the counts must be the same. What a
 * strict decoder takes without a fault must not lose the follower.
 *
 *   byte 0      bit 0: a proper handshake is sent first; bit 1: with permessage-deflate
 *   byte 1      length of the first parts, 0: byte by byte
 *   bytes 2, 3  how many of the rest are the client's
 */
#include "ws/ws_decoder.h"
#include "ws/ws_follow.h"

#include <stdlib.h>

enum {
    HAS_HANDSHAKE = 1,
    HAS_DEFLATE = 2,
    OPTION_BYTES = 4,
};

static const struct span request = SPAN_INIT(
    "GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: a, b\r\n\r\n");
static const struct span plain_answer =
    SPAN_INIT("HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
              "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
              "Sec-WebSocket-Protocol: b\r\n\r\n");
static const struct span deflate_answer =
    SPAN_INIT("HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
              "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
              "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n");

static void must(bool what)
{
    if (!what) {
        abort();
    }
}

/* As copies of exactly their size, so that a step over an end is seen. */
static void show(struct ws_follow *follow, enum ws_role sender, struct span bytes, size_t part)
{
    while (bytes.len > 0) {
        struct span piece = span_head(bytes, part);
        uint8_t *copy = malloc(piece.len);

        must(copy != NULL);
        memcpy(copy, piece.ptr, piece.len);
        ws_follow_bytes(follow, sender, span_of(copy, piece.len));
        must(memcmp(copy, piece.ptr, piece.len) == 0);
        free(copy);
        bytes = span_tail(bytes, piece.len);
    }
}

static void run(uint8_t options, struct span client, struct span server, size_t part,
                struct ws_follow *follow)
{
    ws_follow_init(follow);
    if ((options & HAS_HANDSHAKE) != 0) {
        show(follow, WS_CLIENT, request, part);
    }
    show(follow, WS_CLIENT, client, part);
    if ((options & HAS_HANDSHAKE) != 0) {
        show(follow, WS_SERVER, (options & HAS_DEFLATE) != 0 ? deflate_answer : plain_answer,
             part);
    }
    show(follow, WS_SERVER, server, part);
}

static bool same_text(const char *a, const char *b)
{
    return (a == NULL) == (b == NULL) && (a == NULL || strcmp(a, b) == 0);
}

static void must_be_the_same(const struct ws_follow *a, const struct ws_follow *b)
{
    for (int side = WS_CLIENT; side <= WS_SERVER; side++) {
        must(a->ways[side].messages == b->ways[side].messages);
        must(a->ways[side].payload_bytes == b->ways[side].payload_bytes);
        must(a->ways[side].controls == b->ways[side].controls);
        must(a->ways[side].has_closed == b->ways[side].has_closed);
    }
    must(same_text(a->path, b->path) && same_text(a->protocol, b->protocol));
    must(a->state == b->state && a->loss == b->loss && a->fault == b->fault);
    must(a->status == b->status && a->close_code == b->close_code);
    must(a->closer == b->closer && a->reason_len == b->reason_len);
    must(a->has_chosen == b->has_chosen && a->has_deflate == b->has_deflate);
}

/* Counts frames with the decoder that endpoints use; false when it finds a fault. */
static bool decode(enum ws_role sender, struct span bytes, uint64_t *ret_controls)
{
    uint8_t *copy = malloc(bytes.len + 1);
    struct mspan input = mspan_of(copy, bytes.len);
    struct ws_decoder decoder;
    struct ws_piece piece;
    enum err e;

    must(copy != NULL);
    memcpy(copy, bytes.ptr, bytes.len);
    ws_decoder_init(&decoder, sender == WS_CLIENT ? WS_SERVER : WS_CLIENT);
    *ret_controls = 0;
    while ((e = ws_decoder_next(&decoder, &input, &piece)) == OK) {
        if (piece.type == WS_FRAME_END && piece.opcode == WS_OPCODE_CLOSE) {
            break;
        }
        *ret_controls += piece.type == WS_FRAME_END && ws_opcode_is_control(piece.opcode);
    }
    free(copy);
    return e != ERR_PROTO;
}

static void the_decoder_agrees(const struct ws_follow *follow, struct span client,
                               struct span server)
{
    uint64_t up = 0;
    uint64_t down = 0;

    if (follow->state != WS_FOLLOW_FRAMES || follow->has_extension || client.len == 0 ||
        server.len == 0) {
        return;
    }
    if (decode(WS_CLIENT, client, &up) && decode(WS_SERVER, server, &down)) {
        must(up == follow->ways[WS_CLIENT].controls);
        must(down == follow->ways[WS_SERVER].controls);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ws_follow whole;
    struct ws_follow parts;
    struct span client;
    struct span server;

    if (size < OPTION_BYTES || size > 100000) {
        return 0;
    }
    server = span_tail(span_of(data, size), OPTION_BYTES);
    client = span_head(server, (size_t)data[2] << 8 | data[3]);
    server = span_tail(server, client.len);

    run(data[0], client, server, SIZE_MAX, &whole);
    run(data[0], client, server, data[1] == 0 ? 1 : data[1], &parts);
    must_be_the_same(&whole, &parts);
    if ((data[0] & HAS_HANDSHAKE) != 0) {
        the_decoder_agrees(&whole, client, server);
    }
    ws_follow_fini(&whole);
    ws_follow_fini(&parts);
    return 0;
}
