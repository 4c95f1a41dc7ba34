/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/selector_value.h"

#include "pubsub/dict_number.h"

static const struct selector_value null_value = {.type = SELECTOR_VALUE_NULL};

static struct selector_value integer_value(int64_t integer)
{
    return (struct selector_value){.type = SELECTOR_VALUE_INTEGER, .integer = integer};
}

static struct selector_value real_value(double real)
{
    return (struct selector_value){.type = SELECTOR_VALUE_REAL, .real = real};
}

struct selector_value selector_value_of(const struct dict_value *value)
{
    switch (value->type) {
    case DICT_NULL: return null_value;
    case DICT_BOOLEAN:
        return (struct selector_value){.type = SELECTOR_VALUE_BOOLEAN,
                                       .boolean = value->boolean};
    case DICT_BYTE:
    case DICT_SHORT:
    case DICT_INT:
    case DICT_LONG: return integer_value(value->integer);
    case DICT_FLOAT:
    case DICT_DOUBLE: return real_value(value->real);
    case DICT_CHAR:
    case DICT_STRING:
        return (struct selector_value){.type = SELECTOR_VALUE_STRING, .text = value->text};
    case DICT_BYTES:
    case DICT_DICT:
    case DICT_ARRAY:
    case DICT_MIXED: break;
    }
    return (struct selector_value){.type = SELECTOR_VALUE_OTHER};
}

static bool is_number(const struct selector_value *value)
{
    return value->type == SELECTOR_VALUE_INTEGER || value->type == SELECTOR_VALUE_REAL;
}

static bool is_string(const struct selector_value *value)
{
    return value->type == SELECTOR_VALUE_STRING || value->type == SELECTOR_VALUE_HEADER;
}

/* STOMP's headers have no types: one that is wholly a number can stand for it. */
static bool read_number(const struct selector_value *value, struct selector_value *ret_number)
{
    int64_t integer;
    double real;

    if (is_number(value)) {
        *ret_number = *value;
        return true;
    }
    if (value->type != SELECTOR_VALUE_HEADER) {
        return false;
    }
    if (dict_number_integer(value->text, &integer)) {
        *ret_number = integer_value(integer);
        return true;
    }
    if (dict_number_real(value->text, &real)) {
        *ret_number = real_value(real);
        return true;
    }
    return false;
}

/* Likewise "true" and "false". */
static bool read_boolean(const struct selector_value *value, bool *ret_boolean)
{
    bool is_true = value->type == SELECTOR_VALUE_HEADER && span_equals(value->text, "true");

    if (value->type == SELECTOR_VALUE_BOOLEAN) {
        *ret_boolean = value->boolean;
        return true;
    }
    *ret_boolean = is_true;
    return is_true ||
           (value->type == SELECTOR_VALUE_HEADER && span_equals(value->text, "false"));
}

/* "String and Boolean comparison is restricted to = and <>." */
static enum selector_truth compare_equality(enum selector_value_order order, bool is_equal)
{
    if (order != SELECTOR_VALUE_EQUAL && order != SELECTOR_VALUE_DIFFERENT) {
        return SELECTOR_FALSE;
    }
    return selector_value_truth(is_equal == (order == SELECTOR_VALUE_EQUAL));
}

static enum selector_truth compare_integers(int64_t a, enum selector_value_order order,
                                            int64_t b)
{
    switch (order) {
    case SELECTOR_VALUE_EQUAL: return selector_value_truth(a == b);
    case SELECTOR_VALUE_DIFFERENT: return selector_value_truth(a != b);
    case SELECTOR_VALUE_LESS: return selector_value_truth(a < b);
    case SELECTOR_VALUE_AT_MOST: return selector_value_truth(a <= b);
    case SELECTOR_VALUE_MORE: return selector_value_truth(a > b);
    case SELECTOR_VALUE_AT_LEAST: break;
    }
    return selector_value_truth(a >= b);
}

static enum selector_truth compare_reals(double a, enum selector_value_order order, double b)
{
    switch (order) {
    case SELECTOR_VALUE_EQUAL: return selector_value_truth(a == b);
    case SELECTOR_VALUE_DIFFERENT: return selector_value_truth(a != b);
    case SELECTOR_VALUE_LESS: return selector_value_truth(a < b);
    case SELECTOR_VALUE_AT_MOST: return selector_value_truth(a <= b);
    case SELECTOR_VALUE_MORE: return selector_value_truth(a > b);
    case SELECTOR_VALUE_AT_LEAST: break;
    }
    return selector_value_truth(a >= b);
}

static double to_real(const struct selector_value *number)
{
    return number->type == SELECTOR_VALUE_REAL ? number->real : (double)number->integer;
}

enum selector_truth selector_value_compare(const struct selector_value *a,
                                           enum selector_value_order order,
                                           const struct selector_value *b)
{
    struct selector_value left, right;
    bool left_boolean, right_boolean;

    if (a->type == SELECTOR_VALUE_NULL || b->type == SELECTOR_VALUE_NULL) {
        return SELECTOR_UNKNOWN;
    }
    if (read_number(a, &left) && read_number(b, &right)) {
        /* "the type conversion required is defined by the rules of Java numeric promotion" */
        return left.type == SELECTOR_VALUE_INTEGER && right.type == SELECTOR_VALUE_INTEGER
                   ? compare_integers(left.integer, order, right.integer)
                   : compare_reals(to_real(&left), order, to_real(&right));
    }
    if (is_string(a) && is_string(b)) {
        return compare_equality(order, span_equal(a->text, b->text));
    }
    if (read_boolean(a, &left_boolean) && read_boolean(b, &right_boolean)) {
        return compare_equality(order, left_boolean == right_boolean);
    }
    /* "If the comparison of non-like type values is attempted, the value of the operation is
     * false." */
    return SELECTOR_FALSE;
}

static struct selector_value calculate_integer(int64_t a, enum selector_value_sign sign,
                                               int64_t b)
{
    int64_t result = 0;
    bool is_past = false;

    switch (sign) {
    case SELECTOR_VALUE_PLUS: is_past = __builtin_add_overflow(a, b, &result); break;
    case SELECTOR_VALUE_MINUS: is_past = __builtin_sub_overflow(a, b, &result); break;
    case SELECTOR_VALUE_TIMES: is_past = __builtin_mul_overflow(a, b, &result); break;
    case SELECTOR_VALUE_DIVIDE:
        is_past = b == 0 || (a == INT64_MIN && b == -1);
        result = is_past ? 0 : a / b; /* towards zero, as in Java */
        break;
    }
    return is_past ? null_value : integer_value(result);
}

static struct selector_value calculate_real(double a, enum selector_value_sign sign, double b)
{
    switch (sign) {
    case SELECTOR_VALUE_PLUS: return real_value(a + b);
    case SELECTOR_VALUE_MINUS: return real_value(a - b);
    case SELECTOR_VALUE_TIMES: return real_value(a * b);
    case SELECTOR_VALUE_DIVIDE: break;
    }
    return b == 0 ? null_value : real_value(a / b);
}

struct selector_value selector_value_calculate(const struct selector_value *a,
                                               enum selector_value_sign sign,
                                               const struct selector_value *b)
{
    struct selector_value left, right;

    if (!read_number(a, &left) || !read_number(b, &right)) {
        return null_value;
    }
    return left.type == SELECTOR_VALUE_INTEGER && right.type == SELECTOR_VALUE_INTEGER
               ? calculate_integer(left.integer, sign, right.integer)
               : calculate_real(to_real(&left), sign, to_real(&right));
}
