/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Which bytes may stand where in an HTTP/1 head. Strict: what the grammar does not name is no.
 */
#pragma once

#include "base/span.h"

static inline bool http1_char_is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static inline bool http1_char_is_alpha(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline bool http1_char_is_hex(uint8_t c)
{
    return http1_char_is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/** One byte of a token: method, field name, coding. RFC 9110 section 5.6.2. */
static inline bool http1_char_is_token(uint8_t c)
{
    return http1_char_is_alpha(c) || http1_char_is_digit(c) ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

/** A visible character of ASCII, as in a request target. RFC 5234 appendix B.1. */
static inline bool http1_char_is_visible(uint8_t c)
{
    return c > 0x20 && c < 0x7f;
}

/** One byte of a field value or of a reason phrase. RFC 9110 section 5.5. */
static inline bool http1_char_is_value(uint8_t c)
{
    return c == '\t' || (c >= 0x20 && c != 0x7f);
}

/** One byte of a URI's scheme but the first, which is a letter. RFC 3986 section 3.1. */
static inline bool http1_char_is_scheme(uint8_t c)
{
    return http1_char_is_alpha(c) || http1_char_is_digit(c) || c == '+' || c == '-' || c == '.';
}

/** Whether all bytes are of a kind; true for none. */
static inline bool http1_char_are(struct span bytes, bool (*is)(uint8_t c))
{
    for (size_t i = 0; i < bytes.len; i++) {
        if (!is(bytes.ptr[i])) {
            return false;
        }
    }
    return true;
}
