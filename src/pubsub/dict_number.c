/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/dict_number.h"

#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static size_t skip_digits(struct span text, size_t at)
{
    while (at < text.len && text.ptr[at] >= '0' && text.ptr[at] <= '9') {
        at++;
    }
    return at;
}

static bool has_sign(struct span text)
{
    return text.len > 0 && (text.ptr[0] == '+' || text.ptr[0] == '-');
}

bool dict_number_is_decimal(struct span text)
{
    size_t begin = has_sign(text) ? 1 : 0;
    size_t at = skip_digits(text, begin);
    size_t digits = at - begin;

    if (at < text.len && text.ptr[at] == '.') {
        begin = ++at;
        at = skip_digits(text, begin);
        digits += at - begin;
    }
    if (digits == 0) {
        return false;
    }
    if (at < text.len && span_lower(text.ptr[at]) == 'e') {
        struct span exponent = span_tail(text, at + 1);

        exponent = span_tail(exponent, has_sign(exponent) ? 1 : 0);
        return exponent.len > 0 && skip_digits(exponent, 0) == exponent.len;
    }
    return at == text.len;
}

bool dict_number_real(struct span text, double *ret_number)
{
    char copy[DICT_NUMBER_TEXT_MAX + 1];
    double number;

    if (text.len > DICT_NUMBER_TEXT_MAX || !dict_number_is_decimal(text)) {
        return false;
    }
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    number = strtod(copy, NULL); /* too small is zero, as everywhere */
    if (isinf(number)) {
        return false;
    }
    *ret_number = number;
    return true;
}

bool dict_number_integer(struct span text, int64_t *ret_number)
{
    bool is_negative = text.len > 0 && text.ptr[0] == '-';
    uint64_t magnitude;

    if (!text_u64(span_tail(text, has_sign(text) ? 1 : 0),
                  (uint64_t)INT64_MAX + (is_negative ? 1 : 0), &magnitude)) {
        return false;
    }
    *ret_number = (int64_t)(is_negative ? 0 - magnitude : magnitude);
    return true;
}

bool dict_number_is_safe(double number)
{
    return fabs(number) <= (double)DICT_NUMBER_SAFE && trunc(number) == number;
}

/* Read as a double first, as a client whose only number is a double has to. */
static bool means_the_same(const char *text, double number, bool is_float)
{
    double again = strtod(text, NULL);

    return is_float ? (float)again == (float)number : again == number;
}

/* The fewest significant digits that will do, as "d.ddde+xx". */
static void print_shortest(double number, bool is_float, char room[DICT_NUMBER_CHARS])
{
    for (int precision = 0; precision < 17; precision++) {
        snprintf(room, DICT_NUMBER_CHARS, "%.*e", precision, number);
        if (means_the_same(room, number, is_float)) {
            return;
        }
    }
}

bool dict_number_float(double number, double *ret_number)
{
    char room[DICT_NUMBER_CHARS];

    if (isinf((float)number)) {
        return false;
    }
    print_shortest((double)(float)number, true, room);
    *ret_number = strtod(room, NULL);
    return true;
}

/* ECMA-262 Number::toString: `digits` stand for 0.ddd times ten to the power of `point`. */
static void lay_out(const char *digits, int point, char *room)
{
    int count = (int)strlen(digits);

    if (count <= point && point <= 21) {
        memset(room, '0', (size_t)point);
        memcpy(room, digits, (size_t)count);
        room[point] = '\0';
    } else if (0 < point && point <= 21) {
        snprintf(room, DICT_NUMBER_CHARS - 1, "%.*s.%s", point, digits, digits + point);
    } else if (-6 < point && point <= 0) {
        snprintf(room, DICT_NUMBER_CHARS - 1, "0.%.*s%s", -point, "00000", digits);
    } else {
        snprintf(room, DICT_NUMBER_CHARS - 1, "%c%s%se%+d", digits[0], count > 1 ? "." : "",
                 digits + 1, point - 1);
    }
}

void dict_number_print(double number, bool is_float, char room[DICT_NUMBER_CHARS])
{
    char shortest[DICT_NUMBER_CHARS];
    char digits[20];
    const char *exponent;
    size_t count = 0;

    print_shortest(fabs(number), is_float, shortest);
    exponent = strchr(shortest, 'e');
    for (const char *at = shortest; at < exponent; at++) {
        if (*at != '.') {
            digits[count++] = *at;
        }
    }
    digits[count] = '\0';
    if (signbit(number)) {
        *room++ = '-';
    }
    if (number == 0) {
        memcpy(room, "0", 2);
    } else {
        lay_out(digits, (int)strtol(exponent + 1, NULL, 10) + 1, room);
    }
}
