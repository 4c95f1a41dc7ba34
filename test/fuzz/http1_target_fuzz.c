/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Request targets, hosts and origins: whatever is taken lies inside the input, and means the
 * same when it is written again. The first byte of the input chooses how it is read.
 */
#include "http1/http1_origin.h"
#include "http1/http1_target.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void assert_inside(struct span part, struct span whole)
{
    assert(part.len == 0 ||
           (part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len));
}

/* Written in its plainest form, an authority is read as the same. */
static void check_authority(const struct http1_authority *authority, struct span whole)
{
    bool is_ipv6 = authority->kind == HTTP1_HOST_IPV6;
    char text[400];
    struct http1_authority again;
    enum http1_fault fault;
    enum err e;
    int len;

    assert_inside(authority->host, whole);
    assert(authority->host.len > 0 && authority->host.len <= 300);
    len = snprintf(text, sizeof text, is_ipv6 ? "[%.*s]:%u" : "%.*s:%u",
                   SPAN_ARG(authority->host), authority->port == 0 ? 80u : authority->port);
    assert(len > 0 && (size_t)len < sizeof text);
    e = http1_authority_read_tunnel(span_of(text, (size_t)len), &again, &fault);
    assert(e == OK);
    assert(again.kind == authority->kind && span_equal(again.host, authority->host));
    assert(again.port == (authority->port == 0 ? 80u : authority->port));
}

static void check_target(struct span method, struct span text)
{
    struct http1_target target;
    enum http1_fault fault = HTTP1_FAULT_NONE;

    if (http1_target_read(method, text, &target, &fault) != OK) {
        assert(fault != HTTP1_FAULT_NONE);
        return;
    }
    assert_inside(target.scheme, text);
    assert_inside(target.path, text);
    assert_inside(target.query, text);
    switch (target.form) {
    case HTTP1_TARGET_ABSOLUTE: assert(target.scheme.len > 0); /* fall through */
    case HTTP1_TARGET_AUTHORITY: check_authority(&target.authority, text); break;
    case HTTP1_TARGET_ORIGIN: assert(target.path.ptr[0] == '/'); break;
    case HTTP1_TARGET_ASTERISK: assert(text.len == 1); break;
    }
}

static void check_origin(struct span text)
{
    struct http1_origin origin;
    enum http1_fault fault = HTTP1_FAULT_NONE;

    if (http1_origin_read(text, &origin, &fault) != OK) {
        assert(fault != HTTP1_FAULT_NONE);
    } else if (!origin.is_null) {
        check_authority(&origin.authority, text);
        assert(http1_origin_is_same(&origin, &origin));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy;
    struct span text;

    if (size < 1) {
        return 0;
    }
    copy = malloc(size); /* exactly as long, so that a step over its end is seen */
    if (copy == NULL) {
        abort();
    }
    memcpy(copy, data, size);
    text = span_of(copy + 1, size - 1);
    switch (data[0]) {
    case 'C': check_target(SPAN("CONNECT"), text); break;
    case 'O': check_target(SPAN("OPTIONS"), text); break;
    case 'o': check_origin(text); break;
    default: check_target(SPAN("GET"), text); break;
    }
    free(copy);
    return 0;
}
