/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A head reads the same however it is cut. The first byte of the input chooses the kind of head
 * and the limits, the second where the stream is cut.
 */
#include "http1/http1_head.h"

#include "http1/http1_body.h"
#include "http1/http1_host.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct http1_limits limits[] = {
    {.line_bytes = 2048, .field_bytes = 2048, .field_count = 20, .head_bytes = 8192},
    {.line_bytes = 20, .field_bytes = 16, .field_count = 2, .head_bytes = 60},
};

struct outcome {
    struct http1_head head;
    enum err e;
    size_t rest; /* bytes that were left alone */
};

/* Each part is a fresh copy on the heap, so that a step over its end is seen. */
static enum err feed(struct http1_head *head, struct span part, size_t *rest)
{
    uint8_t *copy = malloc(part.len == 0 ? 1 : part.len);
    struct span input = span_of(copy, part.len);
    enum err e;

    if (copy == NULL) {
        abort();
    }
    if (part.len > 0) {
        memcpy(copy, part.ptr, part.len);
    }
    e = http1_head_next(head, &input);
    assert(e != ERR_AGAIN || input.len == 0);
    assert((head->fault != HTTP1_FAULT_NONE) == (e == ERR_PROTO || e == ERR_LIMIT));
    *rest = input.len;
    free(copy);
    return e;
}

/* In parts of `step` bytes. */
static struct outcome read_in_parts(enum http1_head_kind kind, const struct http1_limits *limit,
                                    struct span input, size_t step)
{
    struct outcome outcome = {.e = ERR_AGAIN};

    http1_head_init(&outcome.head, kind, limit);
    while (outcome.e == ERR_AGAIN && input.len > 0) {
        struct span part = span_head(input, step);

        input = span_tail(input, part.len);
        outcome.e = feed(&outcome.head, part, &outcome.rest);
        outcome.rest += input.len;
    }
    assert(outcome.head.bytes.cap <= limit->head_bytes);
    return outcome;
}

static void assert_same(const struct outcome *a, const struct outcome *b)
{
    assert(a->e == b->e);
    assert(a->head.fault == b->head.fault);
    if (a->e != OK) {
        return;
    }
    assert(a->rest == b->rest);
    assert(a->head.status == b->head.status);
    assert(a->head.version_minor == b->head.version_minor);
    assert(span_equal(a->head.method, b->head.method));
    assert(span_equal(a->head.target, b->head.target));
    assert(span_equal(a->head.reason, b->head.reason));
    assert(a->head.fields.count == b->head.fields.count);
    for (size_t i = 0; i < a->head.fields.count; i++) {
        assert(span_equal(a->head.fields.ptr[i].name, b->head.fields.ptr[i].name));
        assert(span_equal(a->head.fields.ptr[i].value, b->head.fields.ptr[i].value));
    }
}

/* What is done with a head next must not stumble over it. */
static void use(const struct http1_head *head)
{
    struct http1_fields_list list = http1_fields_list(head->fields, SPAN("connection"));
    struct http1_authority host;
    struct http1_body body;
    enum http1_fault fault;
    struct span item;

    while (http1_fields_list_next(&list, &item)) {
        assert(item.len > 0);
    }
    if (http1_body_of_request(head->fields, head->version_minor, &body, &fault) != OK) {
        assert(fault != HTTP1_FAULT_NONE);
    }
    if (http1_host_of_request(head->fields, head->version_minor, &host, &fault) != OK) {
        assert(fault != HTTP1_FAULT_NONE);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct outcome whole, parts;
    enum http1_head_kind kind;
    const struct http1_limits *limit;
    struct span input;

    if (size < 2) {
        return 0;
    }
    kind = (data[0] & 1) != 0 ? HTTP1_RESPONSE : HTTP1_REQUEST;
    limit = &limits[(data[0] >> 1) & 1];
    input = span_of(data + 2, size - 2);
    whole = read_in_parts(kind, limit, input, SIZE_MAX);
    parts = read_in_parts(kind, limit, input, (size_t)data[1] + 1);
    assert_same(&whole, &parts);
    if (whole.e == OK) {
        use(&whole.head);
    }
    http1_head_fini(&whole.head);
    http1_head_fini(&parts.head);
    return 0;
}
