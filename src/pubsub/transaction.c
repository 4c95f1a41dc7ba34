/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/transaction.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>

/* In the store: "tx/<commit id>" with the time of the commit, in ms since 1970. */
#define KEY_PREFIX "tx/"

const struct span transaction_hall_prefix = SPAN_INIT(KEY_PREFIX);

enum {
    KEY_BYTES = sizeof KEY_PREFIX + TRANSACTION_ID_MAX,
    TIME_BYTES = 24,
    FORGET_AT_ONCE = 8, /* outcomes that the store forgets in one step with a commit */
    STATE_OPS_MAX = FORGET_AT_ONCE + 1,
};

struct item {
    struct list node; /* in transaction->items */
    struct router_route *route;
    struct event_parts parts; /* over what follows */
    struct event_header headers[];
};

void transaction_hall_init(struct transaction_hall *hall, struct router *router,
                           const struct transaction_hall_conf *conf)
{
    *hall = (struct transaction_hall){.router = router};
    transaction_memory_init(&hall->memory, conf->remembered_max, conf->remembered);
    hall->memory.is_kept = router->conf.store != NULL;
    list_init(&hall->committing);
    transaction_hall_adopt(hall, conf);
}

/* ---- what the store remembers ---- */

struct remembered {
    uint64_t at;
    size_t len;
    uint8_t id[TRANSACTION_ID_MAX];
};

/* False: what is no time of ours is nobody's outcome. */
static bool read_outcome(struct span key, struct span value, struct remembered *ret_one)
{
    struct span id = span_tail(key, strlen(KEY_PREFIX));

    if (id.len == 0 || id.len > sizeof ret_one->id ||
        !text_u64(value, UINT64_MAX, &ret_one->at)) {
        return false;
    }
    ret_one->len = id.len;
    memcpy(ret_one->id, id.ptr, id.len);
    return true;
}

static bool on_remembered(void *ctx, struct span key, struct span value)
{
    struct remembered one;

    return !read_outcome(key, value, &one) || buf_append(ctx, span_of(&one, sizeof one)) == OK;
}

static int compare_times(const void *a, const void *b)
{
    const struct remembered *one = a;
    const struct remembered *other = b;

    return (one->at > other->at) - (one->at < other->at);
}

enum err transaction_hall_load(struct transaction_hall *hall)
{
    struct store *store = hall->router->conf.store;
    struct remembered *all;
    struct buf found;
    enum err e;

    if (store == NULL) {
        return OK;
    }
    buf_init(&found, SIZE_MAX / 2); /* as many as were remembered: remembered_max bounds it */
    e = store_list(store, SPAN(KEY_PREFIX), on_remembered, &found);
    all = (struct remembered *)(void *)found.ptr;
    if (found.len > 0) {
        qsort(all, found.len / sizeof *all, sizeof *all, compare_times);
    }
    for (size_t i = 0; e == OK && i < found.len / sizeof *all; i++) {
        e = transaction_memory_put(&hall->memory, span_of(all[i].id, all[i].len),
                                   TRANSACTION_MEMORY_COMMITTED, all[i].at);
    }
    buf_fini(&found);
    return e;
}

/* The id is not over its maximum. */
static struct span write_key(struct span id, uint8_t room[KEY_BYTES])
{
    size_t len = strlen(KEY_PREFIX);

    memcpy(room, KEY_PREFIX, len);
    memcpy(room + len, id.ptr, id.len);
    return span_of(room, len + id.len);
}

static enum err take(struct transaction_hall *hall, struct span key, struct span value)
{
    struct remembered one;

    if (!read_outcome(key, value, &one)) {
        return OK;
    }
    return transaction_memory_put(&hall->memory, span_of(one.id, one.len),
                                  TRANSACTION_MEMORY_COMMITTED, one.at);
}

void transaction_hall_take(struct transaction_hall *hall, struct span key,
                           const struct span *value)
{
    struct span id = span_tail(key, strlen(KEY_PREFIX));
    enum transaction_memory_outcome known =
        transaction_memory_find(&hall->memory, id, hall->router->room.now);

    if (known == TRANSACTION_MEMORY_PENDING) {
        return; /* its own end says how it went */
    }
    if (value == NULL) {
        transaction_memory_forget(&hall->memory, id);
    } else {
        enum err e = take(hall, key, *value);

        (void)e; /* it is looked for in the store when somebody asks */
    }
}

static enum err look_in_store(struct transaction_hall *hall, struct span id)
{
    struct store *store = hall->router->conf.store;
    uint8_t room[KEY_BYTES];
    struct span key = write_key(id, room);
    struct buf value;
    bool found;
    enum err e;

    buf_init(&value, STORE_VALUE_MAX);
    e = store_get(store, key, &value, &found);
    if (e == OK && found) {
        e = take(hall, key, buf_span(&value));
    }
    buf_fini(&value);
    return e;
}

enum transaction_memory_outcome transaction_hall_find(struct transaction_hall *hall,
                                                      struct span id)
{
    const struct store *store = hall->router->conf.store;
    uint64_t now = hall->router->room.now;
    enum transaction_memory_outcome known = transaction_memory_find(&hall->memory, id, now);

    if (known != TRANSACTION_MEMORY_UNKNOWN || store == NULL || !store->is_shared) {
        return known;
    }
    return look_in_store(hall, id) == OK ? transaction_memory_find(&hall->memory, id, now)
                                         : TRANSACTION_MEMORY_PENDING;
}

void transaction_hall_adopt(struct transaction_hall *hall,
                            const struct transaction_hall_conf *conf)
{
    transaction_memory_adopt(&hall->memory, conf->remembered_max, conf->remembered);
    hall->items_max = conf->items_max;
    hall->bytes_max = conf->bytes_max;
}

void transaction_hall_fini(struct transaction_hall *hall)
{
    LIST_FOREACH (node, after, &hall->committing) {
        struct transaction *transaction = LIST_ENTRY(node, struct transaction, node);

        router_publish_cancel(&transaction->ticket);
        queue_reader_settle(&transaction->claim, false);
        transaction_free(transaction);
    }
    transaction_memory_fini(&hall->memory);
}

enum err transaction_new(struct transaction_hall *hall, struct span id,
                         struct transaction **ret_transaction)
{
    struct transaction *transaction = calloc(1, sizeof *transaction + id.len);

    if (transaction == NULL) {
        return ERR_NOMEM;
    }
    transaction->hall = hall;
    transaction->id_len = id.len;
    if (id.len > 0) {
        memcpy(transaction->id, id.ptr, id.len);
    }
    list_init(&transaction->node);
    list_init(&transaction->items);
    queue_reader_claim_init(&transaction->claim);
    *ret_transaction = transaction;
    return OK;
}

void transaction_free(struct transaction *transaction)
{
    assert(list_is_empty(&transaction->claim.sealed) && transaction->ticket.batch == NULL);
    LIST_FOREACH (node, after, &transaction->items) {
        struct item *item = LIST_ENTRY(node, struct item, node);

        router_release(item->route);
        free(item);
    }
    list_remove(&transaction->node);
    free(transaction->commit_id);
    free(transaction);
}

/* ---- what is in it ---- */

static size_t bytes_of(const struct event_parts *parts)
{
    size_t bytes = parts->publish_id.len + parts->body.len;

    for (size_t i = 0; i < parts->header_count; i++) {
        bytes +=
            sizeof parts->headers[i] + parts->headers[i].name.len + parts->headers[i].value.len;
    }
    return sizeof(struct item) + bytes;
}

static struct span copy(uint8_t **to, struct span bytes)
{
    struct span copied = span_of(*to, bytes.len);

    if (bytes.len > 0) {
        memcpy(*to, bytes.ptr, bytes.len);
    }
    *to += bytes.len;
    return copied;
}

enum err transaction_add(struct transaction *transaction, struct router_route *route,
                         const struct event_parts *parts)
{
    const struct transaction_hall *hall = transaction->hall;
    size_t bytes = bytes_of(parts);
    struct item *item;
    uint8_t *to;

    if (transaction->count >= hall->items_max || bytes > hall->bytes_max ||
        transaction->bytes > hall->bytes_max - bytes) {
        return ERR_LIMIT;
    }
    item = malloc(bytes);
    if (item == NULL) {
        return ERR_NOMEM;
    }
    to = (uint8_t *)&item->headers[parts->header_count];
    item->route = router_hold(route);
    item->parts = *parts;
    item->parts.headers = item->headers;
    item->parts.publish_id = copy(&to, parts->publish_id);
    item->parts.body = copy(&to, parts->body);
    for (size_t i = 0; i < parts->header_count; i++) {
        item->headers[i].name = copy(&to, parts->headers[i].name);
        item->headers[i].value = copy(&to, parts->headers[i].value);
    }
    list_append(&transaction->items, &item->node);
    transaction->count++;
    transaction->bytes += bytes;
    return OK;
}

/* ---- committing ---- */

static struct span commit_id_of(const struct transaction *transaction)
{
    return span_of(transaction->commit_id, transaction->commit_id_len);
}

static void finish(struct transaction *transaction, enum err e)
{
    struct transaction_memory *memory = &transaction->hall->memory;

    queue_reader_settle(&transaction->claim, e == OK);
    if (transaction->commit_id != NULL && e != OK) {
        transaction_memory_forget(memory, commit_id_of(transaction));
    } else if (transaction->commit_id != NULL) {
        /* Where it was forgotten meanwhile, and there is no memory to remember it again, asking
         * gets "unknown", which is so. */
        enum err lost =
            transaction_memory_put(memory, commit_id_of(transaction),
                                   TRANSACTION_MEMORY_COMMITTED, transaction->began);
        (void)lost;
    }
    if (transaction->done != NULL) {
        transaction->done(transaction->ctx, e);
    }
    transaction_free(transaction);
}

static void on_published(struct router_ticket *ticket, enum err e,
                         const struct router_receipt *receipts, size_t count)
{
    (void)receipts;
    (void)count;
    finish(LIST_ENTRY(ticket, struct transaction, ticket), e);
}

/* A queue forgets its events, but not their publish ids at once. */
static bool is_known(const struct item *item)
{
    return item->parts.publish_id.len > 0 &&
           queue_set_find_id(item->route, item->parts.publish_id) != 0;
}

/* What is to be done, in arrays that are freed again whatever comes of it. */
struct work {
    struct store_op ops[STATE_OPS_MAX];
    size_t op_count;
    uint8_t keys[STATE_OPS_MAX][KEY_BYTES];
    char time[TIME_BYTES];
    struct router_item *items;
    size_t item_count;
    struct router_removal *removals;
    size_t removal_count;
};

static enum err work_begin(struct work *work, const struct transaction *transaction)
{
    work->removal_count = queue_set_removals(&transaction->claim, NULL);
    work->items = calloc(transaction->count + 1, sizeof *work->items);
    work->removals = calloc(work->removal_count + 1, sizeof *work->removals);
    if (work->items == NULL || work->removals == NULL) {
        return ERR_NOMEM;
    }
    queue_set_removals(&transaction->claim, work->removals);
    LIST_FOREACH (node, after, &transaction->items) {
        const struct item *item = LIST_ENTRY(node, struct item, node);

        if (!is_known(item)) {
            work->items[work->item_count++] = (struct router_item){item->route, item->parts};
        }
    }
    return OK;
}

static void add_state(struct work *work, enum store_op_type type, struct span id,
                      struct span value)
{
    struct span key = write_key(id, work->keys[work->op_count]);

    work->ops[work->op_count++] = (struct store_op){.type = type, .key = key, .value = value};
}

/* The outcome is stored with what it is the outcome of. */
static void remember_in_store(struct work *work, const struct transaction *transaction)
{
    const struct transaction_memory *memory = &transaction->hall->memory;
    struct span forgotten;

    if (transaction->commit_id == NULL || !memory->is_kept) {
        return;
    }
    snprintf(work->time, sizeof work->time, "%llu", (unsigned long long)transaction->began);
    add_state(work, STORE_PUT, commit_id_of(transaction), span_str(work->time));
    while (work->op_count < STATE_OPS_MAX &&
           (forgotten = transaction_memory_forgotten(memory, work->op_count - 1)).len > 0) {
        add_state(work, STORE_DELETE, forgotten, span_of(NULL, 0));
    }
}

static enum err publish(struct transaction *transaction)
{
    struct transaction_memory *memory = &transaction->hall->memory;
    struct work work = {.items = NULL};
    enum err e = work_begin(&work, transaction);

    remember_in_store(&work, transaction);

    if (e == OK) {
        e = router_publish_commit(transaction->hall->router,
                                  &(struct router_transaction){
                                      .items = work.items,
                                      .item_count = work.item_count,
                                      .removals = work.removals,
                                      .removal_count = work.removal_count,
                                      .ops = work.ops,
                                      .op_count = work.op_count,
                                  },
                                  &transaction->ticket);
    }
    if (e == OK && work.op_count > 0) {
        transaction_memory_told(memory, work.op_count - 1);
    }
    free(work.items);
    free(work.removals);
    return e;
}

static enum err remember(struct transaction *transaction, struct span commit_id)
{
    assert(commit_id.len <= TRANSACTION_ID_MAX);
    if (commit_id.len == 0) {
        return OK;
    }
    transaction->commit_id = malloc(commit_id.len);
    if (transaction->commit_id == NULL) {
        return ERR_NOMEM;
    }
    memcpy(transaction->commit_id, commit_id.ptr, commit_id.len);
    transaction->commit_id_len = commit_id.len;
    return transaction_memory_put(&transaction->hall->memory, commit_id,
                                  TRANSACTION_MEMORY_PENDING, transaction->began);
}

enum err transaction_commit(struct transaction *transaction,
                            const struct transaction_commit_parts *parts)
{
    struct transaction_hall *hall = transaction->hall;
    enum err e;

    transaction->began = hall->router->room.now;
    TRY(remember(transaction, parts->commit_id));
    transaction->done = parts->done;
    transaction->ctx = parts->ctx;
    transaction->ticket.done = on_published;
    list_remove(&transaction->node);
    list_append(&hall->committing, &transaction->node);
    e = publish(transaction);
    if (e != OK) {
        transaction_memory_forget(&hall->memory, parts->commit_id);
        list_remove(&transaction->node);
    }
    return e;
}

void transaction_leave(struct transaction *transaction)
{
    transaction->done = NULL;
}
