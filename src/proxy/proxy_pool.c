/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_pool.h"

#include "io/sock.h"

#include <stdlib.h>

enum {
    KEY_BYTES_MAX = 600 /* two host names of 255 bytes, ports and what stands between */
};

struct key_text {
    size_t len;
    uint8_t bytes[KEY_BYTES_MAX];
};

/* All idle connections under one key; gone with the last of them. */
struct bucket {
    struct list entries; /* the last one given is the last one in the list */
    size_t count;
    size_t key_len;
    uint8_t key[]; /* what the map looks at */
};

struct entry {
    struct list node;    /* in pool->entries */
    struct list in_kind; /* in bucket->entries */
    struct proxy_pool *pool;
    struct bucket *bucket;
    struct stream *stream; /* owned */
    struct addr peer;
    msec since;
};

static void put_bytes(struct key_text *text, const void *bytes, size_t len)
{
    if (len > 0 && len <= KEY_BYTES_MAX - text->len) {
        memcpy(text->bytes + text->len, bytes, len);
    }
    text->len += len < KEY_BYTES_MAX - text->len ? len : KEY_BYTES_MAX - text->len;
}

/* False when it is too long. The host's length stands in front, so that no two keys have one
 * text; names are compared without case (RFC 9110 4.2.3). */
static bool key_read(const struct proxy_pool_key *key, struct key_text *text)
{
    size_t names_from;

    text->len = 0;
    put_bytes(text, &key->host.len, sizeof key->host.len);
    put_bytes(text, &key->port, sizeof key->port);
    put_bytes(text, &key->is_tls, sizeof key->is_tls);
    names_from = text->len;
    put_bytes(text, key->host.ptr, key->host.len);
    put_bytes(text, key->parent.ptr, key->parent.len);
    for (size_t i = names_from; i < text->len; i++) {
        text->bytes[i] = span_lower(text->bytes[i]);
    }
    return text->len < KEY_BYTES_MAX;
}

/* ---- entries ---- */

static void bucket_free(struct proxy_pool *pool, struct bucket *bucket)
{
    map_remove(&pool->buckets, span_of(bucket->key, bucket->key_len));
    free(bucket);
}

/* The stream is the caller's. */
static struct stream *remove_entry(struct entry *entry)
{
    struct proxy_pool *pool = entry->pool;
    struct stream *stream = entry->stream;

    list_remove(&entry->node);
    list_remove(&entry->in_kind);
    pool->count--;
    if (--entry->bucket->count == 0) {
        bucket_free(pool, entry->bucket);
    }
    free(entry);
    stream_on_ready(stream, NULL, NULL);
    return stream;
}

static void drop(struct entry *entry)
{
    entry->pool->closed++;
    stream_free(remove_entry(entry));
}

static void close_all(struct proxy_pool *pool)
{
    while (!list_is_empty(&pool->entries)) {
        drop(LIST_ENTRY(pool->entries.next, struct entry, node));
    }
}

static void arm(struct proxy_pool *pool)
{
    const struct entry *oldest = LIST_ENTRY(pool->entries.next, struct entry, node);

    if (pool->count == 0) {
        timer_cancel(&pool->timer);
    } else if (timer_set(&pool->timer, oldest->since + pool->limits.idle_timeout) != OK) {
        close_all(pool); /* nothing may be kept that nobody would close */
    }
}

/* Nothing to read, which for TLS may need a look at what did come, such as a session ticket. */
static bool is_quiet(struct stream *stream)
{
    uint8_t byte;
    size_t len;

    return stream_read(stream, mspan_of(&byte, 1), &len) == ERR_AGAIN;
}

static void on_ready(void *ctx)
{
    struct entry *entry = ctx;
    struct proxy_pool *pool = entry->pool;

    if (!is_quiet(entry->stream)) {
        drop(entry);
        arm(pool);
    }
}

static void on_timer(void *ctx)
{
    struct proxy_pool *pool = ctx;
    const msec now = loop_now(pool->loop);

    LIST_FOREACH (node, after, &pool->entries) {
        struct entry *entry = LIST_ENTRY(node, struct entry, node);

        if (entry->since + pool->limits.idle_timeout > now) {
            break;
        }
        drop(entry);
    }
    arm(pool);
}

/* ---- the face ---- */

void proxy_pool_init(struct proxy_pool *pool, struct loop *loop,
                     const struct proxy_pool_limits *limits)
{
    *pool = (struct proxy_pool){.loop = loop, .limits = *limits};
    map_init(&pool->buckets, limits->total);
    list_init(&pool->entries);
    timer_init(&pool->timer, loop, on_timer, pool);
}

void proxy_pool_fini(struct proxy_pool *pool)
{
    close_all(pool);
    timer_cancel(&pool->timer);
    map_fini(&pool->buckets);
}

static struct bucket *find_bucket(const struct proxy_pool *pool, const struct key_text *text)
{
    return map_find(&pool->buckets, span_of(text->bytes, text->len));
}

/* The youngest that leads where the filter allows. What is no longer quiet is dropped by its
 * own readiness, but that may not have been reported yet. */
static struct entry *pick(struct bucket *bucket, dial_filter *filter, void *ctx)
{
    for (struct list *node = bucket->entries.prev; node != &bucket->entries;
         node = node->prev) {
        struct entry *entry = LIST_ENTRY(node, struct entry, in_kind);

        if (is_quiet(entry->stream) && (filter == NULL || filter(ctx, &entry->peer))) {
            return entry;
        }
    }
    return NULL;
}

struct stream *proxy_pool_take(struct proxy_pool *pool, const struct proxy_pool_key *key,
                               dial_filter *filter, void *ctx)
{
    struct key_text text;
    struct bucket *bucket = key_read(key, &text) ? find_bucket(pool, &text) : NULL;
    struct entry *entry = bucket == NULL ? NULL : pick(bucket, filter, ctx);
    struct stream *stream;

    if (entry == NULL) {
        return NULL;
    }
    stream = remove_entry(entry);
    pool->reused++;
    arm(pool);
    return stream;
}

/* One without entries. */
static enum err bucket_new(struct proxy_pool *pool, const struct key_text *text,
                           struct bucket **ret_bucket)
{
    struct bucket *bucket = calloc(1, sizeof *bucket + text->len);
    enum err e;

    if (bucket == NULL) {
        return ERR_NOMEM;
    }
    list_init(&bucket->entries);
    bucket->key_len = text->len;
    memcpy(bucket->key, text->bytes, text->len);
    e = map_insert(&pool->buckets, span_of(bucket->key, bucket->key_len), bucket);
    if (e != OK) {
        free(bucket);
        return e;
    }
    *ret_bucket = bucket;
    return OK;
}

static enum err keep(struct proxy_pool *pool, const struct key_text *text,
                     struct stream **take_stream)
{
    struct bucket *bucket = find_bucket(pool, text);
    struct entry *entry = calloc(1, sizeof *entry);
    enum err e =
        entry == NULL ? ERR_NOMEM : sock_peer_addr(stream_fd(*take_stream), &entry->peer);

    if (e == OK && bucket == NULL) {
        e = bucket_new(pool, text, &bucket);
    }
    if (e != OK) {
        free(entry);
        return e;
    }
    entry->pool = pool;
    entry->bucket = bucket;
    entry->stream = *take_stream;
    entry->since = loop_now(pool->loop);
    list_append(&pool->entries, &entry->node);
    list_append(&bucket->entries, &entry->in_kind);
    bucket->count++;
    pool->count++;
    stream_on_ready(entry->stream, on_ready, entry);
    *take_stream = NULL;
    return OK;
}

/* Makes room for one more, and keeps it. */
static enum err give(struct proxy_pool *pool, const struct proxy_pool_key *key,
                     struct stream **take_stream)
{
    struct bucket *bucket;
    struct key_text text;

    if (pool->limits.total == 0 || pool->limits.per_key == 0 || !key_read(key, &text)) {
        return ERR_LIMIT;
    }
    if (!is_quiet(*take_stream)) {
        return ERR_CLOSED;
    }
    bucket = find_bucket(pool, &text);
    if (bucket != NULL && bucket->count == pool->limits.per_key) {
        drop(LIST_ENTRY(bucket->entries.next, struct entry, in_kind));
    } else if (pool->count == pool->limits.total) {
        drop(LIST_ENTRY(pool->entries.next, struct entry, node));
    }
    return keep(pool, &text, take_stream);
}

void proxy_pool_give(struct proxy_pool *pool, const struct proxy_pool_key *key,
                     struct stream **take_stream)
{
    if (give(pool, key, take_stream) != OK) {
        stream_free(*take_stream);
        *take_stream = NULL;
        pool->closed++;
    }
    arm(pool);
}
