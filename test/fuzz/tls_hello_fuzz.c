/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A ClientHello reads the same however it is cut, in reads and in records.
 *
 *   byte 0      bit 0: the rest is a message, and is put into records
 *   byte 1      where the stream, or with bit 0 the message, is cut
 */
#include "tls/tls_hello.h"

#include <stdlib.h>

enum {
    IS_MESSAGE = 1,
    OPTION_BYTES = 2,
};

static void must(bool what)
{
    if (!what) {
        abort();
    }
}

/* As copies of exactly their size, so that a step over an end is seen. */
static enum err feed(struct tls_hello *hello, struct span bytes)
{
    uint8_t *copy = malloc(bytes.len + 1);
    struct span input = span_of(copy, bytes.len);
    enum err e;

    must(copy != NULL);
    memcpy(copy, bytes.ptr, bytes.len);
    e = tls_hello_next(hello, &input);
    must(e != ERR_AGAIN || input.len == 0);
    free(copy);
    return e;
}

static enum err read_in_parts(struct tls_hello *hello, struct span input, size_t step)
{
    enum err e = ERR_AGAIN;

    tls_hello_init(hello);
    while (e == ERR_AGAIN && input.len > 0) {
        struct span part = span_head(input, step);

        input = span_tail(input, part.len);
        e = feed(hello, part);
    }
    return e;
}

static enum err read_in_records(struct tls_hello *hello, struct span message, size_t step)
{
    enum err e = ERR_AGAIN;

    tls_hello_init(hello);
    while (e == ERR_AGAIN && message.len > 0) {
        struct span part = span_head(message, step);
        const uint8_t head[] = {0x16, 0x03, 0x01, (uint8_t)(part.len >> 8), (uint8_t)part.len};

        message = span_tail(message, part.len);
        must(feed(hello, span_of(head, sizeof head)) == ERR_AGAIN);
        e = feed(hello, part);
    }
    return e;
}

static void must_be_names(const struct tls_hello *hello)
{
    must(hello->sni.len <= TLS_HELLO_NAME_MAX && hello->alpn.len <= TLS_HELLO_ALPN_MAX);
    for (size_t i = 0; i < hello->sni.len; i++) {
        uint8_t c = hello->sni.ptr[i];

        must((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
             c == '_');
    }
    for (size_t i = 0; i < hello->alpn.len; i++) {
        must(hello->alpn.ptr[i] > ' ' && hello->alpn.ptr[i] < 0x7f);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tls_hello whole, parts;
    enum err e, e_parts;
    struct span input;
    size_t step;

    if (size < OPTION_BYTES || size > TLS_HELLO_BYTES_MAX) {
        return 0;
    }
    input = span_tail(span_of(data, size), OPTION_BYTES);
    step = (size_t)data[1] + 1;
    if ((data[0] & IS_MESSAGE) != 0) {
        e = read_in_records(&whole, input, TLS_HELLO_BYTES_MAX);
        e_parts = read_in_records(&parts, input, step);
        /* What stands behind the message is in its record, or in one of its own. */
        if (whole.fault == TLS_HELLO_FAULT_TRAILING ||
            parts.fault == TLS_HELLO_FAULT_TRAILING) {
            e = e_parts;
            whole.fault = parts.fault;
        }
    } else {
        e = read_in_parts(&whole, input, SIZE_MAX);
        e_parts = read_in_parts(&parts, input, step);
    }
    must(e == e_parts && whole.fault == parts.fault);
    if (whole.ended == OK && parts.ended == OK && e == OK) {
        must(span_equal(whole.sni, parts.sni) && span_equal(whole.alpn, parts.alpn));
        must(whole.has_ech == parts.has_ech);
        must_be_names(&parts);
    }
    tls_hello_fini(&whole);
    tls_hello_fini(&parts);
    return 0;
}
