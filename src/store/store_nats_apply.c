/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "store/store_nats_apply.h"

#include "store/store_nats_lease.h"
#include "store/store_nats_out.h"
#include "store/store_nats_snap.h"
#include "store/store_nats_stage.h"
#include "store/store_nats_tell.h"
#include "store/store_nats_view.h"

#include <inttypes.h>
#include <stdlib.h>

enum {
    LOTS_MAX = 4096,                   /* that the mirror has to store; the log waits then */
    LOTS_BYTES_MAX = 16 * 1024 * 1024, /* the same, in its memory */
    LINES_MAX = 8,                     /* about foreign messages, until the next start */
};

static struct store_nats_lot *lot_at(struct list *node)
{
    return LIST_ENTRY(node, struct store_nats_lot, node);
}

void store_nats_apply_break(struct store_nats *nats, const char *why)
{
    if (nats->is_broken) {
        return;
    }
    nats->is_broken = true;
    log_error(nats->conf.log, "store: %s: nothing is stored any more (start this realm again)",
              why);
    store_nats_out_fail(nats, ERR_CLOSED);
}

/* ---- telling ---- */

static bool is_first_done(const struct store_nats *nats)
{
    return !list_is_empty(&nats->lots) && lot_at(nats->lots.next)->is_done;
}

void store_nats_apply_tell(struct store_nats *nats)
{
    if (nats->is_telling) {
        return;
    }
    nats->is_telling = true;
    while (is_first_done(nats)) {
        struct store_nats_lot *lot = lot_at(nats->lots.next);

        list_remove(&lot->node);
        nats->lot_count--;
        if (lot->item != NULL && lot->item->e != OK) {
            store_nats_tell_failed(nats, lot->item);
        } else {
            store_nats_tell_lot(lot);
            store_nats_view_told(nats, lot);
        }
        store_nats_stage_free(lot);
    }
    nats->is_telling = false;
}

bool store_nats_apply_failed(struct store_nats *nats, struct store_nats_item *take_item)
{
    struct store_nats_lot *lot;

    if (store_nats_stage_new(nats, &lot) != OK) { /* it stays for the next time */
        return false;
    }
    list_remove(&take_item->node);
    lot->item = take_item;
    lot->is_done = true;
    list_append(&nats->lots, &lot->node);
    nats->lot_count++;
    loop_defer(nats->conf.loop, &nats->later);
    return true;
}

/* ---- the mirror ---- */

/* Of one in memory it is called inside hand_over(). */
static void on_mirror_done(void *ctx, enum err e, const uint64_t *eids)
{
    struct store_nats_lot *lot = ctx;
    struct store_nats *nats = lot->nats;
    uint8_t key[STORE_NATS_STATE_KEY_BYTES];

    (void)eids;
    lot->is_done = e == OK;
    if (nats->is_broken) {
        return;
    }
    if (e != OK && store_nats_mirror_is_on_disk(&nats->mirror)) {
        /* What is behind it may be in the mirror already, at places that were not its own. */
        store_nats_apply_break(nats, "the mirror in StorePath has failed");
        store_nats_mirror_spoil(&nats->mirror, store_nats_state_place_key(key));
        return;
    }
    store_nats_apply_tell(nats);
    if (!list_is_empty(&nats->news)) { /* they waited for this */
        loop_defer(nats->conf.loop, &nats->later);
    }
}

/* False: there is no memory; it is tried again. */
static bool hand_over(struct store_nats *nats, struct store_nats_lot *lot)
{
    enum err e =
        store_submit(nats->mirror.store, lot->changes, lot->change_count, on_mirror_done, lot);

    if (e != OK) {
        return false;
    }
    if (!store_nats_mirror_is_on_disk(&nats->mirror)) {
        bool is_telling = nats->is_telling;

        nats->is_telling = true; /* not while it is told by the mirror: it may be the same */
        store_nats_mirror_run(&nats->mirror);
        nats->is_telling = is_telling;
        return lot->is_done;
    }
    return true;
}

static void queue(struct store_nats *nats, struct store_nats_lot *lot)
{
    list_append(&nats->lots, &lot->node);
    nats->lot_count++;
    nats->stuck = hand_over(nats, lot) ? NULL : lot;
    store_nats_apply_tell(nats);
}

/* ---- messages ---- */

static void report_foreign(struct store_nats *nats, uint64_t place)
{
    nats->foreign_count++;
    nats->store.corrupt_count++;
    if (nats->foreign_count <= LINES_MAX) {
        log_error(nats->conf.log,
                  "store: message %" PRIu64 " of %s is not a realm's, or is damaged: it is "
                  "skipped%s",
                  place, store_nats_link_server(nats->link)->log,
                  nats->foreign_count == LINES_MAX ? "; more are only counted" : "");
    }
}

/* A message of ours that does not count: what was before it is missing. */
static void on_ignored(struct store_nats *nats, const struct store_nats_entry_head *head)
{
    if (head->author == nats->self && head->round == nats->round &&
        store_nats_state_author(&nats->state, nats->self) != NULL) {
        nats->wants_again = true;
        loop_defer(nats->conf.loop, &nats->later);
    }
}

static void advance(struct store_nats *nats, const struct store_nats_link_news *news)
{
    nats->state.at.place = news->number;
    nats->state.at.log_bytes += news->bytes.len;
}

static bool is_join(struct span body)
{
    struct store_nats_entry_op op;

    return store_nats_entry_next(&body, &op) && op.type == STORE_NATS_ENTRY_JOIN &&
           body.len == 0;
}

static bool is_beat(struct span body, uint64_t *ret_applied)
{
    struct store_nats_entry_op op;

    if (!store_nats_entry_next(&body, &op) || op.type != STORE_NATS_ENTRY_BEAT) {
        return false;
    }
    *ret_applied = op.number;
    return true;
}

/* The whole entry counts now. *news is NULL when it was taken. */
static enum err apply_entry(struct store_nats *nats, struct store_nats_link_news **news,
                            const struct store_nats_entry_head *head,
                            struct store_nats_state_author *author, struct span body)
{
    uint64_t place = (*news)->number;
    struct store_nats_lot *lot;
    uint64_t applied;
    enum err e;

    if (author != NULL && is_beat(body, &applied)) {
        author->image.applied = applied;
        advance(nats, *news);
        store_nats_state_count(author, place, head);
        store_nats_lease_heard(
            nats, author,
            author->image.id == nats->self ? store_nats_out_seen(nats, head->number) : NULL);
        return OK;
    }
    TRY(store_nats_stage_new(nats, &lot));
    lot->head = *head;
    lot->item = head->author == nats->self ? store_nats_out_find(nats, head->number) : NULL;
    e = store_nats_stage_read(lot, body);
    if (e == ERR_NOMEM || e == ERR_IO) {
        lot->item = NULL;
        store_nats_stage_free(lot);
        return e;
    }
    advance(nats, *news);
    if (author != NULL) {
        store_nats_state_count(author, place, head);
    }
    if (head->author == nats->self) {
        lot->item = store_nats_out_seen(nats, head->number);
    }
    if (e != OK) { /* it counts, and says nothing that could be done */
        report_foreign(nats, place);
        store_nats_stage_free(lot);
        return OK;
    }
    if (author != NULL && body.ptr == author->body.ptr) {
        lot->body = author->body;
        buf_init(&author->body, STORE_NATS_ENTRY_BYTES_MAX);
    }
    lot->news = *news;
    *news = NULL;
    store_nats_stage_do(lot);
    store_nats_lease_changed(nats, lot);
    queue(nats, lot);
    return OK;
}

static enum err apply_part(struct store_nats *nats, struct store_nats_link_news **news,
                           const struct store_nats_entry_head *head,
                           struct store_nats_state_author *author, struct span part)
{
    const unsigned whole = STORE_NATS_ENTRY_FIRST | STORE_NATS_ENTRY_LAST;
    size_t before = author->body.len;
    enum err e = OK;

    if (head->flags == whole) {
        return apply_entry(nats, news, head, author, part);
    }
    if ((head->flags & STORE_NATS_ENTRY_FIRST) == 0 && author->image.begun == 0) {
        e = ERR_LIMIT; /* its beginning was too long */
    } else {
        e = store_nats_state_collect(author, head, part);
    }
    if (e == OK && (head->flags & STORE_NATS_ENTRY_LAST) != 0) {
        e = apply_entry(nats, news, head, author, buf_span(&author->body));
        if (e == ERR_NOMEM) {
            buf_truncate(&author->body, before);
        }
        return e;
    }
    if (e == ERR_NOMEM) {
        return e;
    }
    advance(nats, *news);
    store_nats_state_count(author, (*news)->number, head);
    if (e != OK) { /* longer than any may be: what is left of it says nothing */
        author->image.begun = 0;
        report_foreign(nats, (*news)->number);
    }
    if (author->image.id == nats->self) {
        (void)store_nats_out_seen(nats, head->number);
    }
    return OK;
}

static enum err apply_message(struct store_nats *nats, struct store_nats_link_news **news)
{
    uint64_t place = (*news)->number;
    struct store_nats_state_author *author;
    struct store_nats_entry_head head;
    struct span part;

    if (!store_nats_entry_read((*news)->bytes, &head, &part)) {
        if (place > nats->state.at.place) {
            report_foreign(nats, place);
            advance(nats, *news);
        }
        return OK;
    }
    author = store_nats_state_author(&nats->state, head.author);
    if (author != NULL) {
        author->heard = nats->now;
    }
    switch (store_nats_state_judge(&nats->state, place, &head)) {
    case STORE_NATS_STATE_AGAIN: return store_nats_state_collect(author, &head, part);
    case STORE_NATS_STATE_COUNTS: return apply_part(nats, news, &head, author, part);
    case STORE_NATS_STATE_STRANGER:
        if (is_join(part)) {
            return apply_entry(nats, news, &head, NULL, part);
        }
        break;
    case STORE_NATS_STATE_IGNORED: break;
    }
    if (place > nats->state.at.place) {
        on_ignored(nats, &head);
        advance(nats, *news);
    }
    return OK;
}

/* ---- news ---- */

static bool has_room(const struct store_nats *nats)
{
    if (nats->stuck != NULL || nats->is_broken || store_nats_snap_holds(nats)) {
        return false;
    }
    return nats->store.is_closing || /* it stores the rest when it is closed, too */
           (nats->lot_count < LOTS_MAX && nats->mirror.store->pending_bytes < LOTS_BYTES_MAX);
}

static void apply_waiting(struct store_nats *nats)
{
    while (!list_is_empty(&nats->news) && has_room(nats)) {
        struct store_nats_link_news *news =
            LIST_ENTRY(nats->news.next, struct store_nats_link_news, node);
        enum err e = OK;

        list_remove(&news->node);
        switch (news->type) {
        case STORE_NATS_LINK_MESSAGE: e = apply_message(nats, &news); break;
        case STORE_NATS_LINK_REFUSED: store_nats_out_refused(nats, news); break;
        case STORE_NATS_LINK_SAVED: store_nats_snap_saved(nats, news); break;
        case STORE_NATS_LINK_WROTE: store_nats_view_wrote(nats); break;
        }
        if (e != OK) { /* to the front again: the tick tries it */
            list_prepend(&nats->news, &news->node);
            break;
        }
        if (news != NULL) {
            store_nats_link_give_back(news);
        }
    }
}

void store_nats_apply_news(struct store_nats *nats)
{
    nats->now = store_nats_link_clock();
    do {
        apply_waiting(nats);
        if (list_is_empty(&nats->news)) {
            store_nats_link_take(nats->link, &nats->news, &nats->link_state);
        }
    } while (!list_is_empty(&nats->news) && has_room(nats));
    store_nats_lease_state(nats);
}

void store_nats_apply_again(struct store_nats *nats)
{
    if (nats->stuck != NULL && hand_over(nats, nats->stuck)) {
        nats->stuck = NULL;
        store_nats_apply_tell(nats);
    }
    store_nats_apply_news(nats);
}

void store_nats_apply_fini(struct store_nats *nats)
{
    LIST_FOREACH (node, after, &nats->lots) {
        struct store_nats_lot *lot = lot_at(node);

        list_remove(node);
        if (lot->item != NULL) { /* the log may have it, but this mirror has not */
            lot->item->e = lot->item->e == OK ? ERR_CLOSED : lot->item->e;
            store_nats_tell_failed(nats, lot->item);
        }
        store_nats_stage_free(lot);
    }
    LIST_FOREACH (node, after, &nats->news) {
        store_nats_link_give_back(LIST_ENTRY(node, struct store_nats_link_news, node));
    }
    list_init(&nats->news);
}
