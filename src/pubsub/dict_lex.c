/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/dict_lex.h"

enum {
    UNIT_CHARS = 6, /* of "\u0041" */
};

static enum err refuse(struct dict_fault *ret_fault, enum dict_fault_reason reason, size_t at)
{
    *ret_fault = (struct dict_fault){reason, at};
    return ERR_PROTO;
}

/* The byte at `at`; 0, which is no word's, behind the end. */
static uint8_t byte_at(struct span text, size_t at)
{
    return at < text.len ? text.ptr[at] : 0;
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* ---- strings ---- */

/* The UTF-16 code unit that stands at `at` as "\u" and four digits; false when it does not. */
static bool unit_at(struct span text, size_t at, uint32_t *ret_unit)
{
    uint32_t unit = 0;

    if (byte_at(text, at) != '\\' || byte_at(text, at + 1) != 'u') {
        return false;
    }
    for (size_t i = at + 2; i < at + UNIT_CHARS; i++) {
        uint8_t c = span_lower(byte_at(text, i));

        if (is_digit(c)) {
            unit = unit * 16 + (uint32_t)(c - '0');
        } else if (c >= 'a' && c <= 'f') {
            unit = unit * 16 + (uint32_t)(c - 'a') + 10;
        } else {
            return false;
        }
    }
    *ret_unit = unit;
    return true;
}

static bool is_high(uint32_t unit)
{
    return unit >= 0xd800 && unit <= 0xdbff;
}

static bool is_low(uint32_t unit)
{
    return unit >= 0xdc00 && unit <= 0xdfff;
}

/* RFC 8259 section 7: "\" and what may follow it. *ret_len: its bytes, 12 for a pair. */
static enum dict_fault_reason check_escape(struct span text, size_t at, size_t *ret_len)
{
    uint8_t c = byte_at(text, at + 1);
    uint32_t unit, low;

    *ret_len = 2;
    if (c != 'u') {
        return c != 0 && memchr("\"\\/bfnrt", c, 8) != NULL ? DICT_FAULT_NONE
                                                            : DICT_FAULT_ESCAPE;
    }
    if (!unit_at(text, at, &unit)) {
        return DICT_FAULT_ESCAPE;
    }
    *ret_len = UNIT_CHARS;
    if (is_low(unit)) {
        return DICT_FAULT_SURROGATE;
    }
    if (is_high(unit)) {
        if (!unit_at(text, at + UNIT_CHARS, &low) || !is_low(low)) {
            return DICT_FAULT_SURROGATE;
        }
        *ret_len = 2 * UNIT_CHARS;
    }
    return DICT_FAULT_NONE;
}

/* Behind the opening quote. */
static enum err read_string(struct dict_lex *lex, struct dict_fault *ret_fault,
                            struct dict_lex_token *token)
{
    size_t begin = lex->at;
    size_t at = begin;

    for (;;) {
        uint8_t c = byte_at(lex->text, at);
        enum dict_fault_reason reason;
        size_t len = 1;

        if (at == lex->text.len) {
            return refuse(ret_fault, DICT_FAULT_END, at);
        }
        if (c == '"') {
            break;
        }
        if (c < 0x20) {
            return refuse(ret_fault, DICT_FAULT_CONTROL, at);
        }
        if (c == '\\') {
            reason = check_escape(lex->text, at, &len);
            if (reason != DICT_FAULT_NONE) {
                return refuse(ret_fault, reason, at);
            }
        }
        at += len;
    }
    token->type = DICT_LEX_STRING;
    token->text = span_of(lex->text.ptr + begin, at - begin);
    lex->at = at + 1;
    return OK;
}

/* RFC 3629 section 3. `code` is a Unicode scalar value. */
static size_t put_utf8(uint32_t code, uint8_t *room)
{
    if (code < 0x80) {
        room[0] = (uint8_t)code;
        return 1;
    }
    if (code < 0x800) {
        room[0] = (uint8_t)(0xc0 | code >> 6);
        room[1] = (uint8_t)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        room[0] = (uint8_t)(0xe0 | code >> 12);
        room[1] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
        room[2] = (uint8_t)(0x80 | (code & 0x3f));
        return 3;
    }
    room[0] = (uint8_t)(0xf0 | code >> 18);
    room[1] = (uint8_t)(0x80 | (code >> 12 & 0x3f));
    room[2] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
    room[3] = (uint8_t)(0x80 | (code & 0x3f));
    return 4;
}

static uint8_t plain_escape(uint8_t c)
{
    switch (c) {
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default: return c; /* a quote, a backslash, a slash */
    }
}

size_t dict_lex_unescape(struct span text, uint8_t *room)
{
    size_t len = 0;
    size_t at = 0;

    while (at < text.len) {
        uint32_t unit, low;

        if (text.ptr[at] != '\\') {
            room[len++] = text.ptr[at++];
        } else if (!unit_at(text, at, &unit)) {
            room[len++] = plain_escape(text.ptr[at + 1]);
            at += 2;
        } else {
            at += UNIT_CHARS;
            if (is_high(unit) && unit_at(text, at, &low)) {
                unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
                at += UNIT_CHARS;
            }
            len += put_utf8(unit, room + len);
        }
    }
    return len;
}

/* ---- numbers and words ---- */

static size_t skip_digits(struct span text, size_t at)
{
    while (is_digit(byte_at(text, at))) {
        at++;
    }
    return at;
}

/* RFC 8259 section 6: [ minus ] int [ frac ] [ exp ]. 0 when it is none. */
static size_t number_end(struct span text, size_t at)
{
    size_t begin;

    at += byte_at(text, at) == '-';
    begin = at;
    at = skip_digits(text, at);
    if (at == begin || (text.ptr[begin] == '0' && at > begin + 1)) {
        return 0;
    }
    if (byte_at(text, at) == '.') {
        begin = at + 1;
        at = skip_digits(text, begin);
        if (at == begin) {
            return 0;
        }
    }
    if (span_lower(byte_at(text, at)) == 'e') {
        at++;
        at += byte_at(text, at) == '+' || byte_at(text, at) == '-';
        begin = at;
        at = skip_digits(text, begin);
        if (at == begin) {
            return 0;
        }
    }
    return at;
}

/* What would run on from a number or a word: "1x", "1.2.3", "nullx". */
static bool runs_on(uint8_t c)
{
    return is_digit(c) || (span_lower(c) >= 'a' && span_lower(c) <= 'z') || c == '.' ||
           c == '_' || c == '-' || c == '+';
}

static enum err read_number(struct dict_lex *lex, struct dict_fault *ret_fault,
                            struct dict_lex_token *token)
{
    size_t end = number_end(lex->text, token->at);

    if (end == 0 || runs_on(byte_at(lex->text, end))) {
        return refuse(ret_fault, DICT_FAULT_NUMBER, token->at);
    }
    token->type = DICT_LEX_NUMBER;
    token->text = span_of(lex->text.ptr + token->at, end - token->at);
    lex->at = end;
    return OK;
}

static void read_word(struct dict_lex *lex, struct dict_lex_token *token)
{
    static const struct {
        struct span word;
        enum dict_lex_type type;
    } words[] = {
        {SPAN_INIT("true"), DICT_LEX_TRUE},
        {SPAN_INIT("false"), DICT_LEX_FALSE},
        {SPAN_INIT("null"), DICT_LEX_NULL},
    };
    struct span rest = span_tail(lex->text, token->at);

    token->type = DICT_LEX_OTHER;
    lex->at = token->at + 1;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        struct span word = words[i].word;

        if (span_starts(rest, word) && !runs_on(byte_at(rest, word.len))) {
            token->type = words[i].type;
            lex->at = token->at + word.len;
        }
    }
}

static size_t skip_space(struct span text, size_t at)
{
    uint8_t c = byte_at(text, at);

    while (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
        c = byte_at(text, ++at);
    }
    return at;
}

enum err dict_lex_next(struct dict_lex *lex, struct dict_fault *ret_fault,
                       struct dict_lex_token *ret_token)
{
    static const char marks[] = "{}[]:,"; /* in the order of their types */
    size_t at = skip_space(lex->text, lex->at);
    struct dict_lex_token token = {.type = DICT_LEX_END, .at = at};
    uint8_t c = byte_at(lex->text, at);
    const char *mark = c == 0 ? NULL : strchr(marks, c);

    lex->at = at;
    if (at < lex->text.len) {
        lex->at = at + 1;
        if (mark != NULL) {
            token.type = (enum dict_lex_type)(DICT_LEX_BRACE_OPEN + (mark - marks));
        } else if (c == '"') {
            TRY(read_string(lex, ret_fault, &token));
        } else if (c == '-' || is_digit(c)) {
            TRY(read_number(lex, ret_fault, &token));
        } else {
            read_word(lex, &token);
        }
    }
    *ret_token = token;
    return OK;
}
