/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "io/resolver_cache.h"

#include <stdlib.h>

struct entry {
    struct list node; /* in cache->used */
    struct resolver_cache_key key;
    msec until;
    size_t turn; /* how often it was given out: where the next answer begins */
    size_t count;
    struct addr addrs[]; /* `count` of them */
};

static void entry_drop(struct resolver_cache *cache, struct entry *entry)
{
    map_remove(&cache->entries, resolver_cache_key_span(&entry->key));
    list_remove(&entry->node);
    free(entry);
}

void resolver_cache_init(struct resolver_cache *cache, size_t max_entries, msec max_age)
{
    map_init(&cache->entries, max_entries);
    list_init(&cache->used);
    cache->max = max_entries;
    cache->max_age = max_age;
}

void resolver_cache_fini(struct resolver_cache *cache)
{
    while (!list_is_empty(&cache->used)) {
        entry_drop(cache, LIST_ENTRY(cache->used.next, struct entry, node));
    }
    map_fini(&cache->entries);
}

struct resolver_cache_key resolver_cache_key_of(struct span name, uint8_t kind)
{
    struct resolver_cache_key key = {.len = 1 + name.len, .bytes = {kind}};

    assert(name.len <= RESOLVER_CACHE_NAME_BYTES);
    for (size_t i = 0; i < name.len; i++) {
        key.bytes[1 + i] = span_lower(name.ptr[i]);
    }
    return key;
}

void resolver_cache_rotate(const struct addr *addrs, size_t count, size_t turn,
                           struct addr *ret_addrs)
{
    for (size_t i = 0; i < count; i++) {
        ret_addrs[i] = addrs[(turn + i) % count];
    }
}

/* RFC 6761 section 6.3: "localhost" and what ends with it is never asked of name servers. */
bool resolver_cache_is_localhost(struct span name)
{
    const struct span localhost = SPAN("localhost");

    if (name.len > 0 && name.ptr[name.len - 1] == '.') {
        name.len--;
    }
    if (name.len > localhost.len && name.ptr[name.len - localhost.len - 1] == '.') {
        name = span_tail(name, name.len - localhost.len);
    }
    return span_equal_nocase(name, localhost);
}

static bool find_localhost(const struct resolver_cache_key *key, struct addr *ret_addr)
{
    struct span name = span_tail(resolver_cache_key_span(key), 1);

    if (!resolver_cache_is_localhost(name)) {
        return false;
    }
    return (key->bytes[0] == AF_INET && addr_parse(SPAN("127.0.0.1"), 0, ret_addr)) ||
           (key->bytes[0] == AF_INET6 && addr_parse(SPAN("::1"), 0, ret_addr));
}

bool resolver_cache_find(struct resolver_cache *cache, const struct resolver_cache_key *key,
                         msec now, struct addr ret_addrs[RESOLVER_ADDRS_MAX], size_t *ret_count)
{
    struct entry *entry;

    if (find_localhost(key, &ret_addrs[0])) {
        *ret_count = 1;
        return true;
    }
    entry = map_find(&cache->entries, resolver_cache_key_span(key));
    if (entry == NULL) {
        return false;
    }
    if (now >= entry->until) {
        entry_drop(cache, entry);
        return false;
    }
    list_remove(&entry->node);
    list_append(&cache->used, &entry->node);
    resolver_cache_rotate(entry->addrs, entry->count, entry->turn++, ret_addrs);
    *ret_count = entry->count;
    return true;
}

static msec bounded_age(const struct resolver_cache *cache, size_t count, msec age)
{
    msec max = count == 0 ? RESOLVER_CACHE_NO_NAME_AGE : cache->max_age;

    age = msec_min(age, msec_min(max, cache->max_age));
    return age < RESOLVER_CACHE_MIN_AGE ? RESOLVER_CACHE_MIN_AGE : age;
}

void resolver_cache_put(struct resolver_cache *cache, const struct resolver_cache_key *key,
                        msec now, const struct addr *addrs, size_t count, msec age)
{
    struct entry *entry = map_find(&cache->entries, resolver_cache_key_span(key));

    assert(count <= RESOLVER_ADDRS_MAX);
    if (entry != NULL) {
        entry_drop(cache, entry);
    }
    if (map_count(&cache->entries) >= cache->max) {
        if (list_is_empty(&cache->used)) { /* a cache of no entries at all */
            return;
        }
        entry_drop(cache, LIST_ENTRY(cache->used.next, struct entry, node));
    }
    entry = calloc(1, sizeof *entry + count * sizeof *addrs);
    if (entry == NULL) {
        return;
    }
    entry->key = *key;
    entry->until = now + bounded_age(cache, count, age);
    entry->turn = 1; /* who asked has begun with the first one */
    entry->count = count;
    if (count > 0) {
        memcpy(entry->addrs, addrs, count * sizeof *addrs);
    }
    if (map_insert(&cache->entries, resolver_cache_key_span(&entry->key), entry) != OK) {
        free(entry);
        return;
    }
    list_append(&cache->used, &entry->node);
}
