/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * ClientHellos made from hex, cut into records and reads, and what must come out of each.
 */
#pragma once

#include "lib/cut.h"
#include "lib/testing.h"
#include "tls/tls_hello.h"

/* ---- ClientHellos ---- */

enum {
    ROOM_BYTES = 6 * (TLS_HELLO_BYTES_MAX + 64)
};

static uint8_t room[ROOM_BYTES];

static inline size_t put_number(size_t at, size_t number, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        room[at + i] = (uint8_t)(number >> (8 * (bytes - 1 - i)));
    }
    return at + bytes;
}

static inline size_t put(size_t at, struct span bytes)
{
    memcpy(room + at, bytes.ptr, bytes.len);
    return at + bytes.len;
}

/* RFC 8446 5.1: the message in handshake records of `part` bytes. A copy that lives on. */
static inline struct span in_records(struct span message, size_t part)
{
    size_t len = 0;
    uint8_t *copy;

    while (message.len > 0) {
        struct span piece = span_head(message, part);

        len = put(len, SPAN("\x16\x03\x01"));
        len = put_number(len, piece.len, 2);
        len = put(len, piece);
        message = span_tail(message, piece.len);
    }
    copy = test_malloc(len);
    memcpy(copy, room, len);
    return span_of(copy, len);
}

/* What stands before the extensions: version, random, session id, two ciphers, compression. */
#define FIXED "03 03 '0123456789abcdef0123456789abcdef' 04 'sess' 00 04 1a 1a 13 01 01 00"

static inline struct span message_of(struct span body)
{
    size_t len = put_number(0, 1, 1);
    uint8_t *copy;

    len = put_number(len, body.len, 3);
    len = put(len, body);
    copy = test_malloc(len);
    memcpy(copy, room, len);
    return span_of(copy, len);
}

/* A ClientHello with these extensions, as a message without a record. */
static inline struct span hello_of(const char *extensions)
{
    struct span bytes = span_ro(hex(extensions));
    size_t len = put(0, span_ro(hex(FIXED)));
    struct span message;
    uint8_t *copy;

    len = put_number(len, bytes.len, 2);
    len = put(len, bytes);
    copy = test_malloc(len);
    memcpy(copy, room, len);
    message = message_of(span_of(copy, len));
    test_free(copy);
    return message;
}

static inline void forget(struct span bytes)
{
    test_free((void *)(uintptr_t)bytes.ptr);
}

/* ---- reading them ---- */

struct outcome {
    struct tls_hello hello;
    enum err e;
    size_t used;
};

static inline struct outcome read_cut(const struct cut *cut)
{
    struct outcome outcome = {.e = ERR_AGAIN};
    struct mspan part;
    size_t at = 0;

    tls_hello_init(&outcome.hello);
    while (outcome.e == ERR_AGAIN && (part = cut_next(cut, &at)).ptr != NULL) {
        struct span input = span_ro(part);

        outcome.e = tls_hello_next(&outcome.hello, &input);
        assert_true(outcome.e != ERR_AGAIN || input.len == 0);
        outcome.used += part.len - input.len;
    }
    return outcome;
}

static struct {
    const char *sni;
    const char *alpn;
    bool has_ech;
    size_t behind; /* bytes that are not the ClientHello's */
} wanted;

static inline void check_wanted(const struct cut *cut)
{
    struct outcome outcome = read_cut(cut);

    assert_string_equal(tls_hello_fault_text(tls_hello_fault(&outcome.hello)),
                        "did nothing wrong");
    assert_int_equal(outcome.e, OK);
    assert_bytes(outcome.hello.sni, span_str(wanted.sni));
    assert_bytes(outcome.hello.alpn, span_str(wanted.alpn));
    assert_int_equal(outcome.hello.has_ech, wanted.has_ech);
    assert_int_equal(outcome.used, cut->whole.len - wanted.behind);
    tls_hello_fini(&outcome.hello);
}

/* In one record, in records of one byte and in some of seven, and each at every cut. */
static inline void expect(struct span message, const char *sni, const char *alpn)
{
    static const size_t parts[] = {TLS_HELLO_BYTES_MAX, 1, 7};

    wanted.sni = sni;
    wanted.alpn = alpn;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        struct span records = in_records(message, parts[i]);

        cut_every(records, check_wanted);
        forget(records);
    }
}

static inline void expect_extensions(const char *extensions, const char *sni, const char *alpn)
{
    struct span message = hello_of(extensions);

    expect(message, sni, alpn);
    forget(message);
}

static struct {
    enum err e;
    enum tls_hello_fault fault;
} refused;

static inline void check_refused(const struct cut *cut)
{
    struct outcome outcome = read_cut(cut);

    assert_string_equal(tls_hello_fault_text(tls_hello_fault(&outcome.hello)),
                        tls_hello_fault_text(refused.fault));
    assert_int_equal(outcome.e, refused.e);
    tls_hello_fini(&outcome.hello);
}

static inline void expect_fault(struct span bytes, enum tls_hello_fault fault)
{
    refused.e = fault == TLS_HELLO_FAULT_TOO_LONG ? ERR_LIMIT : ERR_PROTO;
    refused.fault = fault;
    cut_every(bytes, check_refused);
}

static inline void expect_message_fault(struct span message, enum tls_hello_fault fault)
{
    struct span whole = in_records(message, TLS_HELLO_BYTES_MAX);
    struct span bytes = in_records(message, 1);

    expect_fault(whole, fault);
    expect_fault(bytes, fault);
    forget(whole);
    forget(bytes);
    forget(message);
}
