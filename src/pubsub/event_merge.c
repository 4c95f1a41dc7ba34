/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/event_merge.h"

#include "pubsub/dict_json_write.h"
#include "pubsub/event_source.h"

#include <stdlib.h>

static const struct dict_limits limits = {.bytes = EVENT_SOURCE_DICT_BYTES,
                                          .values = EVENT_SOURCE_DICT_VALUES,
                                          .around = 1};

static bool is_dict(const struct dict_value *value)
{
    return value != NULL && value->type == DICT_DICT;
}

/* The members of `change` over those of `base`, which keep their places. */
static enum err overlay(const struct dict *base, const struct dict *change, struct arena *arena,
                        struct dict *ret_merged)
{
    struct dict_member *members = calloc(base->count + change->count + 1, sizeof *members);
    size_t count = 0;
    size_t twice;
    enum err e;

    if (members == NULL) {
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < base->count; i++) {
        const struct dict_value *newer = dict_find(change, base->members[i].name);

        members[count] = base->members[i];
        members[count].value = newer != NULL ? *newer : members[count].value;
        count++;
    }
    for (size_t i = 0; i < change->count; i++) {
        if (dict_find(base, change->members[i].name) == NULL) {
            members[count++] = change->members[i];
        }
    }
    e = dict_fill(ret_merged, arena, members, count, &twice);
    assert(e != ERR_PROTO);
    free(members);
    return e;
}

/* The roots hold data, tag and dict. `inner` is what the merged root points to. */
static enum err merge(const struct dict *base, const struct dict *change, struct arena *arena,
                      struct dict *inner, struct dict *root)
{
    const struct dict_value *old = dict_find(base, SPAN("dict"));
    const struct dict_value *new = dict_find(change, SPAN("dict"));
    struct dict_member member = {.name = SPAN("dict"), .value = {.type = DICT_DICT}};
    struct dict both = {.count = 0};
    struct dict last = {.count = 0};
    size_t twice;

    if (!is_dict(old) || !is_dict(new)) {
        return ERR_CONF;
    }
    TRY(overlay(old->dict, new->dict, arena, inner));
    member.value.dict = inner;
    TRY(dict_fill(&last, arena, &member, 1, &twice));
    TRY(overlay(base, change, arena, &both));
    return overlay(&both, &last, arena, root);
}

static enum err write_merged(const struct dict *base, const struct dict *change,
                             struct buf *out)
{
    struct dict inner = {.count = 0};
    struct dict *root;
    struct arena *arena;
    enum err e;

    TRY(dict_new(&limits, &root, &arena));
    e = merge(base, change, arena, &inner, root);
    if (e == OK) {
        e = dict_json_write(root, out);
    }
    dict_free(root);
    return e;
}

/* ERR_CONF: it has none. */
static enum err read_root(const struct event *event, struct dict **ret_root)
{
    struct dict_json_event parts;
    struct dict_fault fault;
    struct dict *root;
    enum err e = ERR_CONF;

    if (event_source_is_dict(event)) {
        e = dict_json_read(event_body(event), &limits, &fault, &root);
    }
    if (e != OK) {
        return e == ERR_PROTO ? ERR_CONF : e;
    }
    if (dict_json_event(root, &fault, &parts) != OK) {
        dict_free(root);
        return ERR_CONF;
    }
    *ret_root = root;
    return OK;
}

enum err event_merge(const struct event *base, const struct event *change, struct buf *out)
{
    struct dict *old = NULL;
    struct dict *new = NULL;
    enum err e = read_root(base, &old);

    if (e == OK) {
        e = read_root(change, &new);
    }
    if (e == OK) {
        e = write_merged(old, new, out);
    }
    dict_free(old);
    dict_free(new);
    return e;
}
