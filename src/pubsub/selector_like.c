/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/selector_like.h"

/* Bytes of the character that begins at `at`, as far as it is there. */
static size_t character_at(struct span text, size_t at)
{
    size_t len = 1;

    while (at + len < text.len && (text.ptr[at + len] & 0xc0) == 0x80) {
        len++;
    }
    return len;
}

static bool is_wild(uint8_t c)
{
    return c == '%' || c == '_';
}

enum err selector_like_init(struct selector_like *like, struct arena *arena,
                            struct span pattern, struct span escape,
                            enum selector_fault_reason *ret_fault)
{
    void *bytes_room, *wild_room;
    uint8_t *bytes, *wild;
    size_t len = 0;

    TRY(arena_alloc(arena, pattern.len, &bytes_room));
    TRY(arena_alloc(arena, pattern.len, &wild_room));
    bytes = bytes_room;
    wild = wild_room;
    for (size_t at = 0; at < pattern.len;) {
        struct span rest = span_tail(pattern, at);
        bool is_escaped = escape.len > 0 && span_starts(rest, escape);

        if (is_escaped) {
            rest = span_tail(rest, escape.len);
            at += escape.len;
            if (!span_starts(rest, escape) && (rest.len == 0 || !is_wild(rest.ptr[0]))) {
                *ret_fault = SELECTOR_FAULT_ESCAPED;
                return ERR_PROTO;
            }
        }
        for (size_t i = character_at(pattern, at); i > 0; i--, at++) {
            wild[len] = !is_escaped && is_wild(pattern.ptr[at]);
            bytes[len++] = pattern.ptr[at];
        }
    }
    *like = (struct selector_like){.bytes = span_of(bytes, len), .wild = wild};
    return OK;
}

static bool is_at(const struct selector_like *like, size_t at, uint8_t wild)
{
    return at < like->bytes.len && like->wild[at] != 0 && like->bytes.ptr[at] == wild;
}

bool selector_like_matches(const struct selector_like *like, struct span text, size_t *steps)
{
    size_t at = 0, pattern = 0;
    size_t star = SIZE_MAX; /* behind the last "%" */
    size_t resume = 0;      /* where its end was tried last */

    while (at < text.len) {
        if (*steps == 0) {
            return false;
        }
        --*steps;
        if (is_at(like, pattern, '%')) {
            star = ++pattern;
            resume = at;
        } else if (is_at(like, pattern, '_')) {
            pattern++;
            at += character_at(text, at);
        } else if (pattern < like->bytes.len && like->bytes.ptr[pattern] == text.ptr[at]) {
            pattern++;
            at++;
        } else if (star != SIZE_MAX) {
            /* A longer "%". An earlier one need not be tried again: what it would gain, this
             * one can have. */
            pattern = star;
            resume += character_at(text, resume);
            at = resume;
        } else {
            return false;
        }
    }
    while (is_at(like, pattern, '%')) {
        pattern++;
    }
    return pattern == like->bytes.len;
}
