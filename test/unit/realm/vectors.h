/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The vectors of test/data, which the JavaScript client's codecs pass, too: JSON files with
 * sections of rows. They are read here, and not beside the codecs, since this layer may read
 * JSON and know all of them.
 */
#pragma once

#include "pubsub/dict_json.h"

#include "lib/testing.h"

#include <stdio.h>
#include <stdlib.h>

/** test/data/<name>, for dict_free(). */
static inline struct dict *vectors_read(const char *path)
{
    static const struct dict_limits limits = {.bytes = 4000000, .values = 100000};
    static uint8_t room[65536];
    FILE *file = fopen(path, "rb");
    struct dict_fault fault;
    struct dict *root = NULL;
    size_t len;

    assert_non_null(file);
    len = fread(room, 1, sizeof room, file);
    assert_true(len > 0 && len < sizeof room);
    fclose(file);
    if (dict_json_read(span_of(room, len), &limits, &fault, &root) != OK) {
        fail_msg("%s: byte %zu: %s", path, fault.at, dict_fault_text(fault.reason));
    }
    return root;
}

/** Each row of a section; one without rows would prove nothing. */
static inline void vectors_each(const struct dict *root, const char *section,
                                void (*check)(const struct dict *row))
{
    const struct dict_value *rows = dict_find(root, span_str(section));

    assert_non_null(rows);
    assert_int_equal(rows->type, DICT_ARRAY);
    assert_int_equal(rows->array->of, DICT_DICT);
    assert_true(rows->array->count > 0);
    for (size_t i = 0; i < rows->array->count; i++) {
        check(rows->array->values[i].dict);
    }
}

static inline bool vectors_has(const struct dict *row, const char *name)
{
    return dict_find(row, span_str(name)) != NULL;
}

static inline struct span vectors_text(const struct dict *row, const char *name)
{
    const struct dict_value *value = dict_find(row, span_str(name));

    assert_non_null(value);
    assert_int_equal(value->type, DICT_STRING);
    return value->text;
}

static inline uint64_t vectors_number(const struct dict *row, const char *name)
{
    const struct dict_value *value = dict_find(row, span_str(name));

    assert_non_null(value);
    assert_true(value->type == DICT_INT || value->type == DICT_LONG);
    assert_true(value->integer >= 0);
    return (uint64_t)value->integer;
}

/** An array of texts. */
static inline const struct dict_array *vectors_texts(const struct dict *row, const char *name)
{
    const struct dict_value *value = dict_find(row, span_str(name));

    assert_non_null(value);
    assert_int_equal(value->type, DICT_ARRAY);
    assert_int_equal(value->array->of, DICT_STRING);
    return value->array;
}

/** The bytes of a text of hexadecimal digits, as testing_hex(). */
static inline struct mspan vectors_hex(const struct dict *row, const char *name)
{
    struct span text = vectors_text(row, name);
    char *copy = malloc(text.len + 1);
    struct mspan bytes;

    assert_non_null(copy);
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    bytes = testing_hex(copy);
    free(copy);
    return bytes;
}
