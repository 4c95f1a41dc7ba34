/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Bytes that belong to someone else: struct span to look at, struct mspan to change in place.
 * Nothing here owns, allocates or fails.
 */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
    const uint8_t *ptr; /* borrowed; may be NULL when len is 0 */
    size_t len;         /* bytes */
};

struct mspan {
    uint8_t *ptr; /* borrowed */
    size_t len;
};

/** A string literal's bytes, without the final zero. */
#define SPAN(literal) ((struct span){(const uint8_t *)("" literal), sizeof(literal) - 1})

/** The same as an initialiser, for tables with static storage. */
#define SPAN_INIT(literal)                                 \
    {                                                      \
        (const uint8_t *)("" literal), sizeof(literal) - 1 \
    }

/** For printf's "%.*s". */
#define SPAN_ARG(span) (int)(span).len, (const char *)(span).ptr

static inline struct span span_of(const void *ptr, size_t len)
{
    return (struct span){ptr, len};
}

/** The bytes of a C string, without the final zero; empty for NULL. */
static inline struct span span_str(const char *string)
{
    return (struct span){(const uint8_t *)string, string == NULL ? 0 : strlen(string)};
}

/** The same bytes, to look at. */
static inline struct span span_ro(struct mspan bytes)
{
    return (struct span){bytes.ptr, bytes.len};
}

static inline struct mspan mspan_of(void *ptr, size_t len)
{
    return (struct mspan){ptr, len};
}

static inline bool span_equal(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool span_equals(struct span a, const char *string)
{
    return span_equal(a, span_str(string));
}

static inline uint8_t span_lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

/** ASCII case is ignored, other bytes are compared as they are. */
static inline bool span_equal_nocase(struct span a, struct span b)
{
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        if (span_lower(a.ptr[i]) != span_lower(b.ptr[i])) {
            return false;
        }
    }
    return true;
}

static inline bool span_equals_nocase(struct span a, const char *string)
{
    return span_equal_nocase(a, span_str(string));
}

static inline bool span_starts(struct span bytes, struct span prefix)
{
    return bytes.len >= prefix.len && span_equal(span_of(bytes.ptr, prefix.len), prefix);
}

/** The first `len` bytes; all of them when there are fewer. */
static inline struct span span_head(struct span bytes, size_t len)
{
    return span_of(bytes.ptr, len < bytes.len ? len : bytes.len);
}

/** What is left behind the first `len` bytes, which must be there. */
static inline struct span span_tail(struct span bytes, size_t len)
{
    assert(len <= bytes.len);
    return len == 0 ? bytes : span_of(bytes.ptr + len, bytes.len - len);
}

static inline struct mspan mspan_tail(struct mspan bytes, size_t len)
{
    assert(len <= bytes.len);
    return len == 0 ? bytes : mspan_of(bytes.ptr + len, bytes.len - len);
}

/** Where `byte` first stands; bytes.len when it does not. */
static inline size_t span_find(struct span bytes, uint8_t byte)
{
    const uint8_t *at = bytes.len == 0 ? NULL : memchr(bytes.ptr, byte, bytes.len);

    return at == NULL ? bytes.len : (size_t)(at - bytes.ptr);
}

/** Without spaces and tabs at both ends. */
static inline struct span span_trim(struct span bytes)
{
    while (bytes.len > 0 && (bytes.ptr[0] == ' ' || bytes.ptr[0] == '\t')) {
        bytes = span_tail(bytes, 1);
    }
    while (bytes.len > 0 &&
           (bytes.ptr[bytes.len - 1] == ' ' || bytes.ptr[bytes.len - 1] == '\t')) {
        bytes.len--;
    }
    return bytes;
}
