/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "io/resolver_desk.h"

#include <stdlib.h>

enum {
    DEFAULT_CACHE_ENTRIES = 4096,
    DEFAULT_CACHE_AGE = 300 * 1000, /* ms */
    KIND_OF_NAME = 'P',             /* of a lookup by address; others are AF_INET, AF_INET6 */
};

_Static_assert((int)KIND_OF_NAME != AF_INET && (int)KIND_OF_NAME != AF_INET6,
               "kinds must differ");

struct resolver_query {
    struct list node;                  /* in lookup->queries, while that runs */
    struct resolver_desk *desk;        /* borrowed until the answer */
    resolver_answer *answer;           /* one of the two is set */
    resolver_name_answer *name_answer; /* ... for resolver_ask_name() */
    void *ctx;                         /* borrowed */
    struct loop_later later;           /* when `finding` is there */
    uint16_t port;
    bool is_answering;
    struct resolver_desk_finding finding;
};

void resolver_desk_init(struct resolver_desk *desk, struct loop *loop)
{
    *desk = (struct resolver_desk){.loop = loop};
    resolver_cache_init(&desk->cache, DEFAULT_CACHE_ENTRIES, DEFAULT_CACHE_AGE);
    map_init(&desk->lookups, SIZE_MAX); /* each is somebody's request, and these are bounded */
}

void resolver_desk_fini(struct resolver_desk *desk)
{
    assert(desk->query_count == 0 && map_count(&desk->lookups) == 0);
    map_fini(&desk->lookups);
    resolver_cache_fini(&desk->cache);
}

static void give_answer(void *ctx)
{
    struct resolver_query *query = ctx;
    const struct resolver_desk_finding *finding = &query->finding;

    query->is_answering = true;
    query->desk->query_count--;
    if (query->name_answer != NULL) {
        query->name_answer(query->ctx, finding->result,
                           span_of(finding->name, finding->name_len));
    } else {
        query->answer(query->ctx, finding->result, finding->addrs, finding->count);
    }
    free(query);
}

static void answer_later(struct resolver_query *query)
{
    for (size_t i = 0; i < query->finding.count; i++) {
        addr_set_port(&query->finding.addrs[i], query->port);
    }
    loop_defer(query->desk->loop, &query->later);
}

static struct resolver_query *query_new(struct resolver_desk *desk, void *ctx)
{
    struct resolver_query *query = calloc(1, sizeof *query);

    if (query != NULL) {
        list_init(&query->node);
        query->desk = desk;
        query->ctx = ctx;
        loop_later_init(&query->later, give_answer, query);
        desk->query_count++;
    }
    return query;
}

void resolver_desk_cancel(struct resolver_query *query)
{
    if (query == NULL || query->is_answering) {
        return;
    }
    query->desk->query_count--;
    list_remove(&query->node);
    loop_undefer(&query->later);
    free(query);
}

static struct resolver_desk_lookup *lookup_new(struct resolver_desk *desk,
                                               const struct resolver_cache_key *key)
{
    struct resolver_desk_lookup *lookup = calloc(1, sizeof *lookup);

    if (lookup == NULL) {
        return NULL;
    }
    lookup->desk = desk;
    lookup->key = *key;
    list_init(&lookup->queries);
    if (map_insert(&desk->lookups, resolver_cache_key_span(&lookup->key), lookup) != OK) {
        free(lookup);
        return NULL;
    }
    return lookup;
}

/* Puts the query to those who wait for the same. ERR_NOMEM: the query is as it was. */
static enum err wait_for(struct resolver_query *query, const struct resolver_cache_key *key,
                         struct resolver_desk_lookup **ret_lookup)
{
    struct resolver_desk *desk = query->desk;
    struct resolver_desk_lookup *lookup =
        map_find(&desk->lookups, resolver_cache_key_span(key));

    *ret_lookup = NULL;
    if (lookup == NULL) {
        lookup = lookup_new(desk, key);
        *ret_lookup = lookup;
    }
    if (lookup == NULL) {
        return ERR_NOMEM;
    }
    list_append(&lookup->queries, &query->node);
    return OK;
}

enum err resolver_desk_ask(struct resolver_desk *desk, struct span name, int family,
                           uint16_t port, resolver_answer *answer, void *ctx,
                           struct resolver_query **ret_query,
                           struct resolver_desk_lookup **ret_lookup)
{
    struct resolver_cache_key key;
    struct resolver_query *query;

    if (name.len > RESOLVER_CACHE_NAME_BYTES || span_find(name, 0) < name.len) {
        return ERR_LIMIT;
    }
    query = query_new(desk, ctx);
    if (query == NULL) {
        return ERR_NOMEM;
    }
    query->answer = answer;
    query->port = port;
    key = resolver_cache_key_of(name, (uint8_t)family);
    if (name.len == 0 || resolver_cache_find(&desk->cache, &key, loop_now(desk->loop),
                                             query->finding.addrs, &query->finding.count)) {
        query->finding.result = query->finding.count > 0 ? RESOLVER_FOUND : RESOLVER_NO_NAME;
        *ret_lookup = NULL;
        answer_later(query);
    } else if (wait_for(query, &key, ret_lookup) != OK) {
        resolver_desk_cancel(query);
        return ERR_NOMEM;
    }
    if (*ret_lookup != NULL) {
        (*ret_lookup)->family = family;
        (*ret_lookup)->is_for_addrs = true;
    }
    *ret_query = query;
    return OK;
}

enum err resolver_desk_ask_name(struct resolver_desk *desk, const struct addr *addr,
                                resolver_name_answer *answer, void *ctx,
                                struct resolver_query **ret_query,
                                struct resolver_desk_lookup **ret_lookup)
{
    struct resolver_query *query = query_new(desk, ctx);
    struct resolver_cache_key key;
    char text[ADDR_TEXT_BYTES];

    if (query == NULL) {
        return ERR_NOMEM;
    }
    query->name_answer = answer;
    key = resolver_cache_key_of(span_str(addr_host_text(addr, text)), KIND_OF_NAME);
    if (wait_for(query, &key, ret_lookup) != OK) {
        resolver_desk_cancel(query);
        return ERR_NOMEM;
    }
    if (*ret_lookup != NULL) {
        (*ret_lookup)->family = addr->sa.any.sa_family;
    }
    *ret_query = query;
    return OK;
}

void resolver_desk_end(struct resolver_desk_lookup *lookup,
                       const struct resolver_desk_finding *finding)
{
    struct resolver_desk *desk = lookup->desk;
    size_t turn = 0;

    if (lookup->is_for_addrs &&
        (finding->result == RESOLVER_FOUND || finding->result == RESOLVER_NO_NAME)) {
        resolver_cache_put(&desk->cache, &lookup->key, loop_now(desk->loop), finding->addrs,
                           finding->count, finding->age);
    }
    map_remove(&desk->lookups, resolver_cache_key_span(&lookup->key));
    LIST_FOREACH (node, after, &lookup->queries) {
        struct resolver_query *query = LIST_ENTRY(node, struct resolver_query, node);

        list_remove(node);
        query->finding = *finding;
        resolver_cache_rotate(finding->addrs, finding->count, turn++, query->finding.addrs);
        answer_later(query);
    }
    free(lookup);
}
