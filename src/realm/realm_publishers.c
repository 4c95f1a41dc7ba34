/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_publishers.h"

#include <stdlib.h>

struct publisher {
    struct list node;
    struct realm_rate rate;
    uint64_t burst;
    size_t key_len;
    uint8_t key[];
};

void realm_publishers_init(struct realm_publishers *publishers)
{
    map_init(&publishers->map, REALM_PUBLISHERS_MAX);
    list_init(&publishers->order);
}

static void forget(struct realm_publishers *publishers, struct publisher *publisher)
{
    map_remove(&publishers->map, span_of(publisher->key, publisher->key_len));
    list_remove(&publisher->node);
    free(publisher);
}

static void forget_first(struct realm_publishers *publishers)
{
    forget(publishers, LIST_ENTRY(publishers->order.next, struct publisher, node));
}

void realm_publishers_fini(struct realm_publishers *publishers)
{
    if (publishers->map.max == 0) {
        return;
    }
    while (!list_is_empty(&publishers->order)) {
        forget_first(publishers);
    }
    map_fini(&publishers->map);
}

static enum err publisher_new(struct realm_publishers *publishers, struct span key,
                              struct publisher **ret_publisher)
{
    struct publisher *publisher = calloc(1, sizeof *publisher + key.len);
    enum err e;

    if (publisher == NULL) {
        return ERR_NOMEM;
    }
    list_init(&publisher->node);
    publisher->key_len = key.len;
    memcpy(publisher->key, key.ptr, key.len);
    if (map_count(&publishers->map) == REALM_PUBLISHERS_MAX) {
        forget_first(publishers);
    }
    e = map_insert(&publishers->map, span_of(publisher->key, key.len), publisher);
    if (e != OK) {
        free(publisher);
        return e;
    }
    *ret_publisher = publisher;
    return OK;
}

enum err realm_publishers_count(struct realm_publishers *publishers, struct span key,
                                uint64_t rate, uint64_t burst, msec now, msec *ret_wait)
{
    struct publisher *publisher = map_find(&publishers->map, key);

    if (publisher == NULL) {
        TRY(publisher_new(publishers, key, &publisher));
    }
    if (publisher->rate.count != rate || publisher->burst != burst) { /* a reload's, or new */
        realm_rate_init(&publisher->rate, rate, REALM_PUBLISHERS_SECOND_MS, burst - 1, now);
        publisher->burst = burst;
    }
    list_remove(&publisher->node);
    list_append(&publishers->order, &publisher->node);
    if (realm_rate_is_over(&publisher->rate, now)) {
        *ret_wait = realm_rate_ready_at(&publisher->rate, now) - now;
        return ERR_AGAIN;
    }
    realm_rate_take(&publisher->rate, now);
    return OK;
}
