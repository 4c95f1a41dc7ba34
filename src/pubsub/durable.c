/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/durable.h"

#include "pubsub/durable_lock.h"
#include "pubsub/durable_place.h"

#include <stdlib.h>

enum {
    CHANNEL_NAME_MAX = 255,
    KEY_MAX = 8 + CHANNEL_NAME_MAX + 1 + DURABLE_NAME_MAX,
};

const struct span durable_prefix = SPAN_INIT("durable\0");

void durable_set_init(struct durable_set *set, struct store *store, size_t max, struct rng *rng)
{
    *set = (struct durable_set){.store = store, .rng = rng};
    map_init(&set->map, max);
}

static void on_last_visit(void *ctx, void *value)
{
    struct durable_set *set = ctx;
    struct durable *durable = value;

    assert(!durable->is_active && durable->writing == 0);
    map_remove(&set->map, span_of(durable->key, durable->key_len));
    free(durable);
}

void durable_set_fini(struct durable_set *set)
{
    map_visit(&set->map, on_last_visit, set);
    map_fini(&set->map);
}

static enum err durable_new(struct durable_set *set, struct span key,
                            struct durable **ret_durable)
{
    struct durable *durable = calloc(1, sizeof *durable + key.len);
    enum err e;

    if (durable == NULL) {
        return ERR_NOMEM;
    }
    durable->set = set;
    durable->key_len = key.len;
    memcpy(durable->key, key.ptr, key.len);
    e = map_insert(&set->map, span_of(durable->key, key.len), durable);
    if (e != OK) {
        free(durable);
        return e;
    }
    *ret_durable = durable;
    return OK;
}

/* Only here: whoever forgets it tells the store. */
static void drop(struct durable *durable)
{
    map_remove(&durable->set->map, span_of(durable->key, durable->key_len));
    durable->is_forgotten = true;
    durable_place_settle(durable);
}

static bool is_shared(const struct durable_set *set)
{
    return set->store != NULL && set->store->is_shared;
}

void durable_place_set(struct durable *durable, const struct durable_place *place)
{
    durable->has_place = true;
    durable->epoch = place->epoch;
    durable->next_eid = place->next_eid;
    durable->life = place->life;
}

/* Found or made. What is nothing of ours makes none. */
static enum err take(struct durable_set *set, struct span key, struct span value)
{
    struct durable *durable = map_find(&set->map, key);
    struct durable_place place;

    if (!durable_place_read(value, &place)) {
        return OK;
    }
    if (durable != NULL && durable->is_active) {
        durable_place_advance(durable, &place);
        return OK;
    }
    if (durable == NULL) {
        TRY(durable_new(set, key, &durable));
    }
    durable_place_set(durable, &place);
    return OK;
}

struct restore {
    struct durable_set *set;
    enum err e;
};

static bool on_key(void *ctx, struct span key, struct span value)
{
    struct restore *restore = ctx;

    restore->e = take(restore->set, key, value);
    return restore->e == OK;
}

enum err durable_set_restore(struct durable_set *set)
{
    struct restore restore = {set, OK};

    if (set->store == NULL) {
        return OK;
    }
    TRY(store_list(set->store, durable_prefix, on_key, &restore));
    return restore.e;
}

/* False: too long, or it has a zero in it. */
static bool write_key(struct span channel, struct span name, uint8_t room[KEY_MAX],
                      struct span *ret_key)
{
    size_t len = durable_prefix.len;

    if (channel.len > CHANNEL_NAME_MAX || name.len == 0 || name.len > DURABLE_NAME_MAX ||
        span_find(name, 0) < name.len) {
        return false;
    }
    memcpy(room, durable_prefix.ptr, durable_prefix.len);
    memcpy(room + len, channel.ptr, channel.len);
    len += channel.len;
    room[len++] = 0;
    memcpy(room + len, name.ptr, name.len);
    *ret_key = span_of(room, len + name.len);
    return true;
}

/* Another realm's name may be in the store alone: there was no room for it here, or no memory.
 */
static enum err look_in_store(struct durable_set *set, struct span key)
{
    struct buf value;
    bool found;
    enum err e;

    buf_init(&value, STORE_VALUE_MAX);
    e = store_get(set->store, key, &value, &found);
    if (e == OK && found) {
        e = take(set, key, buf_span(&value));
    }
    buf_fini(&value);
    return e;
}

static enum err find_or_make(struct durable_set *set, struct span key,
                             struct durable **ret_durable)
{
    if (map_find(&set->map, key) == NULL && is_shared(set)) {
        TRY(look_in_store(set, key));
    }
    *ret_durable = map_find(&set->map, key);
    if (*ret_durable != NULL) {
        return OK;
    }
    TRY(durable_new(set, key, ret_durable));
    if (is_shared(set)) {
        uint64_t *life = &(*ret_durable)->life;

        rng_fill(set->rng, mspan_of((uint8_t *)life, sizeof *life));
    }
    return OK;
}

enum err durable_open(struct durable_set *set, struct span channel, struct span name,
                      struct durable **ret_durable)
{
    uint8_t room[KEY_MAX];
    struct durable *durable;
    struct span key;
    enum err e;

    if (!write_key(channel, name, room, &key)) {
        return ERR_LIMIT;
    }
    TRY(find_or_make(set, key, &durable));
    if (durable->is_active) {
        return ERR_AGAIN;
    }
    e = durable_lock_ask(durable);
    if (e != OK) {
        if (!durable->has_place) { /* it was made for this */
            drop(durable);
        }
        return e;
    }
    durable->is_active = true;
    durable->began_without_place = !durable->has_place;
    *ret_durable = durable;
    return OK;
}

struct channel_start durable_start(const struct durable *durable,
                                   const struct channel_start *asked)
{
    if (!durable->has_place) {
        return *asked;
    }
    return (struct channel_start){CHANNEL_FROM_EID, durable->next_eid, true, durable->epoch};
}

/* ---- writing ---- */

static void write_place(struct durable *durable);

static void on_written(void *ctx, enum err e, const uint64_t *eids)
{
    struct durable *durable = ctx;

    (void)eids;
    durable->writing--;
    if (durable->is_forgotten) {
        durable_place_settle(durable);
    } else if (e != OK) { /* the store has logged why; with the next move, or the end */
        durable->is_dirty = true;
    } else if (durable->is_dirty && durable->writing == 0) {
        write_place(durable);
    }
}

static void write_place(struct durable *durable)
{
    struct durable_place room;
    const struct store_op op = {.type = STORE_PUT,
                                .key = span_of(durable->key, durable->key_len),
                                .value = durable_place_write(durable, &room)};

    if (durable->set->store == NULL || !durable_lock_may_write(durable) ||
        store_submit(durable->set->store, &op, 1, on_written, durable) != OK) {
        return;
    }
    durable->writing++;
    durable->is_dirty = false;
}

bool durable_place_read(struct span value, struct durable_place *ret_place)
{
    if (value.len != sizeof *ret_place && value.len != DURABLE_PLACE_SHORT) {
        return false;
    }
    *ret_place = (struct durable_place){.life = 0};
    memcpy(ret_place, value.ptr, value.len);
    return true;
}

struct span durable_place_write(const struct durable *durable, struct durable_place *room)
{
    *room = (struct durable_place){durable->epoch, durable->next_eid, durable->life};
    return span_of(room, durable->life == 0 ? DURABLE_PLACE_SHORT : sizeof *room);
}

bool durable_place_find(const struct durable *durable, struct durable_place *ret_place)
{
    struct buf value;
    bool found = false;

    buf_init(&value, STORE_VALUE_MAX);
    found = store_get(durable->set->store, span_of(durable->key, durable->key_len), &value,
                      &found) == OK &&
            found && durable_place_read(buf_span(&value), ret_place);
    buf_fini(&value);
    return found;
}

void durable_place_advance(struct durable *durable, const struct durable_place *place)
{
    if (durable->has_place && durable->life == place->life && durable->epoch == place->epoch &&
        durable->next_eid < place->next_eid) {
        durable->next_eid = place->next_eid;
    }
}

void durable_place_settle(struct durable *durable)
{
    if (durable->is_dirty && !durable->is_forgotten) {
        write_place(durable);
    }
    if (!durable->is_active) {
        durable_lock_give_back(durable, durable->is_forgotten);
    }
    if (durable->is_forgotten && durable->writing == 0 && !durable->is_locking) {
        free(durable);
    }
}

void durable_move(struct durable *durable, uint64_t epoch, uint64_t next_eid)
{
    if (durable->has_place && durable->epoch == epoch && durable->next_eid >= next_eid) {
        return;
    }
    durable->has_place = true;
    durable->epoch = epoch;
    durable->next_eid = next_eid;
    durable->is_dirty = true;
    durable_lock_keep(durable);
    if (durable->writing == 0) {
        write_place(durable);
    }
}

static void on_deleted(void *ctx, enum err e, const uint64_t *eids)
{
    /* What could not be deleted is a name that nobody uses. The store has logged why. */
    (void)ctx;
    (void)e;
    (void)eids;
}

static enum err forget(struct durable *durable)
{
    struct durable_set *set = durable->set;
    const struct store_op op = {.type = STORE_DELETE,
                                .key = span_of(durable->key, durable->key_len)};

    if (set->store != NULL) {
        TRY(store_submit(set->store, &op, 1, on_deleted, NULL));
    }
    drop(durable);
    return OK;
}

void durable_set_take(struct durable_set *set, struct span key, const struct span *value)
{
    struct durable *durable = map_find(&set->map, key);

    if (value != NULL) {
        enum err e = take(set, key, *value);

        (void)e; /* it is looked for in the store when somebody wants it */
    } else if (durable != NULL && durable->is_active) {
        durable->is_doomed = true; /* its channel was removed */
    } else if (durable != NULL) {
        drop(durable);
    }
}

void durable_set_locked(struct durable_set *set, struct span key, enum store_lock_state state,
                        struct span value)
{
    struct durable *durable = map_find(&set->map, key);

    if (durable != NULL) {
        durable_lock_changed(durable, state, value);
    }
}

void durable_close(struct durable *durable)
{
    if (durable == NULL) {
        return;
    }
    durable->is_active = false;
    durable->on_lost = NULL;
    if (durable->is_doomed && forget(durable) == OK) {
        return;
    }
    durable_place_settle(durable);
}

enum err durable_forget(struct durable_set *set, struct span channel, struct span name)
{
    uint8_t room[KEY_MAX];
    struct durable *durable;
    struct span key;

    if (!write_key(channel, name, room, &key)) {
        return OK;
    }
    durable = map_find(&set->map, key);
    if (durable == NULL) {
        return OK;
    }
    return durable_is_read(durable) ? ERR_AGAIN : forget(durable);
}

/* ---- all of a channel ---- */

bool durable_is_read(const struct durable *durable)
{
    return durable->is_active ||
           (durable->set->store != NULL &&
            store_lock_state(durable->set->store, span_of(durable->key, durable->key_len),
                             NULL) == STORE_LOCK_THEIRS);
}

bool durable_is_known(const struct durable_set *set, struct span channel, struct span name)
{
    uint8_t room[KEY_MAX];
    struct span key;

    return write_key(channel, name, room, &key) && map_find(&set->map, key) != NULL;
}

/* Behind "durable", zero: the channel, zero, the name. */
static struct span rest_of(const struct durable *durable)
{
    return span_tail(span_of(durable->key, durable->key_len), durable_prefix.len);
}

struct span durable_name(const struct durable *durable)
{
    struct span rest = rest_of(durable);

    return span_tail(rest, span_find(rest, 0) + 1);
}

struct visit {
    struct span channel;
    void (*visit)(void *ctx, const struct durable *durable);
    void *ctx;
};

static void on_visit(void *ctx, void *value)
{
    const struct visit *visit = ctx;
    const struct durable *durable = value;
    struct span rest = rest_of(durable);

    if (span_equal(span_head(rest, span_find(rest, 0)), visit->channel)) {
        visit->visit(visit->ctx, durable);
    }
}

void durable_visit(struct durable_set *set, struct span channel,
                   void (*visit)(void *ctx, const struct durable *durable), void *ctx)
{
    struct visit all = {channel, visit, ctx};

    map_visit(&set->map, on_visit, &all);
}

static void on_doom(void *ctx, const struct durable *seen)
{
    struct durable *durable =
        (struct durable *)(uintptr_t)seen; /* of the set that is visited */

    (void)ctx;
    durable->is_doomed = true;
    if (!durable->is_active) {
        enum err e = forget(durable);

        (void)e;
    }
}

void durable_forget_all(struct durable_set *set, struct span channel)
{
    durable_visit(set, channel, on_doom, NULL);
}
