/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Decimal texts to binary numbers and back. The program never sets a locale, so the C library's
 * decimal point is a point.
 */
#pragma once

#include "base/err.h"
#include "base/span.h"

enum {
    DICT_NUMBER_CHARS = 40,     /* of a printed number, with its final zero */
    DICT_NUMBER_TEXT_MAX = 400, /* more than any double needs when it is written out */
};

/** The largest integer up to which a double holds every one: ECMAScript's
 * Number.MAX_SAFE_INTEGER.
 */
#define DICT_NUMBER_SAFE INT64_C(9007199254740991)

/** Optional sign, digits with an optional point among, before or behind them, optional
 * exponent; nothing else. */
bool dict_number_is_decimal(struct span text);

/** What a decimal stands for. False when it is none, is longer than DICT_NUMBER_TEXT_MAX or
 * past a double. */
bool dict_number_real(struct span text, double *ret_number);

/** Optional sign and digits. False when it is none, or past 64 bits. */
bool dict_number_integer(struct span text, int64_t *ret_number);

/** Whether it is a whole number up to DICT_NUMBER_SAFE, either side of zero. */
bool dict_number_is_safe(double number);

/** The number of the shortest text that means the same float: 1.2261
 * for 1.22609996795654296875. False when it is past a float. */
bool dict_number_float(double number, double *ret_number);

/** The shortest text that is read as the same double, or (is_float) as the same float, laid out
 *  as ECMAScript's Number::toString; of finite numbers only. */
void dict_number_print(double number, bool is_float, char room[DICT_NUMBER_CHARS]);
