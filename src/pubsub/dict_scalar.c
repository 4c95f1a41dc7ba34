/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/dict_scalar.h"

#include "base/digest.h"
#include "pubsub/dict_number.h"

#include <math.h>

/* Where a value is written, what may be said about it, and where its bytes go. */
struct place {
    const struct dict_lex_token *token;
    struct dict_fault *fault;
    struct arena *arena;
};

static enum err refuse(const struct place *place, enum dict_fault_reason reason)
{
    *place->fault = (struct dict_fault){reason, place->token->at};
    return reason >= DICT_FAULT_DEPTH ? ERR_LIMIT : ERR_PROTO;
}

/* It does not fit its mark. */
static enum err refuse_token(const struct place *place)
{
    return refuse(place,
                  place->token->type == DICT_LEX_END ? DICT_FAULT_END : DICT_FAULT_MARKED);
}

static enum err alloc(const struct place *place, size_t bytes, void **ret_room)
{
    enum err e = arena_alloc(place->arena, bytes, ret_room);

    return e == ERR_LIMIT ? refuse(place, DICT_FAULT_BYTES) : e;
}

/* ---- texts ---- */

static enum err read_text(const struct place *place, struct span *ret_text)
{
    void *room;

    TRY(alloc(place, place->token->text.len, &room));
    *ret_text = span_of(room, dict_lex_unescape(place->token->text, room));
    return OK;
}

/* One character that Java's char can hold. The text is UTF-8. */
static bool is_char(struct span text)
{
    uint8_t first = text.len == 0 ? 0 : text.ptr[0];
    size_t len = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : SIZE_MAX;

    return text.len == len;
}

static enum err decode_base64(const struct place *place, struct span text,
                              struct span *ret_bytes)
{
    size_t len = digest_base64_bytes(text);
    void *room;

    if (len == SIZE_MAX) {
        return refuse(place, DICT_FAULT_BASE64);
    }
    TRY(alloc(place, len + 2, &room)); /* base/digest.h: two more */
    if (!digest_base64_decode(text, room, &len)) {
        return refuse(place, DICT_FAULT_BASE64);
    }
    *ret_bytes = span_of(room, len);
    return OK;
}

static enum err read_marked_text(const struct place *place, enum dict_type type,
                                 struct span *ret_text)
{
    struct span text;

    if (place->token->type != DICT_LEX_STRING) {
        return refuse_token(place);
    }
    TRY(read_text(place, &text));
    if (type == DICT_BYTES) {
        return decode_base64(place, text, ret_text);
    }
    if (type == DICT_CHAR && !is_char(text)) {
        return refuse(place, DICT_FAULT_CHAR);
    }
    *ret_text = text;
    return OK;
}

/* ---- numbers ---- */

static enum err read_number(const struct place *place, double *ret_number)
{
    if (place->token->text.len > DICT_NUMBER_TEXT_MAX) {
        return refuse(place, DICT_FAULT_DIGITS);
    }
    return dict_number_real(place->token->text, ret_number) ? OK
                                                            : refuse(place, DICT_FAULT_RANGE);
}

/* The value decides, not how it is written: for many clients 1 and 1.0 are the same. */
static enum err read_plain_number(const struct place *place, struct dict_value *ret_value)
{
    double number;

    TRY(read_number(place, &number));
    if (!dict_number_is_safe(number)) {
        *ret_value = (struct dict_value){.type = DICT_DOUBLE, .real = number};
    } else if (number >= INT32_MIN && number <= INT32_MAX) {
        *ret_value = (struct dict_value){.type = DICT_INT, .integer = (int64_t)number};
    } else {
        *ret_value = (struct dict_value){.type = DICT_LONG, .integer = (int64_t)number};
    }
    return OK;
}

static enum err read_integer(const struct place *place, double least, double most,
                             int64_t *ret_number)
{
    double number;

    if (place->token->type != DICT_LEX_NUMBER) {
        return refuse_token(place);
    }
    TRY(read_number(place, &number));
    if (trunc(number) != number) {
        return refuse(place, DICT_FAULT_INTEGRAL);
    }
    if (number < least || number > most) {
        return refuse(place, DICT_FAULT_RANGE);
    }
    *ret_number = (int64_t)number;
    return OK;
}

/* In quotes every long can be written; outside of them, what survives being a double. */
static enum err read_long(const struct place *place, int64_t *ret_number)
{
    const double safe = (double)DICT_NUMBER_SAFE;
    enum err e;

    if (place->token->type == DICT_LEX_STRING) {
        struct span text;

        TRY(read_text(place, &text));
        return dict_number_integer(text, ret_number) ? OK : refuse(place, DICT_FAULT_LONG);
    }
    e = read_integer(place, -safe, safe, ret_number);
    return e == ERR_PROTO && place->fault->reason == DICT_FAULT_RANGE
               ? refuse(place, DICT_FAULT_UNSAFE)
               : e;
}

/* What JSON has no number for is in quotes. */
static enum err read_not_finite(const struct place *place, double *ret_number)
{
    struct span text;

    TRY(read_text(place, &text));
    if (span_equals(text, "NaN")) {
        *ret_number = (double)NAN;
    } else if (span_equals(text, "Infinity")) {
        *ret_number = (double)INFINITY;
    } else if (span_equals(text, "-Infinity")) {
        *ret_number = -(double)INFINITY;
    } else {
        return refuse_token(place);
    }
    return OK;
}

static enum err read_marked_real(const struct place *place, enum dict_type type,
                                 double *ret_number)
{
    double number;

    if (place->token->type == DICT_LEX_STRING) {
        return read_not_finite(place, ret_number);
    }
    if (place->token->type != DICT_LEX_NUMBER) {
        return refuse_token(place);
    }
    TRY(read_number(place, &number));
    if (type == DICT_FLOAT && !dict_number_float(number, &number)) {
        return refuse(place, DICT_FAULT_RANGE);
    }
    *ret_number = number;
    return OK;
}

static enum err read_marked_boolean(const struct place *place, bool *ret_boolean)
{
    if (place->token->type != DICT_LEX_TRUE && place->token->type != DICT_LEX_FALSE) {
        return refuse_token(place);
    }
    *ret_boolean = place->token->type == DICT_LEX_TRUE;
    return OK;
}

/* ---- all of them ---- */

enum err dict_scalar_text(struct arena *arena, const struct dict_lex_token *token,
                          struct dict_fault *ret_fault, struct span *ret_text)
{
    const struct place place = {token, ret_fault, arena};

    return read_text(&place, ret_text);
}

enum err dict_scalar_plain(struct arena *arena, const struct dict_lex_token *token,
                           struct dict_fault *ret_fault, struct dict_value *ret_value)
{
    const struct place place = {token, ret_fault, arena};

    if (token->type == DICT_LEX_NUMBER) {
        return read_plain_number(&place, ret_value);
    }
    if (token->type == DICT_LEX_STRING) {
        ret_value->type = DICT_STRING;
        return read_text(&place, &ret_value->text);
    }
    ret_value->type = token->type == DICT_LEX_NULL ? DICT_NULL : DICT_BOOLEAN;
    ret_value->boolean = token->type == DICT_LEX_TRUE;
    return OK;
}

enum err dict_scalar_marked(struct arena *arena, enum dict_type type,
                            const struct dict_lex_token *token, struct dict_fault *ret_fault,
                            struct dict_value *ret_value)
{
    const struct place place = {token, ret_fault, arena};

    ret_value->type = type;
    switch (type) {
    case DICT_BYTE: return read_integer(&place, INT8_MIN, INT8_MAX, &ret_value->integer);
    case DICT_SHORT: return read_integer(&place, INT16_MIN, INT16_MAX, &ret_value->integer);
    case DICT_INT: return read_integer(&place, INT32_MIN, INT32_MAX, &ret_value->integer);
    case DICT_LONG: return read_long(&place, &ret_value->integer);
    case DICT_FLOAT:
    case DICT_DOUBLE: return read_marked_real(&place, type, &ret_value->real);
    case DICT_CHAR:
    case DICT_STRING:
    case DICT_BYTES: return read_marked_text(&place, type, &ret_value->text);
    case DICT_BOOLEAN:
    case DICT_NULL:
    case DICT_DICT:
    case DICT_ARRAY:
    case DICT_MIXED: break;
    }
    assert(type == DICT_BOOLEAN);
    return read_marked_boolean(&place, &ret_value->boolean);
}
