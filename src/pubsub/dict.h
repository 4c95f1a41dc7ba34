/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A typed dictionary: names to the scalars of Java, to null, to arrays and to dictionaries.
 * Read-only once it stands, and all of it in one arena. How it is written is known by
 * dict_json; what is looked for in it, by selectors and publish keys.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"

enum {
    DICT_DEPTH_MAX = 16, /* dictionaries and arrays inside each other, the outermost included */
};

/* clang-format off */
/*    name           mark       what it is                                                        */
#define DICT_TYPES(X)                                                                              \
    X(DICT_NULL,     "null")    /* no value, which is not the same as no member                */  \
    X(DICT_BOOLEAN,  "boolean")                                                                    \
    X(DICT_BYTE,     "byte")    /* 8 bits, signed                                               */ \
    X(DICT_SHORT,    "short")   /* 16 bits, signed                                              */ \
    X(DICT_INT,      "int")     /* 32 bits, signed                                              */ \
    X(DICT_LONG,     "long")    /* 64 bits, signed                                              */ \
    X(DICT_FLOAT,    "float")   /* IEEE 754 binary32                                            */ \
    X(DICT_DOUBLE,   "double")  /* IEEE 754 binary64                                            */ \
    X(DICT_CHAR,     "char")    /* one character of the Basic Multilingual Plane                */ \
    X(DICT_STRING,   "string")  /* UTF-8                                                        */ \
    X(DICT_BYTES,    "bytes")   /* Java's byte[]                                                */ \
    X(DICT_DICT,     "dict")                                                                       \
    X(DICT_ARRAY,    "array")                                                                      \
    X(DICT_MIXED,    "mixed")   /* no value has it: an array's values are not of one type       */
/* clang-format on */

#define X(name, mark) name,
enum dict_type {
    DICT_TYPES(X)
};
#undef X

struct dict;
struct dict_array;

struct dict_value {
    enum dict_type type;
    union {
        bool boolean;
        int64_t integer; /* BYTE, SHORT, INT, LONG; within the type's range */
        double real; /* DOUBLE; FLOAT: the number of its shortest text, 1.2261 for 1.2261f */
        struct span text;        /* CHAR, STRING: UTF-8, zeros are possible; BYTES */
        const struct dict *dict; /* as all pointers in here, borrowed from the root */
        const struct dict_array *array;
    };
};

struct dict_array {
    enum dict_type of; /* the type of each value; DICT_MIXED: several types, or no values */
    size_t count;
    const struct dict_value *values;
};

struct dict_member {
    struct span name; /* UTF-8, unique in its dictionary, may be empty */
    struct dict_value value;
};

struct dict {
    const struct dict_member *members; /* in the order in which they came */
    size_t count;
    const uint32_t *order; /* `count` of them: which member is the 1st, 2nd, ... by name */
};

struct dict_limits {
    size_t bytes;  /* of memory that one dictionary takes */
    size_t values; /* members and array elements, nested ones included; below 2^32 */
    unsigned
        around; /* levels that DICT_DEPTH_MAX does not count: an event around its dictionary */
};

/** An empty root, and the arena that everything in it has to come out of: borrowed from the
 *  root. For those who build dictionaries. ERR_NOMEM. */
must_check enum err dict_new(const struct dict_limits *limits, struct dict **ret_root,
                             struct arena **ret_arena);

/** Frees a root of dict_new() or dict_json_read() with everything in it. Takes NULL. */
void dict_free(struct dict *root);

/**
 * Puts the members, whose array is copied, into an empty dictionary: what their names and
 * values point to must be in the arena, which is the root's.
 *
 * Returns OK         `dict` is complete and never changes again
 *         ERR_PROTO  two have the same name: *ret_twice is the first one that repeats another's
 *         ERR_LIMIT  the arena is full
 *         ERR_NOMEM
 */
must_check enum err dict_fill(struct dict *dict, struct arena *arena,
                              const struct dict_member *members, size_t count,
                              size_t *ret_twice);

/** NULL when there is no such member. Takes logarithmic time. */
const struct dict_value *dict_find(const struct dict *dict, struct span name);

/** "long", for marks and sentences. Static storage. */
const char *dict_type_name(enum dict_type type);
