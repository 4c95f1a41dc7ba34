/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/queue_share.h"

#include "pubsub/router_shared.h"

#include <stdlib.h>

#define PREFIX "queue"

enum {
    PREFIX_BYTES = sizeof PREFIX, /* a zero follows */
    EID_BYTES = 8,
    KEY_BYTES = PREFIX_BYTES + STORE_NAME_MAX + 1 + EID_BYTES,
    COUNT_BYTES = 4,
    LEFT_BYTES = 2 * COUNT_BYTES,
};

static_assert((int)KEY_BYTES <= STORE_KEY_MAX, "every queue has keys");

const struct span queue_share_prefix = {(const uint8_t *)PREFIX, PREFIX_BYTES};

/* Something that the store does for an event; it may come back after the queue has ended. */
struct errand {
    struct list node;
    struct queue_share *share; /* borrowed; NULL: it has ended */
    struct store *store;       /* borrowed, as is the next */
    struct store_stream *stream;
    uint64_t eid;
    size_t key_len;
    uint8_t key[KEY_BYTES];
};

/* ---- keys and values ---- */

static void write_number(uint8_t *to, uint64_t number, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        to[i] = (uint8_t)(number >> (8 * (bytes - 1 - i)));
    }
}

static uint64_t read_number(const uint8_t *from, size_t bytes)
{
    uint64_t number = 0;

    for (size_t i = 0; i < bytes; i++) {
        number = number << 8 | from[i];
    }
    return number;
}

static struct span write_key(const struct router_route *route, uint64_t eid,
                             uint8_t room[KEY_BYTES])
{
    struct span name = route->channel.name;

    memcpy(room, PREFIX, PREFIX_BYTES);
    memcpy(room + PREFIX_BYTES, name.ptr, name.len);
    room[PREFIX_BYTES + name.len] = 0;
    write_number(room + PREFIX_BYTES + name.len + 1, eid, EID_BYTES);
    return span_of(room, PREFIX_BYTES + name.len + 1 + EID_BYTES);
}

bool queue_share_read_key(struct span key, struct span *ret_name, uint64_t *ret_eid)
{
    size_t len;

    if (!span_starts(key, queue_share_prefix) || key.len < PREFIX_BYTES + 1 + EID_BYTES) {
        return false;
    }
    len = key.len - PREFIX_BYTES - 1 - EID_BYTES;
    *ret_name = span_of(key.ptr + PREFIX_BYTES, len);
    *ret_eid = read_number(key.ptr + key.len - EID_BYTES, EID_BYTES);
    return key.ptr[PREFIX_BYTES + len] == 0;
}

/* What nobody here wrote is as good as nothing. */
static struct queue_lock_left read_left(struct span value)
{
    if (value.len != LEFT_BYTES) {
        return (struct queue_lock_left){0, 0};
    }
    return (struct queue_lock_left){
        (uint32_t)read_number(value.ptr, COUNT_BYTES),
        (uint32_t)read_number(value.ptr + COUNT_BYTES, COUNT_BYTES)};
}

static struct span write_left(struct queue_lock_left left, uint8_t room[LEFT_BYTES])
{
    write_number(room, left.returns, COUNT_BYTES);
    write_number(room + COUNT_BYTES, left.terms, COUNT_BYTES);
    return span_of(room, LEFT_BYTES);
}

/* ---- coming and going ---- */

bool queue_share_is_shared(const struct router_route *route)
{
    return route->stream != NULL && route->stream->store->is_shared;
}

bool queue_share_is_theirs(const struct router_route *route, uint64_t eid)
{
    uint8_t room[KEY_BYTES];

    return route->kind == ROUTER_QUEUE && queue_share_is_shared(route) &&
           store_lock_state(route->stream->store, write_key(route, eid, room), NULL) ==
               STORE_LOCK_THEIRS;
}

void queue_share_init(struct queue_share *share, struct queue *queue,
                      struct router_route *route, uint64_t *again_at)
{
    *share = (struct queue_share){.queue = queue, .route = route, .again_at = again_at};
    list_init(&share->errands);
    list_init(&share->waiting);
}

static void errand_free(struct errand *errand)
{
    list_remove(&errand->node);
    free(errand);
}

void queue_share_fini(struct queue_share *share)
{
    list_splice(&share->waiting, &share->errands); /* of a store that ended without a word */
    LIST_FOREACH (node, after, &share->waiting) {
        errand_free(LIST_ENTRY(node, struct errand, node));
    }
}

static void unlock(const struct queue_share *share, uint64_t eid, struct span value)
{
    uint8_t room[KEY_BYTES];

    store_unlock(share->route->stream->store, write_key(share->route, eid, room), value);
}

void queue_share_end(struct queue_share *share)
{
    struct queue_gone gone;

    if (!share->queue->conf.is_shared) {
        return;
    }
    LIST_FOREACH (node, after, &share->errands) {
        LIST_ENTRY(node, struct errand, node)->share = NULL;
        list_remove(node);
    }
    LIST_FOREACH (node, after, &share->waiting) {
        unlock(share, LIST_ENTRY(node, struct errand, node)->eid, SPAN(""));
    }
    LIST_FOREACH (node, after, &share->queue->entries) {
        const struct queue_entry *entry = LIST_ENTRY(node, struct queue_entry, node);

        if (queue_lock_is_held(entry)) {
            unlock(share, entry->event->eid, SPAN(""));
        }
    }
    while (queue_next_gone(share->queue, &gone)) {
        if (gone.is_locked) {
            unlock(share, gone.event->eid, SPAN(""));
        }
        event_unref(gone.event);
    }
    queue_share_fini(share);
}

static void try_again_later(struct queue_share *share)
{
    uint64_t at = share->route->router->room.now + QUEUE_SHARE_AGAIN_MS;

    *share->again_at = at < *share->again_at ? at : *share->again_at;
}

static struct errand *errand_new(struct queue_share *share, uint64_t eid)
{
    struct errand *errand = calloc(1, sizeof *errand);

    if (errand != NULL) {
        errand->share = share;
        errand->stream = share->route->stream;
        errand->store = errand->stream->store;
        errand->eid = eid;
        errand->key_len = write_key(share->route, eid, errand->key).len;
        list_init(&errand->node);
    }
    return errand;
}

static struct span key_of(const struct errand *errand)
{
    return span_of(errand->key, errand->key_len);
}

/* ---- asking ---- */

static void on_locked(void *ctx, enum err e, struct span value)
{
    struct errand *errand = ctx;
    struct queue_share *share = errand->share;
    enum queue_lock_answer answer = e == OK ? QUEUE_LOCK_GRANTED : QUEUE_LOCK_FAILED;
    bool is_here = false;

    if (e == ERR_AGAIN &&
        store_lock_state(errand->store, key_of(errand), &value) == STORE_LOCK_THEIRS) {
        answer = QUEUE_LOCK_REFUSED;
    }
    if (share != NULL) {
        share->asked--;
        is_here = queue_lock_answered(share->queue, errand->eid, answer, read_left(value));
        if (e == OK || e == ERR_AGAIN) {
            queue_disturb(share->queue); /* there is room for another one */
        } else {
            try_again_later(share);
        }
        if (errand->store->is_closing) {
            queue_share_tidy(share); /* the last chance to give it back */
        }
        router_shared_tell(share->route->router);
    }
    if (e == OK && !is_here) {
        store_unlock(errand->store, key_of(errand), SPAN("")); /* it has gone meanwhile */
    }
    errand_free(errand);
}

static enum err send_for_lock(struct queue_share *share, uint64_t eid)
{
    struct errand *errand = errand_new(share, eid);
    enum err e;

    if (errand == NULL) {
        return ERR_NOMEM;
    }
    e = store_lock(errand->store, key_of(errand), on_locked, errand);
    if (e != OK) {
        errand_free(errand);
        return e;
    }
    list_append(&share->errands, &errand->node);
    share->asked++;
    return OK;
}

/* False: the store takes no more for now. */
static bool ask(struct queue_share *share, uint64_t eid)
{
    uint8_t room[KEY_BYTES];
    struct span value;
    bool is_theirs =
        store_lock_state(share->route->stream->store, write_key(share->route, eid, room),
                         &value) == STORE_LOCK_THEIRS;

    if (!is_theirs && send_for_lock(share, eid) == OK) {
        return true;
    }
    queue_lock_answered(share->queue, eid, is_theirs ? QUEUE_LOCK_REFUSED : QUEUE_LOCK_FAILED,
                        read_left(value));
    return is_theirs;
}

/* ---- removing ---- */

static void on_removed(void *ctx, enum err e, const uint64_t *eids)
{
    struct errand *errand = ctx;
    struct queue_share *share = errand->share;

    (void)eids;
    if (e != OK && share != NULL) { /* until it is removed nobody is to deal it */
        list_remove(&errand->node);
        list_append(&share->waiting, &errand->node);
        try_again_later(share);
        return;
    }
    store_unlock(errand->store, key_of(errand), SPAN(""));
    errand_free(errand);
}

static bool submit_removal(struct queue_share *share, struct errand *errand)
{
    const struct store_op op = {
        .type = STORE_REMOVE, .stream = errand->stream, .eid = errand->eid};
    bool is_taken = store_submit(errand->store, &op, 1, on_removed, errand) == OK;

    list_remove(&errand->node);
    list_append(is_taken ? &share->errands : &share->waiting, &errand->node);
    if (!is_taken) {
        try_again_later(share);
    }
    return is_taken;
}

bool queue_share_remove(struct queue_share *share, uint64_t eid)
{
    struct errand *errand = errand_new(share, eid);

    if (errand == NULL) {
        return false;
    }
    submit_removal(share, errand);
    return true;
}

/* ---- what the queue wants ---- */

void queue_share_give_back(struct queue_share *share, const struct queue_gone *gone)
{
    struct queue_lock_left left = {(uint32_t)gone->returns, gone->terms + 1};
    uint8_t room[LEFT_BYTES];

    unlock(share, gone->event->eid, gone->is_stored ? write_left(left, room) : SPAN(""));
}

void queue_share_tidy(struct queue_share *share)
{
    struct queue_lock_left left;
    uint8_t room[LEFT_BYTES];
    bool is_taken = true;
    uint64_t eid;

    if (!share->queue->conf.is_shared) {
        return;
    }
    while (queue_lock_next_spare(share->queue, &eid, &left)) {
        unlock(share, eid, write_left(left, room));
    }
    while (is_taken && !list_is_empty(&share->waiting)) {
        is_taken = submit_removal(share, LIST_ENTRY(share->waiting.next, struct errand, node));
    }
    while (is_taken && share->asked < QUEUE_SHARE_ASKED_MAX &&
           queue_lock_next_wanted(share->queue, &eid)) {
        is_taken = ask(share, eid);
    }
    if (!is_taken) {
        try_again_later(share);
    }
}

void queue_share_again(struct queue_share *share)
{
    if (!list_is_empty(&share->waiting) || !list_is_empty(&share->queue->wanted)) {
        queue_disturb(share->queue);
    }
}

/* Its last holder ended when it had removed the event, but not yet forgotten the lock. */
static bool is_left_over(const struct queue_share *share, uint64_t eid,
                         enum store_lock_state state, struct span value)
{
    return state == STORE_LOCK_FREE && value.len > 0 && eid < share->queue->next_eid &&
           shelf_find(&share->queue->shelf, eid) == NULL;
}

void queue_share_on_lock(struct queue_share *share, uint64_t eid, enum store_lock_state state,
                         struct span value)
{
    if (is_left_over(share, eid, state, value)) {
        enum err e = send_for_lock(share, eid); /* and it is given back empty */

        (void)e; /* some bytes stay in the store */
    } else if (state == STORE_LOCK_THEIRS) {
        queue_lock_taken(share->queue, eid, read_left(value));
    } else {
        queue_lock_freed(share->queue, eid, read_left(value));
    }
}
