/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/dict_json_write.h"

#include "base/digest.h"
#include "pubsub/dict_number.h"

#include <inttypes.h>
#include <math.h>

static enum err put_value(const struct dict_value *value, struct buf *out);

/* ---- without a mark ---- */

/* RFC 8259 section 7, the way JSON.stringify() does it. */
static enum err put_character(uint8_t c, struct buf *out)
{
    static const char shorts[] = "\b\f\n\r\t\"\\";
    static const char letters[] = "bfnrt\"\\";
    const char *at = c == 0 ? NULL : strchr(shorts, c);

    if (at != NULL) {
        TRY(buf_append_byte(out, '\\'));
        return buf_append_byte(out, (uint8_t)letters[at - shorts]);
    }
    return c < 0x20 ? buf_printf(out, "\\u%04x", c) : buf_append_byte(out, c);
}

static enum err put_string(struct span text, struct buf *out)
{
    TRY(buf_append_byte(out, '"'));
    for (size_t i = 0; i < text.len; i++) {
        TRY(put_character(text.ptr[i], out));
    }
    return buf_append_byte(out, '"');
}

static enum err put_base64(struct span bytes, struct buf *out)
{
    size_t len = (bytes.len + 2) / 3 * 4;
    struct mspan room;

    TRY(buf_append_byte(out, '"'));
    TRY(buf_reserve(out, len + 1, &room)); /* with a final zero, which is not committed */
    digest_base64(bytes, (char *)room.ptr);
    buf_commit(out, len);
    return buf_append_byte(out, '"');
}

/* A long that a client whose only number is a double would lose goes in quotes. */
static enum err put_integer(int64_t number, struct buf *out)
{
    bool is_safe = number >= -DICT_NUMBER_SAFE && number <= DICT_NUMBER_SAFE;

    return buf_printf(out, is_safe ? "%" PRId64 : "\"%" PRId64 "\"", number);
}

static enum err put_real(const struct dict_value *value, struct buf *out)
{
    char room[DICT_NUMBER_CHARS];

    if (isnan(value->real)) {
        return buf_append(out, SPAN("\"NaN\""));
    }
    if (isinf(value->real)) {
        return buf_append(out, value->real > 0 ? SPAN("\"Infinity\"") : SPAN("\"-Infinity\""));
    }
    dict_number_print(value->real, value->type == DICT_FLOAT, room);
    return buf_append(out, span_str(room));
}

static enum err put_dict(const struct dict *dict, struct buf *out)
{
    TRY(buf_append_byte(out, '{'));
    for (size_t i = 0; i < dict->count; i++) {
        if (i > 0) {
            TRY(buf_append_byte(out, ','));
        }
        TRY(put_string(dict->members[i].name, out));
        TRY(buf_append_byte(out, ':'));
        TRY(put_value(&dict->members[i].value, out));
    }
    return buf_append_byte(out, '}');
}

/* `is_bare`: its values stand under the array's mark and need none of their own. */
static enum err put_array(const struct dict_array *array, bool is_bare, struct buf *out);

/* The value as it stands under its type's mark, and everywhere if it needs none. */
static enum err put_bare(const struct dict_value *value, struct buf *out)
{
    switch (value->type) {
    case DICT_BOOLEAN: return buf_append(out, value->boolean ? SPAN("true") : SPAN("false"));
    case DICT_BYTE:
    case DICT_SHORT:
    case DICT_INT:
    case DICT_LONG: return put_integer(value->integer, out);
    case DICT_FLOAT:
    case DICT_DOUBLE: return put_real(value, out);
    case DICT_CHAR:
    case DICT_STRING: return put_string(value->text, out);
    case DICT_BYTES: return put_base64(value->text, out);
    case DICT_DICT: return put_dict(value->dict, out);
    case DICT_ARRAY: return put_array(value->array, false, out);
    case DICT_NULL:
    case DICT_MIXED: break;
    }
    return buf_append(out, SPAN("null"));
}

/* ---- with one ---- */

static bool fits_int(int64_t number)
{
    return number >= INT32_MIN && number <= INT32_MAX;
}

/* What a number without a mark is read as: doc/wire.md. */
static bool is_plain_double(double number)
{
    return isfinite(number) && !dict_number_is_safe(number);
}

/* Whether the value's own text says its type. */
static bool speaks_for_itself(const struct dict_value *value)
{
    switch (value->type) {
    case DICT_LONG:
        return !fits_int(value->integer) && value->integer >= -DICT_NUMBER_SAFE &&
               value->integer <= DICT_NUMBER_SAFE;
    case DICT_DOUBLE: return is_plain_double(value->real);
    case DICT_DICT:
        return value->dict->count != 1 || !span_starts(value->dict->members[0].name, SPAN("$"));
    case DICT_BYTE:
    case DICT_SHORT:
    case DICT_FLOAT:
    case DICT_CHAR:
    case DICT_BYTES: return false;
    case DICT_NULL:
    case DICT_BOOLEAN:
    case DICT_INT:
    case DICT_STRING:
    case DICT_ARRAY:
    case DICT_MIXED: break;
    }
    return true;
}

/* Numbers without marks in one array become the widest of them, so one that speaks for itself
 * is enough, if no other would be in quotes. */
static bool numbers_speak(const struct dict_array *array)
{
    bool is_told = false;

    for (size_t i = 0; i < array->count; i++) {
        const struct dict_value *value = &array->values[i];

        is_told = is_told || speaks_for_itself(value);
        if (array->of == DICT_DOUBLE
                ? !isfinite(value->real)
                : value->integer < -DICT_NUMBER_SAFE || value->integer > DICT_NUMBER_SAFE) {
            return false;
        }
    }
    return is_told;
}

/* Whether the array's text says the type of its values; each of them may still have a mark. */
static bool array_speaks(const struct dict_array *array)
{
    switch (array->of) {
    case DICT_LONG:
    case DICT_DOUBLE: return numbers_speak(array);
    case DICT_BYTE:
    case DICT_SHORT:
    case DICT_FLOAT:
    case DICT_CHAR:
    case DICT_BYTES: return false;
    case DICT_BOOLEAN:
    case DICT_INT:
    case DICT_STRING:
    case DICT_DICT: return array->count > 0;
    case DICT_NULL:
    case DICT_ARRAY:
    case DICT_MIXED: break;
    }
    return true;
}

static enum err put_array(const struct dict_array *array, bool is_bare, struct buf *out)
{
    bool is_number = array->of == DICT_LONG || array->of == DICT_DOUBLE;

    TRY(buf_append_byte(out, '['));
    for (size_t i = 0; i < array->count; i++) {
        if (i > 0) {
            TRY(buf_append_byte(out, ','));
        }
        TRY(is_bare || is_number ? put_bare(&array->values[i], out)
                                 : put_value(&array->values[i], out));
    }
    return buf_append_byte(out, ']');
}

static enum err put_value(const struct dict_value *value, struct buf *out)
{
    if (value->type == DICT_ARRAY && !array_speaks(value->array)) {
        TRY(buf_printf(out, "{\"$%s[]\":", dict_type_name(value->array->of)));
        TRY(put_array(value->array, true, out));
        return buf_append_byte(out, '}');
    }
    if (speaks_for_itself(value)) {
        return put_bare(value, out);
    }
    TRY(buf_printf(out, "{\"$%s\":", dict_type_name(value->type)));
    TRY(put_bare(value, out));
    return buf_append_byte(out, '}');
}

enum err dict_json_write(const struct dict *dict, struct buf *out)
{
    const struct dict_value value = {.type = DICT_DICT, .dict = dict};

    return put_value(&value, out);
}
