/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "store/store_nats_out.h"

#include "store/store_nats_apply.h"
#include "store/store_nats_refusal.h"
#include "store/store_nats_tell.h"
#include "store/store_record.h"

#include <stdlib.h>

static struct store_nats_item *item_at(struct list *node)
{
    return LIST_ENTRY(node, struct store_nats_item, node);
}

void store_nats_out_free(struct store_nats_item *item)
{
    free(item);
}

/* ---- items ---- */

static struct store_nats_item *make(struct store_nats *nats, uint8_t type, struct span name,
                                    struct span value)
{
    struct store_nats_item *item = calloc(1, sizeof *item + name.len + value.len);
    uint8_t *text = (uint8_t *)(item + 1);

    if (item == NULL) {
        return NULL;
    }
    item->type = type;
    item->since = nats->now;
    item->name = span_of(text, name.len);
    item->value = span_of(text + name.len, value.len);
    if (name.len > 0) {
        memcpy(text, name.ptr, name.len);
    }
    if (value.len > 0) {
        memcpy(text + name.len, value.ptr, value.len);
    }
    return item;
}

static void add(struct store_nats *nats, struct store_nats_item *item)
{
    list_append(&nats->items, &item->node);
    store_nats_out_send(nats);
}

enum err store_nats_out_job(struct store_nats *nats, struct store_job *take_job)
{
    struct store_nats_item *item = make(nats, 0, SPAN(""), SPAN(""));

    if (item == NULL) {
        return ERR_NOMEM;
    }
    item->job = take_job;
    add(nats, item);
    return OK;
}

enum err store_nats_out_word(struct store_nats *nats, uint8_t type, uint64_t number)
{
    struct store_nats_item *item = make(nats, type, SPAN(""), SPAN(""));

    if (item == NULL) {
        return ERR_NOMEM;
    }
    item->number = number;
    add(nats, item);
    return OK;
}

enum err store_nats_out_lock(struct store_nats *nats, struct span key, store_locked *done,
                             void *ctx)
{
    struct store_nats_item *item = make(nats, STORE_NATS_ENTRY_LOCK, key, SPAN(""));

    if (item == NULL) {
        return ERR_NOMEM;
    }
    item->locked = done;
    item->ctx = ctx;
    add(nats, item);
    return OK;
}

void store_nats_out_unlock(struct store_nats *nats, struct span key, struct span value)
{
    struct store_nats_item *item = make(nats, STORE_NATS_ENTRY_UNLOCK, key, value);

    if (item != NULL) {
        add(nats, item);
    }
}

/* ---- encoding ---- */

static enum err encode_op(struct buf *body, const struct store_op *op)
{
    bool has_stream = op->type != STORE_PUT && op->type != STORE_DELETE;

    if (op->type == STORE_APPEND) {
        return store_nats_entry_add_event(
            body,
            &(struct store_nats_entry_op){.type = STORE_APPEND,
                                          .keeps_none =
                                              store_nats_inside_stream(op->stream)->keeps_none,
                                          .is_copy = op->copy_of > 0,
                                          .number = op->copy_of,
                                          .name = op->stream->name},
            op->event);
    }
    return store_nats_entry_add(
        body, &(struct store_nats_entry_op){.type = (uint8_t)op->type,
                                            .number = op->eid,
                                            .name = has_stream ? op->stream->name : op->key,
                                            .value = has_stream ? SPAN("") : op->value});
}

static enum err encode(const struct store_nats_item *item, struct buf *body)
{
    if (item->job == NULL) {
        return store_nats_entry_add(body, &(struct store_nats_entry_op){.type = item->type,
                                                                        .number = item->number,
                                                                        .name = item->name,
                                                                        .value = item->value});
    }
    for (size_t i = 0; i < item->job->count; i++) {
        TRY(encode_op(body, &item->job->ops[i]));
    }
    return OK;
}

/* ---- sending ---- */

static uint64_t events_bytes(const struct store_job *job)
{
    uint64_t bytes = 0;

    for (size_t i = 0; job != NULL && i < job->count; i++) {
        if (job->ops[i].type == STORE_APPEND) {
            bytes += store_record_bytes(job->ops[i].event);
        }
    }
    return bytes;
}

static bool finds_room(const struct store_nats *nats, const struct store_nats_item *item,
                       uint64_t bytes)
{
    return item->job == NULL || !item->job->needs_room ||
           nats->bytes + nats->room + bytes <= nats->conf.bytes_max;
}

static enum err send_part(struct store_nats *nats, const struct store_nats_entry_head *head,
                          struct span part)
{
    struct mspan room;
    struct buf bytes;
    enum err e;

    buf_init(&bytes, STORE_NATS_ENTRY_HEAD_BYTES + part.len);
    e = buf_reserve(&bytes, STORE_NATS_ENTRY_HEAD_BYTES + part.len, &room);
    if (e == OK) {
        store_nats_entry_write(head, part, room.ptr);
        buf_commit(&bytes, STORE_NATS_ENTRY_HEAD_BYTES + part.len);
        e = store_nats_link_send(nats->link, &bytes, head->round, head->number);
    }
    if (e != OK) {
        buf_fini(&bytes);
    }
    return e;
}

/* Its messages behind nats->sent. */
static enum err send_body(struct store_nats *nats, struct store_nats_item *item,
                          struct span body)
{
    size_t part_max =
        store_nats_link_server(nats->link)->part_max - STORE_NATS_ENTRY_HEAD_BYTES;
    size_t count = body.len == 0 ? 1 : (body.len + part_max - 1) / part_max;

    if (item->first == 0) {
        item->first = nats->number;
        item->last = item->first + count - 1;
        nats->number = item->last + 1;
    }
    for (size_t i = 0; i < count; i++) {
        struct span rest = span_tail(body, i * part_max);
        struct store_nats_entry_head head = {
            .author = nats->self,
            .number = item->first + i,
            .previous = nats->sent,
            .round = nats->round,
            .flags = (i == 0 ? STORE_NATS_ENTRY_FIRST : 0) |
                     (i == count - 1 ? STORE_NATS_ENTRY_LAST : 0),
        };

        if (head.number > nats->sent) {
            TRY(send_part(nats, &head, span_head(rest, part_max)));
            nats->sent = head.number;
        }
    }
    return OK;
}

static enum err send_item(struct store_nats *nats, struct store_nats_item *item)
{
    struct buf body;
    enum err e;

    buf_init(&body, STORE_NATS_ENTRY_BYTES_MAX);
    e = encode(item, &body);
    if (e == OK) {
        e = send_body(nats, item, buf_span(&body));
    }
    buf_fini(&body);
    return e;
}

static bool has_asker(const struct store_nats_item *item)
{
    return item->job != NULL || item->type == STORE_NATS_ENTRY_LOCK;
}

/*
 * In order: whoever fails waits until what was before it is told. A beat or an unlock is told
 * to nobody, and does not expire: nobody waits for it.
 */
static void sweep(struct store_nats *nats)
{
    LIST_FOREACH (node, after, &nats->items) {
        struct store_nats_item *item = item_at(node);

        if (item->e == OK ? has_asker(item) : !store_nats_apply_failed(nats, item)) {
            break;
        }
    }
}

/* Sent ones stand before those that are not. */
static struct list *first_unsent(struct store_nats *nats)
{
    struct list *node = &nats->items;

    while (node->prev != &nats->items && !item_at(node->prev)->is_sent) {
        node = node->prev;
    }
    return node;
}

/* False: the others must wait, too. */
static bool send_next(struct store_nats *nats, struct store_nats_item *item)
{
    uint64_t bytes = events_bytes(item->job);

    if (item->sent == 0) {
        if (!finds_room(nats, item, bytes)) {
            item->e = ERR_LIMIT;
            store_nats_refusal_say(nats, ERR_LIMIT, 0);
            return true;
        }
        item->sent = nats->now;
        item->bytes = bytes;
        nats->room += bytes;
    }
    item->is_sent = send_item(nats, item) == OK;
    nats->wants_again = nats->wants_again || !item->is_sent; /* no memory: the tick tries it */
    return item->is_sent;
}

void store_nats_out_send(struct store_nats *nats)
{
    struct list *node;

    if (nats->link_state.is_up && !nats->is_broken) {
        for (node = first_unsent(nats); node != &nats->items; node = node->next) {
            if (item_at(node)->e == OK && !send_next(nats, item_at(node))) {
                break;
            }
        }
    }
    sweep(nats);
}

void store_nats_out_again(struct store_nats *nats)
{
    const struct store_nats_state_author *author =
        store_nats_state_author(&nats->state, nats->self);

    store_nats_link_unsend(nats->link); /* a slow server is not to cost memory for each round */
    nats->wants_again = false;
    nats->round++;
    nats->sent = author == NULL ? 0 : author->image.last;
    nats->progress = nats->now;
    LIST_FOREACH (node, after, &nats->items) {
        item_at(node)->is_sent = false;
    }
    store_nats_out_send(nats);
}

/* ---- what comes of them ---- */

struct store_nats_item *store_nats_out_find(struct store_nats *nats, uint64_t number)
{
    LIST_FOREACH (node, after, &nats->items) {
        struct store_nats_item *item = item_at(node);

        if (item->first == 0 || number < item->first) {
            break;
        }
        if (number <= item->last) {
            return number == item->last && item->e == OK ? item : NULL;
        }
    }
    return NULL;
}

struct store_nats_item *store_nats_out_seen(struct store_nats *nats, uint64_t number)
{
    struct store_nats_item *item = store_nats_out_find(nats, number);

    nats->progress = nats->now;
    if (item != NULL) {
        list_remove(&item->node);
    }
    return item;
}

void store_nats_out_refused(struct store_nats *nats, const struct store_nats_link_news *news)
{
    if (news->round != nats->round) {
        return; /* it was sent again meanwhile */
    }
    nats->wants_again = true;
    LIST_FOREACH (node, after, &nats->items) {
        struct store_nats_item *item = item_at(node);

        if (news->e != ERR_AGAIN && item->first != 0 && item->job != NULL &&
            news->number >= item->first && news->number <= item->last) {
            item->e = news->e;
            store_nats_refusal_say(nats, news->e, news->code);
        }
    }
    sweep(nats);
}

bool store_nats_out_is_awaited(struct store_nats *nats)
{
    LIST_FOREACH (node, after, &nats->items) {
        if (has_asker(item_at(node))) {
            return true;
        }
    }
    return false;
}

void store_nats_out_expire(struct store_nats *nats)
{
    LIST_FOREACH (node, after, &nats->items) {
        struct store_nats_item *item = item_at(node);

        if (item->e == OK && has_asker(item) && nats->now - item->since > nats->conf.timeout) {
            item->e = ERR_CLOSED;
            nats->wants_again = true; /* what is behind it must count without it */
        }
    }
    sweep(nats);
}

enum err store_nats_out_rejoin(struct store_nats *nats)
{
    struct store_nats_item *join = make(nats, STORE_NATS_ENTRY_JOIN, SPAN(""), SPAN(""));

    if (join == NULL) {
        return ERR_NOMEM;
    }
    nats->old_self = nats->self;
    rng_fill(nats->conf.rng, mspan_of((uint8_t *)&nats->self, sizeof nats->self));
    nats->self |= 1; /* never zero */
    join->number = nats->old_self;
    LIST_FOREACH (node, after, &nats->items) {
        struct store_nats_item *item = item_at(node);

        item->first = item->last = 0;
        if (item->job == NULL && item->type != STORE_NATS_ENTRY_LOCK) {
            list_remove(node); /* what the one before had to say */
            store_nats_out_free(item);
        } else if (item->job == NULL && item->e == OK) {
            item->e = ERR_CLOSED;
        }
    }
    list_prepend(&nats->items, &join->node);
    nats->number = 1;
    nats->is_beating = false;
    store_nats_out_again(nats);
    return OK;
}

void store_nats_out_fail(struct store_nats *nats, enum err e)
{
    LIST_FOREACH (node, after, &nats->items) {
        struct store_nats_item *item = item_at(node);

        if (item->e == OK) {
            item->e = e;
        }
    }
    sweep(nats);
}

void store_nats_out_fini(struct store_nats *nats)
{
    LIST_FOREACH (node, after, &nats->items) {
        struct store_nats_item *item = item_at(node);

        list_remove(node);
        item->e = item->e == OK ? ERR_CLOSED : item->e;
        store_nats_tell_failed(nats, item);
        store_nats_out_free(item);
    }
}

static void forget(struct store_nats *nats, struct store_nats_item *item)
{
    if (item->job != NULL) {
        store_job_drop(&nats->store, item->job);
    }
    item->job = NULL;
    item->type = STORE_NATS_ENTRY_BEAT; /* of which nobody is told */
}

void store_nats_out_drop(struct store_nats *nats)
{
    LIST_FOREACH (node, after, &nats->items) {
        struct store_nats_item *item = item_at(node);

        forget(nats, item);
        list_remove(node);
        store_nats_out_free(item);
    }
    LIST_FOREACH (node, after, &nats->lots) {
        struct store_nats_lot *lot = LIST_ENTRY(node, struct store_nats_lot, node);

        if (lot->item != NULL) {
            forget(nats, lot->item);
        }
    }
}
