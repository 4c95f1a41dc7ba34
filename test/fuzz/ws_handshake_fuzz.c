/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Header fields that say anything. Byte 0: bit 0, who reads them: a server, or a client that
 * has asked; bits 1 and 2, the first line's facts. The rest is lines "name:value".
 *
 * Promises that are held against it: a verdict comes, a verdict that is good can be answered,
 * and a client takes that answer.
 */
#include "ws/ws_handshake.h"

#include <stdlib.h>

static const struct span ours[] = {
    {(const uint8_t *)"v12.stomp", 9},
    {(const uint8_t *)"a", 1},
};
static const struct ws_handshake_protocols protocols = {ours, 2};

typedef void take_field(void *ctx, struct span name, struct span value);

static void must(bool is_true)
{
    if (!is_true) {
        abort();
    }
}

static void each_field(struct span text, take_field *take, void *ctx)
{
    while (text.len > 0) {
        size_t end = span_find(text, '\n');
        struct span line = span_head(text, end);
        size_t colon = span_find(line, ':');

        text = span_tail(text, end < text.len ? end + 1 : end);
        if (line.len > 0 && line.ptr[line.len - 1] == '\r') {
            line.len--;
        }
        if (colon < line.len) {
            take(ctx, span_head(line, colon), span_tail(line, colon + 1));
        }
    }
}

static void to_server(void *ctx, struct span name, struct span value)
{
    ws_handshake_request_field(ctx, name, value);
}

static void to_client(void *ctx, struct span name, struct span value)
{
    ws_handshake_answer_field(ctx, name, value);
}

static void client_takes(const struct ws_handshake_request *request, struct span head)
{
    struct ws_handshake_answer answer = {.offered = protocols};
    enum ws_handshake_fault fault;

    memcpy(answer.key, request->key.ptr, WS_HANDSHAKE_KEY_CHARS);
    ws_handshake_answer_status(&answer, 101);
    each_field(head, to_client, &answer);
    must(ws_handshake_answer_check(&answer, &fault) == OK);
    /* Ours offer no extension. */
    must(fault ==
         (request->deflate.is_taken ? WS_HANDSHAKE_FAULT_EXTENSION : WS_HANDSHAKE_FAULT_NONE));
    must(request->deflate.is_taken || span_equal(answer.protocol, request->protocol));
}

static void ask_server(uint8_t options, struct span fields)
{
    struct ws_handshake_request request;
    enum ws_handshake_fault fault;
    struct buf out;

    ws_handshake_request_init(&request, (options & 2) != 0 ? SPAN("HEAD") : SPAN("GET"),
                              (options & 4) == 0, protocols);
    request.takes_deflate = (options & 8) != 0;
    each_field(fields, to_server, &request);
    fault = ws_handshake_request_check(&request);

    buf_init(&out, 1000);
    if (fault == WS_HANDSHAKE_FAULT_NONE) {
        must(ws_handshake_put_switch(&request, SPAN("X: y\r\n"), &out) == OK);
        client_takes(&request, buf_span(&out));
    } else {
        must(ws_handshake_put_refusal(fault, &out) == OK);
    }
    buf_fini(&out);
}

static void answer_client(uint8_t options, struct span fields)
{
    const struct ws_handshake_target target = {
        .host = SPAN("h"), .path = SPAN("/"), .protocols = protocols};
    struct ws_handshake_answer answer;
    struct rng rng = rng_seeded(1); /* the same key each time: it is in the corpus */
    enum ws_handshake_fault fault;
    struct buf out;

    buf_init(&out, 1000);
    must(ws_handshake_put_request(&target, &rng, &out, &answer) == OK);
    buf_fini(&out);
    ws_handshake_answer_status(&answer, (options & 2) != 0 ? 200 : 101);
    each_field(fields, to_client, &answer);
    must(ws_handshake_answer_check(&answer, &fault) == OK);
    must(ws_handshake_fault_text(fault) != NULL);
}

/* A target that is not refused makes a request that is a request and nothing else. */
static void ask_for(struct span path)
{
    const struct ws_handshake_target target = {.host = SPAN("h"), .path = path};
    struct ws_handshake_answer answer;
    struct ws_handshake_request request;
    struct rng rng = rng_seeded(1);
    struct buf out;

    buf_init(&out, 100000);
    if (ws_handshake_put_request(&target, &rng, &out, &answer) == OK) {
        ws_handshake_request_init(&request, SPAN("GET"), true, protocols);
        each_field(span_tail(buf_span(&out), 4 + path.len), to_server, &request);
        must(ws_handshake_request_check(&request) == WS_HANDSHAKE_FAULT_NONE);
        must(span_equals(request.host, "h"));
    }
    buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > 10000) {
        return 0;
    }
    if ((data[0] & 1) != 0) {
        answer_client(data[0], span_of(data + 1, size - 1));
    } else {
        ask_server(data[0], span_of(data + 1, size - 1));
    }
    ask_for(span_of(data + 1, size - 1));
    return 0;
}
