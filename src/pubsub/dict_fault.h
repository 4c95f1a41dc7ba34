/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What can be wrong in the text of a dictionary: one row each, with the sentence for whoever
 * wrote it.
 */
#pragma once

#include <stddef.h>

/* clang-format off */
#define DICT_FAULTS(X)                                                                              \
    X(DICT_FAULT_NONE,         "nothing is wrong")                                                  \
    X(DICT_FAULT_UTF8,         "this is not UTF-8")                                                 \
    X(DICT_FAULT_END,          "the text ends too early")                                           \
    X(DICT_FAULT_BEHIND,       "something stands behind the end of the dictionary")                 \
    X(DICT_FAULT_NOT_DICT,     "a dictionary was expected: an object, {...}")                       \
    X(DICT_FAULT_VALUE,        "a value was expected")                                              \
    X(DICT_FAULT_NAME,         "a member's name was expected, in double quotes")                    \
    X(DICT_FAULT_COLON,        "a colon was expected behind the member's name")                     \
    X(DICT_FAULT_COMMA,        "a comma or the closing bracket was expected")                       \
    X(DICT_FAULT_CONTROL,      "a control character in a string must be escaped")                   \
    X(DICT_FAULT_ESCAPE,       "JSON has no such escape")                                           \
    X(DICT_FAULT_SURROGATE,    "half a surrogate pair is no character")                             \
    X(DICT_FAULT_NUMBER,       "this is not a number as JSON writes them")                          \
    X(DICT_FAULT_DIGITS,       "the number has more than 400 characters")                            \
    X(DICT_FAULT_RANGE,        "the number is out of its type's range")                             \
    X(DICT_FAULT_INTEGRAL,     "the type wants a whole number")                                     \
    X(DICT_FAULT_UNSAFE,       "a long beyond 2^53 must be written in quotes")                      \
    X(DICT_FAULT_LONG,         "a long in quotes is a whole number of 64 bits")                     \
    X(DICT_FAULT_TWICE,        "the dictionary has a member of this name already")                  \
    X(DICT_FAULT_MARK,         "there is no such type mark (a dictionary with this one member is written {\"$dict\":{...}})") \
    X(DICT_FAULT_MARKED,       "the value does not fit its type mark")                              \
    X(DICT_FAULT_BASE64,       "this is not base64")                                                \
    X(DICT_FAULT_CHAR,         "a char is one character below U+10000")                             \
    X(DICT_FAULT_EVENT_DATA,   "an event's data must be a string or bytes")                         \
    X(DICT_FAULT_EVENT_DICT,   "an event's dict must be a dictionary")                              \
    X(DICT_FAULT_EVENT_TAG,    "an event's tag must be a string")                                   \
    X(DICT_FAULT_DEPTH,        "dictionaries and arrays are nested too deeply")                     \
    X(DICT_FAULT_VALUES,       "there are too many values")                                         \
    X(DICT_FAULT_BYTES,        "the dictionary takes too much memory")
/* clang-format on */

#define X(name, sentence) name,
enum dict_fault_reason {
    DICT_FAULTS(X)
};
#undef X

struct dict_fault {
    enum dict_fault_reason reason;
    size_t at; /* bytes from the beginning of the text; 0 where there is no text */
};

/** A sentence without its full stop. Static storage. */
const char *dict_fault_text(enum dict_fault_reason reason);
