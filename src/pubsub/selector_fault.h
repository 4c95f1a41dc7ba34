/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What can be wrong in a selector: one row each, with the sentence for whoever wrote it.
 */
#pragma once

#include <stddef.h>

/* clang-format off */
#define SELECTOR_FAULTS(X)                                                                          \
    X(SELECTOR_FAULT_NONE,        "nothing is wrong")                                               \
    X(SELECTOR_FAULT_UTF8,        "this is not UTF-8")                                              \
    X(SELECTOR_FAULT_CHARACTER,   "this character means nothing in a selector")                     \
    X(SELECTOR_FAULT_EQUALS,      "equality is written =, inequality <>")                           \
    X(SELECTOR_FAULT_STRING,      "the string has no closing quote")                                \
    X(SELECTOR_FAULT_NUMBER,      "this is not a number")                                           \
    X(SELECTOR_FAULT_OCTAL,       "a number that begins with 0 is octal: it has no 8 and no 9")     \
    X(SELECTOR_FAULT_RANGE,       "the number is too large")                                        \
    X(SELECTOR_FAULT_PATH,        "a name was expected behind the dot")                             \
    X(SELECTOR_FAULT_BRACKET,     "brackets hold nothing, for any element, or its number from 0")   \
    X(SELECTOR_FAULT_NAME,        "a name in double quotes must not be empty, and must be closed")  \
    X(SELECTOR_FAULT_END,         "the selector ends too early")                                    \
    X(SELECTOR_FAULT_BEHIND,      "an operator was expected, AND, OR or the end")                   \
    X(SELECTOR_FAULT_VALUE,       "a name, a literal or an opening parenthesis was expected")       \
    X(SELECTOR_FAULT_PARENTHESIS, "a closing parenthesis was expected")                             \
    X(SELECTOR_FAULT_CONDITION,   "a condition was expected, and this is a value")                  \
    X(SELECTOR_FAULT_OPERAND,     "a value was expected, and this is a condition")                  \
    X(SELECTOR_FAULT_NULL,        "NULL is compared with IS NULL or IS NOT NULL")                   \
    X(SELECTOR_FAULT_FUNCTION,    "there are no functions")                                         \
    X(SELECTOR_FAULT_ORDER,       "strings and booleans are compared with = and <> only")           \
    X(SELECTOR_FAULT_ARITHMETIC,  "only numbers can be calculated with")                            \
    X(SELECTOR_FAULT_BETWEEN,     "BETWEEN wants AND between its two bounds")                       \
    X(SELECTOR_FAULT_NOT,         "BETWEEN, IN or LIKE was expected behind NOT")                    \
    X(SELECTOR_FAULT_IS,          "IS wants NULL or NOT NULL")                                      \
    X(SELECTOR_FAULT_SUBJECT,     "LIKE, IN and IS NULL want a name on their left")                 \
    X(SELECTOR_FAULT_IN,          "IN wants literals in parentheses, with commas between them")     \
    X(SELECTOR_FAULT_LIKE,        "LIKE wants a string")                                            \
    X(SELECTOR_FAULT_ESCAPE,      "ESCAPE wants a string of one character")                         \
    X(SELECTOR_FAULT_ESCAPED,     "the escape character must stand before %, _ or itself")          \
    X(SELECTOR_FAULT_TEXT,        "the selector is longer than 4096 bytes")                         \
    X(SELECTOR_FAULT_NODES,       "the selector has more than 1024 parts")                          \
    X(SELECTOR_FAULT_DEPTH,       "the selector is nested too deeply")                              \
    X(SELECTOR_FAULT_ANY,         "there are more than 8 [] in one comparison")
/* clang-format on */

#define X(name, sentence) name,
enum selector_fault_reason {
    SELECTOR_FAULTS(X)
};
#undef X

struct selector_fault {
    enum selector_fault_reason reason;
    size_t at; /* bytes from the beginning of the text */
};

/** A sentence without its full stop. Static storage. */
const char *selector_fault_text(enum selector_fault_reason reason);
