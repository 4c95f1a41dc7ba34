/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A text that is read is written, and what is written is read as the same: a second writing has
 * the same bytes. A refused one has a reason, and a place inside the text. The first byte
 * chooses the limits.
 */
#include "pubsub/dict_json.h"
#include "pubsub/dict_json_write.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct dict_limits limits[] = {
    {.bytes = 1 << 24, .values = 1 << 20},
    {.bytes = 1000, .values = 10},
};

static void check(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void check_values(const struct dict_value *value, unsigned depth);

/* Each member is found under its name, and is this one: no name is there twice. */
static void check_dict(const struct dict *dict, unsigned depth)
{
    check(depth <= DICT_DEPTH_MAX);
    for (size_t i = 0; i < dict->count; i++) {
        check(dict_find(dict, dict->members[i].name) == &dict->members[i].value);
        check_values(&dict->members[i].value, depth);
    }
}

static void check_values(const struct dict_value *value, unsigned depth)
{
    if (value->type == DICT_DICT) {
        check_dict(value->dict, depth + 1);
    }
    if (value->type == DICT_ARRAY) {
        check(depth < DICT_DEPTH_MAX);
        for (size_t i = 0; i < value->array->count; i++) {
            check(value->array->of == DICT_MIXED ||
                  value->array->values[i].type == value->array->of);
            check_values(&value->array->values[i], depth + 1);
        }
    }
}

static void write_dict(const struct dict *dict, struct buf *out)
{
    buf_init(out, 1 << 26);
    check(dict_json_write(dict, out) == OK);
}

static void check_written(const struct dict *dict)
{
    struct buf once, twice;
    struct dict_fault fault;
    struct dict *again;

    write_dict(dict, &once);
    check(dict_json_read(buf_span(&once), &limits[0], &fault, &again) == OK);
    write_dict(again, &twice);
    check(span_equal(buf_span(&once), buf_span(&twice)));
    dict_free(again);
    buf_fini(&once);
    buf_fini(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dict_json_event event;
    struct dict_fault fault;
    struct dict *dict;
    enum err e;

    if (size == 0) {
        return 0;
    }
    e = dict_json_read(span_of(data + 1, size - 1), &limits[data[0] % 2], &fault, &dict);
    if (e != OK) {
        check(e == ERR_PROTO || e == ERR_LIMIT);
        check(fault.reason != DICT_FAULT_NONE && fault.at <= size - 1);
        return 0;
    }
    check_dict(dict, 1);
    check_written(dict);
    if (dict_json_event(dict, &fault, &event) != OK) {
        check(fault.reason != DICT_FAULT_NONE);
    }
    dict_free(dict);
    return 0;
}
