/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What a name or a literal of a selector stands for, and what can be said of two of them:
 * JMS 1.1 section 3.8.1.2, SQL-92's three-valued logic.
 */
#pragma once

#include "pubsub/dict.h"
#include "pubsub/selector.h"

enum selector_value_type {
    SELECTOR_VALUE_NULL,
    SELECTOR_VALUE_BOOLEAN,
    SELECTOR_VALUE_INTEGER, /* exact */
    SELECTOR_VALUE_REAL,    /* approximate */
    SELECTOR_VALUE_STRING,
    SELECTOR_VALUE_HEADER, /* a header's text: a string, that can also be read as something else
                            */
    SELECTOR_VALUE_OTHER,  /* bytes, an array, a dictionary: there, and comparable to nothing */
};

struct selector_value {
    enum selector_value_type type;
    union {
        bool boolean;
        int64_t integer;
        double real;
        struct span text; /* STRING, HEADER; borrowed from the source or the selector */
    };
};

enum selector_value_order {
    SELECTOR_VALUE_EQUAL,
    SELECTOR_VALUE_DIFFERENT,
    SELECTOR_VALUE_LESS,
    SELECTOR_VALUE_AT_MOST,
    SELECTOR_VALUE_MORE,
    SELECTOR_VALUE_AT_LEAST,
};

enum selector_value_sign {
    SELECTOR_VALUE_PLUS,
    SELECTOR_VALUE_MINUS,
    SELECTOR_VALUE_TIMES,
    SELECTOR_VALUE_DIVIDE,
};

static inline enum selector_truth selector_value_truth(bool is_true)
{
    return is_true ? SELECTOR_TRUE : SELECTOR_FALSE;
}

struct selector_value selector_value_of(const struct dict_value *value);

/** Unknown when one is null, false when they cannot be compared so, whatever the order is. */
enum selector_truth selector_value_compare(const struct selector_value *a,
                                           enum selector_value_order order,
                                           const struct selector_value *b);

/** Null when one of them is no number, or when there is no result: a whole number past 64 bits,
 *  one divided by zero. */
struct selector_value selector_value_calculate(const struct selector_value *a,
                                               enum selector_value_sign sign,
                                               const struct selector_value *b);
