/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/dict.h"

#include <stdlib.h>

/* What dict_new() makes: the dictionary is its first member. */
struct dict_root {
    struct dict dict;
    struct arena arena;
};

enum err dict_new(const struct dict_limits *limits, struct dict **ret_root,
                  struct arena **ret_arena)
{
    struct dict_root *root = calloc(1, sizeof *root);

    if (root == NULL) {
        return ERR_NOMEM;
    }
    arena_init(&root->arena, limits->bytes);
    *ret_root = &root->dict;
    *ret_arena = &root->arena;
    return OK;
}

void dict_free(struct dict *root)
{
    struct dict_root *whole = (struct dict_root *)root;

    if (whole == NULL) {
        return;
    }
    arena_fini(&whole->arena);
    free(whole);
}

static int compare(struct span a, struct span b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len == 0 ? 0 : memcmp(a.ptr, b.ptr, len);

    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/* For qsort_r: where two names are equal, the one that came first is less. */
static int compare_members(const void *a, const void *b, void *ctx)
{
    const struct dict_member *members = ctx;
    uint32_t left = *(const uint32_t *)a;
    uint32_t right = *(const uint32_t *)b;
    int order = compare(members[left].name, members[right].name);

    return order != 0 ? order : (left > right) - (left < right);
}

static bool has_repeat(const struct dict_member *members, const uint32_t *order, size_t count,
                       size_t *ret_twice)
{
    size_t first = SIZE_MAX;

    for (size_t i = 1; i < count; i++) {
        if (order[i] < first &&
            span_equal(members[order[i - 1]].name, members[order[i]].name)) {
            first = order[i];
        }
    }
    if (first != SIZE_MAX) {
        *ret_twice = first;
    }
    return first != SIZE_MAX;
}

enum err dict_fill(struct dict *dict, struct arena *arena, const struct dict_member *members,
                   size_t count, size_t *ret_twice)
{
    void *copy;
    void *room;
    uint32_t *order;

    assert(dict->count == 0 && count <= UINT32_MAX);
    if (count == 0) {
        return OK;
    }
    TRY(arena_alloc(arena, count * sizeof *members, &copy));
    TRY(arena_alloc(arena, count * sizeof *order, &room));
    memcpy(copy, members, count * sizeof *members);
    order = room;
    for (size_t i = 0; i < count; i++) {
        order[i] = (uint32_t)i;
    }
    qsort_r(order, count, sizeof *order, compare_members, copy);
    if (has_repeat(copy, order, count, ret_twice)) {
        return ERR_PROTO;
    }
    dict->members = copy;
    dict->order = order;
    dict->count = count;
    return OK;
}

const struct dict_value *dict_find(const struct dict *dict, struct span name)
{
    size_t low = 0;
    size_t high = dict->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct dict_member *member = &dict->members[dict->order[middle]];
        int order = compare(name, member->name);

        if (order == 0) {
            return &member->value;
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return NULL;
}

const char *dict_type_name(enum dict_type type)
{
#define X(name, mark) [name] = mark,
    static const char *const names[] = {DICT_TYPES(X)};
#undef X

    return names[type];
}
