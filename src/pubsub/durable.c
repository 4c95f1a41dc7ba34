/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/durable.h"

#include <stdlib.h>

enum {
    CHANNEL_NAME_MAX = 255,
    KEY_MAX = 8 + CHANNEL_NAME_MAX + 1 + DURABLE_NAME_MAX,
};

/* What is written. */
struct place {
    uint64_t epoch;
    uint64_t next_eid;
};

static const struct span prefix = SPAN_INIT("durable\0");

void durable_set_init(struct durable_set *set, struct store *store, size_t max)
{
    *set = (struct durable_set){.store = store};
    map_init(&set->map, max);
}

static void durable_free(struct durable *durable)
{
    account_give(durable->account, ACCOUNT_DURABLES);
    free(durable);
}

static void on_last_visit(void *ctx, void *value)
{
    struct durable_set *set = ctx;
    struct durable *durable = value;

    assert(!durable->is_active && !durable->is_writing);
    map_remove(&set->map, span_of(durable->key, durable->key_len));
    durable_free(durable);
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

struct restore {
    struct durable_set *set;
    enum err e;
};

static bool on_key(void *ctx, struct span key, struct span value)
{
    struct restore *restore = ctx;
    struct durable *durable;
    struct place place;

    if (value.len != sizeof place) {
        return true; /* nothing of ours */
    }
    memcpy(&place, value.ptr, sizeof place);
    restore->e = durable_new(restore->set, key, &durable);
    if (restore->e != OK) {
        return false;
    }
    durable->has_place = true;
    durable->epoch = place.epoch;
    durable->next_eid = place.next_eid;
    return true;
}

enum err durable_set_restore(struct durable_set *set)
{
    struct restore restore = {set, OK};

    if (set->store == NULL) {
        return OK;
    }
    TRY(store_list(set->store, prefix, on_key, &restore));
    return restore.e;
}

/* False: too long, or it has a zero in it. */
static bool write_key(struct span channel, struct span name, uint8_t room[KEY_MAX],
                      struct span *ret_key)
{
    size_t len = prefix.len;

    if (channel.len > CHANNEL_NAME_MAX || name.len == 0 || name.len > DURABLE_NAME_MAX ||
        span_find(name, 0) < name.len) {
        return false;
    }
    memcpy(room, prefix.ptr, prefix.len);
    memcpy(room + len, channel.ptr, channel.len);
    len += channel.len;
    room[len++] = 0;
    memcpy(room + len, name.ptr, name.len);
    *ret_key = span_of(room, len + name.len);
    return true;
}

enum err durable_open(struct durable_set *set, struct span channel, struct span name,
                      struct durable **ret_durable)
{
    uint8_t room[KEY_MAX];
    struct durable *durable;
    struct span key;

    if (!write_key(channel, name, room, &key)) {
        return ERR_LIMIT;
    }
    durable = map_find(&set->map, key);
    if (durable == NULL) {
        TRY(durable_new(set, key, &durable));
    } else if (durable->is_active) {
        return ERR_AGAIN;
    }
    durable->is_active = true;
    *ret_durable = durable;
    return OK;
}

enum err durable_own(struct durable *durable, struct span key)
{
    struct account_set *accounts = durable->set->accounts;

    if (accounts == NULL || durable->account != NULL || durable->has_place) {
        return OK;
    }
    return account_take(accounts, key, ACCOUNT_DURABLES, &durable->account);
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
    durable->is_writing = false;
    if (durable->is_forgotten) {
        durable_free(durable);
    } else if (durable->is_dirty && e == OK) {
        write_place(durable);
    }
    /* After a failure, which the store has logged: with the next move. */
}

static void write_place(struct durable *durable)
{
    const struct place place = {durable->epoch, durable->next_eid};
    const struct store_op op = {.type = STORE_PUT,
                                .key = span_of(durable->key, durable->key_len),
                                .value = span_of(&place, sizeof place)};

    if (durable->set->store == NULL || durable->is_writing ||
        store_submit(durable->set->store, &op, 1, on_written, durable) != OK) {
        return;
    }
    durable->is_writing = true;
    durable->is_dirty = false;
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
    write_place(durable);
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
    map_remove(&set->map, op.key);
    durable->is_forgotten = true;
    if (!durable->is_writing) {
        durable_free(durable);
    }
    return OK;
}

void durable_close(struct durable *durable)
{
    if (durable == NULL) {
        return;
    }
    durable->is_active = false;
    if (!durable->has_place) { /* nobody has read by it, and the store knows nothing of it */
        map_remove(&durable->set->map, span_of(durable->key, durable->key_len));
        durable_free(durable);
        return;
    }
    if (durable->is_doomed && forget(durable) == OK) {
        return;
    }
    if (durable->is_dirty) {
        write_place(durable);
    }
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
    return durable->is_active ? ERR_AGAIN : forget(durable);
}

/* ---- all of a channel ---- */

bool durable_is_known(const struct durable_set *set, struct span channel, struct span name)
{
    uint8_t room[KEY_MAX];
    struct span key;

    return write_key(channel, name, room, &key) && map_find(&set->map, key) != NULL;
}

/* Behind "durable", zero: the channel, zero, the name. */
static struct span rest_of(const struct durable *durable)
{
    return span_tail(span_of(durable->key, durable->key_len), prefix.len);
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
