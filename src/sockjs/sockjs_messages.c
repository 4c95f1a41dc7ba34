/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "sockjs/sockjs_messages.h"

#include "base/utf8.h"

enum {
    HEX_DIGITS = 4,
    REPLACEMENT = 0xfffd,
};

/* RFC 8259 2: space, tab, LF, CR. */
static struct span skip_space(struct span text)
{
    while (text.len > 0 && memchr(" \t\n\r", text.ptr[0], 4) != NULL) {
        text = span_tail(text, 1);
    }
    return text;
}

static int hex_value(uint8_t c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Four hex digits at the front; -1 when they are none. */
static int32_t hex4(struct span text)
{
    int32_t number = 0;

    if (text.len < HEX_DIGITS) {
        return -1;
    }
    for (size_t i = 0; i < HEX_DIGITS; i++) {
        int digit = hex_value(text.ptr[i]);

        if (digit < 0) {
            return -1;
        }
        number = number << 4 | digit;
    }
    return number;
}

/* The letter behind a backslash; '\0' for those that stand for nothing alone. */
static uint8_t unescaped(uint8_t letter)
{
    switch (letter) {
    case '"':
    case '\\':
    case '/': return letter;
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default: return '\0';
    }
}

/* How long a string is whose first quote stands at the front, both quotes included; 0 when it
 * is none. RFC 8259 7. */
static size_t string_len(struct span text)
{
    size_t at = 1;

    if (text.len == 0 || text.ptr[0] != '"') {
        return 0;
    }
    while (at < text.len && text.ptr[at] != '"') {
        if (text.ptr[at] < 0x20) {
            return 0;
        }
        if (text.ptr[at] != '\\') {
            at++;
        } else if (at + 1 < text.len && unescaped(text.ptr[at + 1]) != '\0') {
            at += 2;
        } else if (at + 1 < text.len && text.ptr[at + 1] == 'u' &&
                   hex4(span_tail(text, at + 2)) >= 0) {
            at += 2 + HEX_DIGITS;
        } else {
            return 0;
        }
    }
    return at < text.len ? at + 1 : 0;
}

static bool is_end(struct span text)
{
    return skip_space(text).len == 0;
}

static bool is_array_of_strings(struct span text)
{
    text = skip_space(span_tail(text, 1));
    if (text.len > 0 && text.ptr[0] == ']') {
        return is_end(span_tail(text, 1));
    }
    for (;;) {
        size_t len = string_len(text);

        if (len == 0) {
            return false;
        }
        text = skip_space(span_tail(text, len));
        if (text.len > 0 && text.ptr[0] == ']') {
            return is_end(span_tail(text, 1));
        }
        if (text.len == 0 || text.ptr[0] != ',') {
            return false;
        }
        text = skip_space(span_tail(text, 1));
    }
}

enum err sockjs_messages_begin(struct sockjs_messages *messages, struct span body)
{
    struct span text = skip_space(body);
    bool is_right = false;

    if (text.len > 0 && text.ptr[0] == '[') {
        is_right = is_array_of_strings(text);
    } else if (text.len > 0 && text.ptr[0] == '"') {
        size_t len = string_len(text);

        is_right = len > 0 && is_end(span_tail(text, len));
    }
    if (!is_right || !utf8_is_valid(text)) {
        return ERR_PROTO;
    }
    messages->rest = text;
    return OK;
}

/* ---- what they say ---- */

static enum err put_code_point(uint32_t point, struct buf *out)
{
    uint8_t bytes[4];
    size_t len = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;

    if (len == 1) {
        return buf_append_byte(out, (uint8_t)point);
    }
    for (size_t i = len; i > 1; i--) {
        bytes[i - 1] = (uint8_t)(0x80 | (point & 0x3f));
        point >>= 6;
    }
    bytes[0] = (uint8_t)(0xf00u >> len | point);
    return buf_append(out, span_of(bytes, len));
}

static bool is_low_surrogate(int32_t unit)
{
    return unit >= 0xdc00 && unit <= 0xdfff;
}

/* Behind "\u", at the digits. *ret_len: how many bytes of the text it took. */
static enum err put_unicode(struct span text, struct buf *out, size_t *ret_len)
{
    int32_t unit = hex4(text);
    struct span behind = span_tail(text, HEX_DIGITS);
    int32_t low = -1;

    *ret_len = HEX_DIGITS;
    if (unit < 0xd800 || unit > 0xdfff) {
        return put_code_point((uint32_t)unit, out);
    }
    if (unit <= 0xdbff && span_starts(behind, SPAN("\\u"))) {
        low = hex4(span_tail(behind, 2));
    }
    if (!is_low_surrogate(low)) {
        return put_code_point(REPLACEMENT, out);
    }
    *ret_len += 2 + HEX_DIGITS;
    return put_code_point(
        0x10000u + ((uint32_t)unit - 0xd800u) * 0x400u + (uint32_t)low - 0xdc00u, out);
}

/* What stands between the quotes. */
static enum err put_string(struct span text, struct buf *out)
{
    while (text.len > 0) {
        size_t plain = span_find(text, '\\');
        size_t len = 0;

        TRY(buf_append(out, span_head(text, plain)));
        text = span_tail(text, plain);
        if (text.len == 0) {
            return OK;
        }
        if (text.ptr[1] == 'u') {
            TRY(put_unicode(span_tail(text, 2), out, &len));
        } else {
            TRY(buf_append_byte(out, unescaped(text.ptr[1])));
        }
        text = span_tail(text, 2 + len);
    }
    return OK;
}

enum err sockjs_messages_next(struct sockjs_messages *messages, struct buf *out)
{
    size_t quote = span_find(messages->rest, '"');
    struct span string = span_tail(messages->rest, quote);
    size_t len = string_len(string);

    if (len == 0) {
        return ERR_AGAIN;
    }
    messages->rest = span_tail(string, len);
    return put_string(span_head(span_tail(string, 1), len - 2), out);
}

enum err sockjs_messages_text(struct span body, struct buf *out)
{
    struct sockjs_messages messages;
    enum err e;

    TRY(sockjs_messages_begin(&messages, body));
    while ((e = sockjs_messages_next(&messages, out)) == OK) {
    }
    return e == ERR_AGAIN ? OK : e;
}
