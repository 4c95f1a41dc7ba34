/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * One byte decides one step, except inside content; so no line is collected and a cut cannot
 * make a difference.
 */
#include "http1/http1_chunk.h"

#include "http1/http1_char.h"

enum chunk_state {
    CHUNK_REFUSED,
    CHUNK_SIZE,      /* digits of the size */
    CHUNK_BLANK,     /* white space behind a size or a value: an extension must follow */
    CHUNK_SEMICOLON, /* behind it, perhaps with white space */
    CHUNK_NAME,
    CHUNK_NAME_BLANK, /* white space behind a name: more of this or another extension */
    CHUNK_EQUAL,      /* behind it, perhaps with white space */
    CHUNK_VALUE,
    CHUNK_QUOTED, /* inside a quoted value */
    CHUNK_ESCAPE, /* behind a backslash in it */
    CHUNK_QUOTED_END,
    CHUNK_LINE_LF, /* behind the CR of a line */
    CHUNK_DATA,
    CHUNK_DATA_CR, /* behind the content */
    CHUNK_DATA_LF,
    CHUNK_ENDED, /* behind the last chunk's line */
    CHUNK_STATES,
};

enum byte_class {
    CLASS_BLANK,
    CLASS_TOKEN,
    CLASS_SEMICOLON,
    CLASS_EQUAL,
    CLASS_QUOTE,
    CLASS_BACKSLASH,
    CLASS_CR,
    CLASS_TEXT, /* anything else that may stand in a quoted string */
    CLASS_NONE, /* control bytes */
    CLASSES,
};

/*
 * RFC 9112 7.1.1: chunk-ext = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] ), a
 * value being a token or a quoted-string (RFC 9110 5.6.4). White space stands before ";" and
 * "=" and behind them, never before the end of the line: it has been padding to some servers
 * and part of the size to others. What the table leaves out is refused.
 */
/* clang-format off */
#define ON(class, next) [CLASS_##class] = CHUNK_##next
static const uint8_t extension_moves[CHUNK_STATES][CLASSES] = {
    [CHUNK_BLANK]      = {ON(BLANK, BLANK), ON(SEMICOLON, SEMICOLON)},
    [CHUNK_SEMICOLON]  = {ON(BLANK, SEMICOLON), ON(TOKEN, NAME)},
    [CHUNK_NAME]       = {ON(TOKEN, NAME), ON(BLANK, NAME_BLANK), ON(EQUAL, EQUAL),
                          ON(SEMICOLON, SEMICOLON), ON(CR, LINE_LF)},
    [CHUNK_NAME_BLANK] = {ON(BLANK, NAME_BLANK), ON(EQUAL, EQUAL), ON(SEMICOLON, SEMICOLON)},
    [CHUNK_EQUAL]      = {ON(BLANK, EQUAL), ON(TOKEN, VALUE), ON(QUOTE, QUOTED)},
    [CHUNK_VALUE]      = {ON(TOKEN, VALUE), ON(BLANK, BLANK), ON(SEMICOLON, SEMICOLON),
                          ON(CR, LINE_LF)},
    [CHUNK_QUOTED]     = {ON(BLANK, QUOTED), ON(TOKEN, QUOTED), ON(SEMICOLON, QUOTED),
                          ON(EQUAL, QUOTED), ON(TEXT, QUOTED), ON(BACKSLASH, ESCAPE),
                          ON(QUOTE, QUOTED_END)},
    [CHUNK_ESCAPE]     = {ON(BLANK, QUOTED), ON(TOKEN, QUOTED), ON(SEMICOLON, QUOTED),
                          ON(EQUAL, QUOTED), ON(TEXT, QUOTED), ON(BACKSLASH, QUOTED),
                          ON(QUOTE, QUOTED)},
    [CHUNK_QUOTED_END] = {ON(BLANK, BLANK), ON(SEMICOLON, SEMICOLON), ON(CR, LINE_LF)},
};
#undef ON
/* clang-format on */

static enum byte_class class_of(uint8_t c)
{
    switch (c) {
    case ' ':
    case '\t': return CLASS_BLANK;
    case ';': return CLASS_SEMICOLON;
    case '=': return CLASS_EQUAL;
    case '"': return CLASS_QUOTE;
    case '\\': return CLASS_BACKSLASH;
    case '\r': return CLASS_CR;
    default: break;
    }
    if (http1_char_is_token(c)) {
        return CLASS_TOKEN;
    }
    return http1_char_is_value(c) ? CLASS_TEXT : CLASS_NONE;
}

static enum err refuse(struct http1_chunk *chunk, enum http1_chunk_fault fault)
{
    chunk->state = CHUNK_REFUSED;
    chunk->fault = fault;
    return ERR_PROTO;
}

static enum err in_extension(struct http1_chunk *chunk, uint8_t c)
{
    if (c == '\n') {
        return refuse(chunk, HTTP1_CHUNK_FAULT_BARE_LF);
    }
    if (++chunk->line_len > HTTP1_CHUNK_EXTENSION_MAX) {
        return refuse(chunk, HTTP1_CHUNK_FAULT_EXTENSION_LIMIT);
    }
    chunk->state = extension_moves[chunk->state][class_of(c)];
    return chunk->state == CHUNK_REFUSED ? refuse(chunk, HTTP1_CHUNK_FAULT_EXTENSION) : OK;
}

static unsigned digit_of(uint8_t c)
{
    return http1_char_is_digit(c) ? c - '0' + 0u : span_lower(c) - 'a' + 10u;
}

/* RFC 9112 7.1: chunk-size = 1*HEXDIG */
static enum err in_size(struct http1_chunk *chunk, uint8_t c)
{
    if (http1_char_is_hex(c)) {
        if (chunk->left > UINT64_MAX >> 4 || chunk->line_len == HTTP1_CHUNK_DIGITS_MAX) {
            return refuse(chunk, HTTP1_CHUNK_FAULT_SIZE_LIMIT);
        }
        chunk->left = chunk->left << 4 | digit_of(c);
        chunk->line_len++;
        return OK;
    }
    if (chunk->line_len == 0) {
        return refuse(chunk, HTTP1_CHUNK_FAULT_SIZE);
    }
    chunk->line_len = 0; /* from here on, of extensions */
    switch (class_of(c)) {
    case CLASS_BLANK: chunk->state = CHUNK_BLANK; return OK;
    case CLASS_SEMICOLON: chunk->state = CHUNK_SEMICOLON; return OK;
    case CLASS_CR: chunk->state = CHUNK_LINE_LF; return OK;
    case CLASS_TOKEN:
    case CLASS_EQUAL:
    case CLASS_QUOTE:
    case CLASS_BACKSLASH:
    case CLASS_TEXT:
    case CLASS_NONE:
    case CLASSES: break;
    }
    return refuse(chunk, c == '\n' ? HTTP1_CHUNK_FAULT_BARE_LF : HTTP1_CHUNK_FAULT_SIZE);
}

/* Behind a CR, or where one must stand. */
static enum err in_line_end(struct http1_chunk *chunk, uint8_t c)
{
    if (chunk->state == CHUNK_DATA_CR) {
        chunk->state = CHUNK_DATA_LF;
        return c == '\r' ? OK : refuse(chunk, HTTP1_CHUNK_FAULT_DATA_END);
    }
    if (c != '\n') {
        return refuse(chunk, chunk->state == CHUNK_LINE_LF ? HTTP1_CHUNK_FAULT_BARE_CR
                                                           : HTTP1_CHUNK_FAULT_DATA_END);
    }
    if (chunk->state == CHUNK_LINE_LF) {
        chunk->state = chunk->left > 0 ? CHUNK_DATA : CHUNK_ENDED;
    } else {
        http1_chunk_init(chunk);
    }
    return OK;
}

static enum err take_byte(struct http1_chunk *chunk, uint8_t c)
{
    switch ((enum chunk_state)chunk->state) {
    case CHUNK_SIZE: return in_size(chunk, c);
    case CHUNK_LINE_LF:
    case CHUNK_DATA_CR:
    case CHUNK_DATA_LF: return in_line_end(chunk, c);
    case CHUNK_BLANK:
    case CHUNK_SEMICOLON:
    case CHUNK_NAME:
    case CHUNK_NAME_BLANK:
    case CHUNK_EQUAL:
    case CHUNK_VALUE:
    case CHUNK_QUOTED:
    case CHUNK_ESCAPE:
    case CHUNK_QUOTED_END: return in_extension(chunk, c);
    case CHUNK_REFUSED:
    case CHUNK_DATA:
    case CHUNK_ENDED:
    case CHUNK_STATES: break; /* http1_chunk_next() has dealt with them */
    }
    return ERR_PROTO;
}

static struct span take_data(struct http1_chunk *chunk, struct span *input)
{
    struct span data =
        span_head(*input, chunk->left < input->len ? (size_t)chunk->left : input->len);

    *input = span_tail(*input, data.len);
    chunk->left -= data.len;
    if (chunk->left == 0) {
        chunk->state = CHUNK_DATA_CR;
    }
    return data;
}

void http1_chunk_init(struct http1_chunk *chunk)
{
    *chunk = (struct http1_chunk){.state = CHUNK_SIZE};
}

enum err http1_chunk_next(struct http1_chunk *chunk, struct span *input, struct span *ret_data)
{
    for (;;) {
        if (chunk->state == CHUNK_REFUSED) {
            return ERR_PROTO;
        }
        if (chunk->state == CHUNK_ENDED) {
            *ret_data = (struct span){0};
            return OK;
        }
        if (input->len == 0) {
            return ERR_AGAIN;
        }
        if (chunk->state == CHUNK_DATA) {
            *ret_data = take_data(chunk, input);
            return OK;
        }
        TRY(take_byte(chunk, input->ptr[0]));
        *input = span_tail(*input, 1);
    }
}

enum http1_chunk_fault http1_chunk_fault(const struct http1_chunk *chunk)
{
    return chunk->fault;
}

uint16_t http1_chunk_fault_status(enum http1_chunk_fault fault)
{
#define X(name, status, section, did) [name] = (status),
    static const uint16_t statuses[] = {HTTP1_CHUNK_FAULTS(X)};
#undef X

    return statuses[fault];
}

const char *http1_chunk_fault_text(enum http1_chunk_fault fault)
{
#define X(name, status, section, did) [name] = did " (" section ")",
    static const char *const texts[] = {HTTP1_CHUNK_FAULTS(X)};
#undef X

    return fault == HTTP1_CHUNK_FAULT_NONE ? "did nothing wrong" : texts[fault];
}

size_t http1_chunk_put_begin(uint8_t room[HTTP1_CHUNK_BEGIN_BYTES], size_t len)
{
    static const char digits[] = "0123456789abcdef";
    size_t count = 1;

    assert(len > 0); /* a chunk of no bytes is the end */
    for (size_t rest = len >> 4; rest > 0; rest >>= 4) {
        count++;
    }
    for (size_t i = count; i > 0; i--, len >>= 4) {
        room[i - 1] = (uint8_t)digits[len & 15];
    }
    room[count] = '\r';
    room[count + 1] = '\n';
    return count + 2;
}
