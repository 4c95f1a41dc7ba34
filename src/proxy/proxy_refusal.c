/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_refusal.h"

#include "http1/http1_write.h"

#include <stdarg.h>
#include <stdio.h>

enum {
    FIELD_BYTES_MAX = 1024
};

void proxy_refusal_set(struct proxy_refusal *refusal, uint16_t status,
                       enum http1_proxy_status error, const char *format, ...)
{
    va_list args;

    refusal->status = status;
    refusal->error = error;
    va_start(args, format);
    vsnprintf(refusal->text, sizeof refusal->text, format, args);
    va_end(args);
}

static enum err write_answer(const struct proxy_refusal *refusal,
                             const struct proxy_refusal_frame *frame, struct span proxy_status,
                             struct buf *out)
{
    char body[PROXY_REFUSAL_TEXT_BYTES + 32];
    int len = snprintf(body, sizeof body, "wayleave: %s.\n", refusal->text);
    struct http1_field fields[3 + PROXY_REFUSAL_MORE_MAX];
    struct http1_fields more = {.ptr = fields};

    fields[more.count++] = (struct http1_field){SPAN("Proxy-Status"), proxy_status};
    if (frame->via.len > 0) {
        fields[more.count++] = (struct http1_field){SPAN("Via"), frame->via};
    }
    if (refusal->status == 405) { /* RFC 9110 15.5.6: MUST generate an Allow field */
        fields[more.count++] = (struct http1_field){SPAN("Allow"), SPAN("CONNECT, GET, HEAD")};
    }
    assert(frame->more.count <= PROXY_REFUSAL_MORE_MAX);
    for (size_t i = 0; i < frame->more.count; i++) {
        fields[more.count++] = frame->more.ptr[i];
    }
    const struct http1_response response = {
        .status = refusal->status,
        .date = frame->date,
        .more = more,
        .body = span_of(body, (size_t)len),
        .is_to_head = frame->is_to_head,
        .closes = frame->closes,
    };

    return http1_write_response(out, &response);
}

enum err proxy_refusal_write(const struct proxy_refusal *refusal,
                             const struct proxy_refusal_frame *frame, struct buf *out)
{
    struct buf field;
    enum err e;

    buf_init(&field, FIELD_BYTES_MAX);
    e = http1_proxy_status_write(&field, SPAN("wayleave"), refusal->error,
                                 span_str(refusal->text));
    if (e == OK) {
        e = write_answer(refusal, frame, buf_span(&field), out);
    }
    buf_fini(&field);
    return e;
}
