/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/queue_ids.h"

#include <stdlib.h>

struct known {
    struct list node;
    uint64_t eid;
    size_t len;
    uint8_t id[];
};

void queue_ids_init(struct queue_ids *ids, size_t max)
{
    assert(max > 0);
    *ids = (struct queue_ids){.max = max};
    map_init(&ids->map, max + 1); /* the newest comes before the oldest goes */
    list_init(&ids->order);
}

static void forget(struct queue_ids *ids, struct known *known)
{
    map_remove(&ids->map, span_of(known->id, known->len));
    list_remove(&known->node);
    free(known);
}

void queue_ids_fini(struct queue_ids *ids)
{
    LIST_FOREACH (node, after, &ids->order) {
        forget(ids, LIST_ENTRY(node, struct known, node));
    }
    map_fini(&ids->map);
}

uint64_t queue_ids_find(const struct queue_ids *ids, struct span id)
{
    const struct known *known = map_find(&ids->map, id);

    return known == NULL ? 0 : known->eid;
}

enum err queue_ids_add(struct queue_ids *ids, struct span id, uint64_t eid)
{
    struct known *known = malloc(sizeof *known + id.len);
    enum err e;

    assert(id.len > 0 && eid > 0);
    if (known == NULL) {
        return ERR_NOMEM;
    }
    known->eid = eid;
    known->len = id.len;
    memcpy(known->id, id.ptr, id.len);
    e = map_insert(&ids->map, span_of(known->id, known->len), known);
    if (e != OK) {
        free(known);
        return e;
    }
    list_append(&ids->order, &known->node);
    if (map_count(&ids->map) > ids->max) {
        forget(ids, LIST_ENTRY(ids->order.next, struct known, node));
    }
    return OK;
}
