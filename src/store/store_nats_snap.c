/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "store/store_nats_snap.h"

#include "store/store_nats_out.h"

#include <stdlib.h>

enum {
    LOG_BYTES_MIN = 64 * 1024 * 1024, /* before there is a snapshot at all */
    AGAIN_AFTER = 60000,              /* ms, when one could not be written */
    KEYS_BYTES_MAX = 512 * 1024 * 1024,
};

/* Only one realm writes one. No key of a realm's begins so. */
static const struct span lock_key = SPAN_INIT("\xffsnapshot");

/* A stream, and what its next EID was. */
struct stop {
    struct store_nats_stream *stream;
    uint64_t next;
};

struct store_nats_snap {
    enum {
        SNAP_ASKING,  /* for the lock */
        SNAP_HOLDING, /* until the mirror has all that was applied */
        SNAP_WRITING,
        SNAP_SAYING, /* in the log that it is complete */
    } step;
    uint64_t place;
    uint64_t first; /* of its pieces, in their stream; 0: none is stored yet */
    bool is_ending; /* the last one is on its way */
    struct stop *stops;
    size_t stop_count;
    size_t at;     /* of the stops */
    uint64_t from; /* in that stream */
    struct buf keys;
    struct buf piece;
};

static void drop(struct store_nats *nats)
{
    struct store_nats_snap *snap = nats->snap;

    if (snap != NULL) {
        free(snap->stops);
        buf_fini(&snap->keys);
        buf_fini(&snap->piece);
        free(snap);
        nats->snap = NULL;
    }
}

static void give_up(struct store_nats *nats)
{
    log_warn(nats->conf.log, "store: a snapshot could not be written; the log keeps growing "
                             "until one can");
    nats->snap_after = nats->now + AGAIN_AFTER;
    drop(nats);
    store_nats_out_unlock(nats, lock_key, SPAN(""));
}

/* ---- what it has ---- */

static bool add_key(void *ctx, struct span key, struct span value)
{
    struct store_nats *nats = ctx;
    const struct store_nats_entry_op op = {.type = STORE_PUT, .name = key, .value = value};

    nats->snap_e = store_nats_entry_add(&nats->snap->keys, &op);
    return nats->snap_e == OK;
}

static enum err look(struct store_nats *nats)
{
    struct store_nats_snap *snap = nats->snap;
    size_t count = 0;

    LIST_FOREACH (node, after, &nats->streams) {
        count++;
    }
    snap->place = nats->state.at.place;
    snap->stops = calloc(count + 1, sizeof *snap->stops);
    if (snap->stops == NULL) {
        return ERR_NOMEM;
    }
    LIST_FOREACH (node, after, &nats->streams) {
        struct store_nats_stream *stream = LIST_ENTRY(node, struct store_nats_stream, node);

        snap->stops[snap->stop_count++] = (struct stop){stream, stream->next};
    }
    nats->snap_e = OK;
    TRY(store_list(nats->mirror.store, SPAN(""), add_key, nats));
    return nats->snap_e;
}

static bool add_event(void *ctx, const struct event *event)
{
    struct store_nats *nats = ctx;
    struct store_nats_snap *snap = nats->snap;
    const struct stop *stop = &snap->stops[snap->at];

    if (event->eid >= stop->next) {
        return false;
    }
    nats->snap_e = store_nats_entry_add_event(
        &snap->piece,
        &(struct store_nats_entry_op){
            .type = STORE_APPEND, .number = event->eid, .name = stop->stream->stream.name},
        event);
    return nats->snap_e == OK && snap->piece.len < store_nats_link_server(nats->link)->part_max;
}

static enum err add_stream(struct store_nats *nats)
{
    struct store_nats_snap *snap = nats->snap;
    const struct stop *stop = &snap->stops[snap->at];

    TRY(store_read(stop->stream->mirror, snap->from, add_event, nats, &snap->from));
    TRY(nats->snap_e);
    if (snap->from < stop->next) {
        return OK;
    }
    TRY(store_nats_entry_add(&snap->piece,
                             &(struct store_nats_entry_op){.type = STORE_RESERVE,
                                                           .number = stop->next,
                                                           .name = stop->stream->stream.name}));
    snap->at++;
    snap->from = 0;
    return OK;
}

/* ---- writing ---- */

static enum err send_piece(struct store_nats *nats, size_t max, bool is_end)
{
    struct store_nats_snap *snap = nats->snap;
    struct span part = span_head(buf_span(&snap->piece), max);
    const struct store_nats_entry_head head = {
        .author = nats->self,
        .number = snap->first,
        .previous = snap->place,
        .flags = is_end ? STORE_NATS_ENTRY_LAST : 0,
    };
    struct mspan room;
    struct buf bytes;
    enum err e;

    buf_init(&bytes, STORE_NATS_ENTRY_HEAD_BYTES + part.len);
    e = buf_reserve(&bytes, bytes.max, &room);
    if (e == OK) {
        store_nats_entry_write(&head, part, room.ptr);
        buf_commit(&bytes, STORE_NATS_ENTRY_HEAD_BYTES + part.len);
        e = store_nats_link_save(nats->link, &bytes, is_end);
    }
    if (e != OK) {
        buf_fini(&bytes);
        return e;
    }
    buf_consume(&snap->piece, part.len);
    return OK;
}

static enum err go_on(struct store_nats *nats)
{
    struct store_nats_snap *snap = nats->snap;
    size_t max = store_nats_link_server(nats->link)->part_max - STORE_NATS_ENTRY_HEAD_BYTES;

    while (snap->piece.len < max && snap->at < snap->stop_count) {
        TRY(add_stream(nats));
    }
    if (snap->piece.len < max && snap->keys.len > 0) {
        TRY(buf_append(&snap->piece, buf_span(&snap->keys)));
        buf_fini(&snap->keys);
    }
    /* The end is a piece of its own, so that it can name the first. */
    snap->is_ending = snap->piece.len == 0 && snap->first != 0;
    return send_piece(nats, max, snap->is_ending);
}

static void begin(struct store_nats *nats)
{
    nats->snap->step = SNAP_WRITING;
    if (look(nats) != OK || go_on(nats) != OK) {
        give_up(nats);
    }
}

void store_nats_snap_saved(struct store_nats *nats, const struct store_nats_link_news *news)
{
    struct store_nats_snap *snap = nats->snap;

    if (snap == NULL || snap->step != SNAP_WRITING) {
        return;
    }
    if (news->e != OK) {
        give_up(nats);
        return;
    }
    snap->first = snap->first == 0 ? news->number : snap->first;
    if (snap->is_ending) {
        snap->step = SNAP_SAYING;
        if (store_nats_out_word(nats, STORE_NATS_ENTRY_SNAPSHOT, snap->place) != OK) {
            give_up(nats);
        }
        return;
    }
    if (go_on(nats) != OK) {
        give_up(nats);
    }
}

void store_nats_snap_end(struct store_nats *nats)
{
    struct store_nats_snap *snap = nats->snap;

    if (snap == NULL || snap->step != SNAP_SAYING) {
        return;
    }
    nats->snap_place = snap->place;
    nats->snap_first = snap->first;
    log_info(nats->conf.log, "store: a snapshot was written");
    drop(nats);
    store_nats_out_unlock(nats, lock_key, SPAN(""));
}

/* ---- when ---- */

static void on_locked(void *ctx, enum err e, struct span value)
{
    struct store_nats *nats = ctx;

    (void)value;
    if (nats->snap == NULL) {
        return;
    }
    if (e == OK) {
        nats->snap->step = SNAP_HOLDING;
    } else {
        nats->snap_after = nats->now + AGAIN_AFTER;
        drop(nats);
    }
}

static uint64_t log_bytes_max(const struct store_nats *nats)
{
    if (nats->conf.log_bytes_max > 0) {
        return nats->conf.log_bytes_max;
    }
    /* Writing all again is worth it when as much has come since. */
    return nats->bytes > LOG_BYTES_MIN ? nats->bytes : LOG_BYTES_MIN;
}

/* What the snapshot has goes from the log, as soon as every realm says that it has it, too. */
static void forget(struct store_nats *nats)
{
    uint64_t below = store_nats_state_needed_by_all(&nats->state, nats->self);

    below = below < nats->snap_place + 1 ? below : nats->snap_place + 1;
    if (nats->snap_place > 0 && below > nats->forgotten && nats->link_state.is_up) {
        nats->forgotten = below;
        store_nats_link_purge(nats->link, below, nats->snap_first);
    }
}

void store_nats_snap_tick(struct store_nats *nats)
{
    forget(nats);
    if (nats->snap != NULL && nats->snap->step == SNAP_HOLDING && nats->lot_count == 0) {
        begin(nats);
        return;
    }
    if (nats->snap != NULL && nats->is_cut) {
        drop(nats); /* somebody else may have the lock */
        return;
    }
    if (nats->snap != NULL || nats->is_cut || nats->now < nats->snap_after ||
        nats->store.is_closing || nats->state.at.log_bytes < log_bytes_max(nats)) {
        return;
    }
    nats->snap = calloc(1, sizeof *nats->snap);
    if (nats->snap == NULL) {
        return;
    }
    buf_init(&nats->snap->keys, KEYS_BYTES_MAX);
    buf_init(&nats->snap->piece, KEYS_BYTES_MAX);
    if (store_nats_out_lock(nats, lock_key, on_locked, nats) != OK) {
        drop(nats);
    }
}

bool store_nats_snap_holds(const struct store_nats *nats)
{
    return nats->snap != NULL && nats->snap->step == SNAP_HOLDING;
}

void store_nats_snap_fini(struct store_nats *nats)
{
    drop(nats);
}
