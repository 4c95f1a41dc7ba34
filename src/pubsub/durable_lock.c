/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/durable_lock.h"

#include "pubsub/durable_place.h"

static bool is_shared(const struct durable *durable)
{
    return durable->set->store != NULL && durable->set->store->is_shared;
}

static struct span key_of(const struct durable *durable)
{
    return span_of(durable->key, durable->key_len);
}

bool durable_lock_may_write(const struct durable *durable)
{
    return durable->is_locked || !is_shared(durable);
}

static void lose(struct durable *durable)
{
    void (*on_lost)(void *reader) = durable->on_lost;

    durable->on_lost = NULL;
    if (on_lost != NULL) {
        on_lost(durable->reader);
    }
}

/* The reader began where he asked to, as no place was known; but there is one. He is to begin
 * again. What was left with the lock may be of a name that is forgotten; what is in the store
 * is not, but may be older. */
static void begin_again(struct durable *durable, const struct durable_place *left)
{
    struct durable_place stored;

    if (durable_place_find(durable, &stored) && stored.life != durable->life) {
        durable_place_set(durable, &stored);
        durable_place_advance(durable, left);
        lose(durable);
    }
}

static void on_locked(void *ctx, enum err e, struct span value)
{
    struct durable *durable = ctx;
    struct durable_place left = {.life = 0};

    durable->is_locking = false;
    durable->is_locked = e == OK;
    if (e == OK && durable_place_read(value, &left)) {
        durable_place_advance(durable, &left);
    }
    if (e == OK && durable->began_without_place) {
        durable->began_without_place = false;
        begin_again(durable, &left);
    } else if (e == ERR_AGAIN) {
        lose(durable);
    }
    durable_place_settle(durable);
}

enum err durable_lock_ask(struct durable *durable)
{
    struct store *store = durable->set->store;
    struct durable_place place;
    struct span value;
    enum err e;

    if (!is_shared(durable) || durable->is_locked || durable->is_locking) {
        return OK;
    }
    if (store_lock_state(store, key_of(durable), &value) == STORE_LOCK_THEIRS) {
        return ERR_AGAIN;
    }
    if (durable_place_read(value, &place)) {
        durable_place_advance(durable, &place);
    }
    e = store_lock(store, key_of(durable), on_locked, durable);
    durable->is_locking = e == OK;
    return e == ERR_CLOSED ? OK : e; /* without the server: it is asked again */
}

void durable_lock_keep(struct durable *durable)
{
    if (durable->is_active && durable_lock_ask(durable) == ERR_AGAIN &&
        store_lock_state(durable->set->store, key_of(durable), NULL) == STORE_LOCK_THEIRS) {
        lose(durable);
    }
}

void durable_lock_give_back(struct durable *durable, bool is_forgotten)
{
    bool is_empty = is_forgotten || !durable->has_place;
    struct durable_place room;

    if (durable->is_locked) {
        durable->is_locked = false;
        store_unlock(durable->set->store, key_of(durable),
                     is_empty ? span_of(NULL, 0) : durable_place_write(durable, &room));
    }
}

void durable_lock_changed(struct durable *durable, enum store_lock_state state,
                          struct span value)
{
    struct durable_place place;

    durable->is_locked = false;
    if (durable_place_read(value, &place)) {
        durable_place_advance(durable, &place);
    }
    if (state == STORE_LOCK_THEIRS && !durable->is_locking) {
        lose(durable);
    } else if (state == STORE_LOCK_FREE) {
        durable_lock_keep(durable);
    }
}
