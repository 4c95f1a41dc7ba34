/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_shared.h"

#include "realm/realm_made_shared.h"

static void on_later(void *ctx)
{
    struct realm_shared *shared = ctx;

    shared->on_news(shared->ctx);
}

static void on_news(void *ctx)
{
    struct realm_shared *shared = ctx;

    loop_defer(shared->loop, &shared->later);
}

static void on_key(void *ctx, struct span key, const struct span *value)
{
    struct realm_shared *shared = ctx;

    if (span_starts(key, durable_prefix)) {
        durable_set_take(&shared->router->durables, key, value);
    } else if (span_starts(key, transaction_hall_prefix)) {
        transaction_hall_take(shared->hall, key, value);
    } else if (span_starts(key, realm_made_record_prefix)) {
        realm_made_shared_take(shared->made, key, value);
    }
    on_news(shared);
}

static void on_lock(void *ctx, struct span key, enum store_lock_state state, struct span value)
{
    struct realm_shared *shared = ctx;

    if (span_starts(key, durable_prefix)) {
        durable_set_locked(&shared->router->durables, key, state, value);
    } else {
        queue_set_locked(shared->queues, key, state, value);
    }
    on_news(shared);
}

static const struct store_watch watch = {on_key, on_lock};

void realm_shared_begin(struct realm_shared *shared)
{
    struct store *store = shared->router->conf.store;

    loop_later_init(&shared->later, on_later, shared);
    shared->router->on_news = on_news;
    shared->router->on_news_ctx = shared;
    if (store != NULL && store->is_shared) {
        store->watch = &watch;
        store->watch_ctx = shared;
    }
}

void realm_shared_end(struct realm_shared *shared)
{
    struct store *store = shared->router == NULL ? NULL : shared->router->conf.store;

    if (shared->router != NULL) {
        loop_undefer(&shared->later);
        shared->router->on_news = NULL;
    }
    if (store != NULL) {
        store->watch = NULL;
    }
}
