/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A client that sends anything. Promises that are held against it: what was accepted comes out
 * as UTF-8, and what we write of it is read again as the same.
 */
#include "base/utf8.h"
#include "sockjs/sockjs_frame.h"
#include "sockjs/sockjs_messages.h"
#include "sockjs/sockjs_path.h"

#include <stdlib.h>

static void must(bool is_true)
{
    if (!is_true) {
        abort();
    }
}

static void comes_back(struct span message)
{
    struct sockjs_messages messages;
    struct buf frame, again;

    buf_init(&frame, 1u << 20);
    buf_init(&again, 1u << 20);
    must(sockjs_frame_put_message(SOCKJS_FRAME_WEBSOCKET, message, &frame) == OK);
    must(frame.len <= message.len * SOCKJS_FRAME_ESCAPED_MAX + SOCKJS_FRAME_WRAP_BYTES);
    must(sockjs_messages_begin(&messages, span_tail(buf_span(&frame), 1)) == OK);
    must(sockjs_messages_next(&messages, &again) == OK);
    must(span_equal(buf_span(&again), message));
    must(sockjs_messages_next(&messages, &again) == ERR_AGAIN);
    buf_fini(&frame);
    buf_fini(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sockjs_messages messages;
    struct buf out;

    if (size > 10000) {
        return 0;
    }
    (void)sockjs_path_read(span_of(data, size));
    buf_init(&out, 1u << 20);
    if (sockjs_messages_begin(&messages, span_of(data, size)) == OK) {
        while (sockjs_messages_next(&messages, &out) == OK) {
            must(utf8_is_valid(buf_span(&out)));
            comes_back(buf_span(&out));
            buf_truncate(&out, 0);
        }
    }
    buf_fini(&out);
    return 0;
}
