/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "store/store_nats_restore.h"

#include "store/store_nats_sub.h"
#include "store/store_record.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    OPS_MAX = 256,             /* of one submission to the mirror */
    PENDING_MAX = 1024 * 1024, /* bytes of those that it has still to store */
    REST_MAX = 512 * 1024 * 1024,
};

/* A snapshot that is being read. */
struct reading {
    struct store_nats *nats;
    struct buf rest; /* operations that are not complete yet */
    struct store_op ops[2 * OPS_MAX];
    size_t count;
    enum err e; /* of what the mirror stored */
};

/* ---- the mirror ---- */

static void on_done(void *ctx, enum err e, const uint64_t *eids)
{
    struct reading *reading = ctx;

    (void)eids;
    reading->e = reading->e == OK ? e : reading->e;
}

static void settle(struct store_nats *nats, size_t bytes_max)
{
    store_nats_mirror_run(&nats->mirror);
    while (nats->mirror.store->pending_count > 0 &&
           nats->mirror.store->pending_bytes > bytes_max) {
        store_nats_mirror_drive(&nats->mirror);
    }
}

static enum err hand_over(struct reading *reading)
{
    struct store_nats *nats = reading->nats;
    enum err e = reading->count == 0 ? OK
                                     : store_submit(nats->mirror.store, reading->ops,
                                                    reading->count, on_done, reading);

    for (size_t i = 0; i < reading->count; i++) {
        event_unref(reading->ops[i].event);
    }
    reading->count = 0;
    settle(nats, PENDING_MAX);
    return e != OK ? e : reading->e;
}

static enum err add_event(struct reading *reading, const struct store_nats_entry_op *op,
                          struct store_stream *stream)
{
    struct event event;
    struct event *copy;

    if (store_record_read(op->value, 0, &event) != STORE_RECORD_GOOD) {
        return ERR_PROTO;
    }
    TRY(event_copy(&event, &copy));
    reading->ops[reading->count++] =
        (struct store_op){.type = STORE_RESERVE, .stream = stream, .eid = op->number};
    reading->ops[reading->count++] =
        (struct store_op){.type = STORE_APPEND, .stream = stream, .event = copy};
    return OK;
}

static enum err add_op(struct reading *reading, const struct store_nats_entry_op *op)
{
    struct store_stream *stream;

    if (op->type == STORE_PUT) {
        reading->ops[reading->count++] =
            (struct store_op){.type = STORE_PUT, .key = op->name, .value = op->value};
        return OK;
    }
    if (op->type != STORE_APPEND && op->type != STORE_RESERVE) {
        return ERR_PROTO;
    }
    TRY(store_open_stream(reading->nats->mirror.store, op->name, STORE_KEEP_ALL, &stream));
    if (op->type == STORE_APPEND) {
        return add_event(reading, op, stream);
    }
    reading->ops[reading->count++] =
        (struct store_op){.type = STORE_RESERVE, .stream = stream, .eid = op->number};
    return OK;
}

static enum err take_piece(struct reading *reading, struct span part)
{
    struct store_nats_entry_op op;
    struct span body;

    TRY(buf_append(&reading->rest, part));
    body = buf_span(&reading->rest);
    while (store_nats_entry_next(&body, &op)) {
        TRY(add_op(reading, &op));
        if (reading->count >= 2 * OPS_MAX - 2) {
            TRY(hand_over(reading));
        }
    }
    TRY(hand_over(reading)); /* before the bytes go */
    buf_consume(&reading->rest, reading->rest.len - body.len);
    return OK;
}

/* ---- the snapshot ---- */

static enum err read_pieces(struct reading *reading, natsSubscription *sub,
                            const struct store_nats_entry_head *end, uint64_t last)
{
    struct store_nats_server *server = store_nats_link_server(reading->nats->link);
    msec timeout = reading->nats->conf.timeout;
    msec since = store_nats_link_clock();
    uint64_t place = 0;

    while (place < last) {
        struct store_nats_entry_head head;
        struct span part;
        natsMsg *msg;
        uint64_t found;
        enum err e;

        if (store_nats_sub_next(server, sub, (int64_t)timeout, &msg, &found) != OK) {
            return ERR_CLOSED;
        }
        if (found != 0) {
            place = found;
            since = store_nats_link_clock();
        }
        e = store_nats_link_clock() - since > timeout ? ERR_CLOSED : OK;
        if (e == OK &&
            store_nats_entry_read(
                span_of(natsMsg_GetData(msg), (size_t)natsMsg_GetDataLength(msg)), &head,
                &part) &&
            head.author == end->author && head.previous == end->previous) {
            e = take_piece(reading, part);
        }
        natsMsg_Destroy(msg);
        TRY(e);
    }
    return reading->rest.len > 0 ? ERR_PROTO : OK;
}

static enum err read_snapshot(struct store_nats *nats, natsMsg *end_msg)
{
    struct store_nats_server *server = store_nats_link_server(nats->link);
    struct reading *reading = calloc(1, sizeof *reading);
    struct store_nats_entry_head end;
    natsSubscription *sub = NULL;
    struct span part;
    enum err e = ERR_NOMEM;

    if (reading == NULL) {
        return ERR_NOMEM;
    }
    reading->nats = nats;
    buf_init(&reading->rest, REST_MAX);
    if (!store_nats_entry_read(
            span_of(natsMsg_GetData(end_msg), (size_t)natsMsg_GetDataLength(end_msg)), &end,
            &part)) {
        e = ERR_PROTO;
    } else {
        e = store_nats_sub_open(server, server->snap, server->snap_subjects, end.number, &sub);
    }
    if (e == OK) {
        e = read_pieces(reading, sub, &end, natsMsg_GetSequence(end_msg));
    }
    settle(nats, 0);
    e = e == OK ? reading->e : e;
    if (sub != NULL) {
        store_nats_sub_close(server, sub);
    }
    buf_fini(&reading->rest);
    free(reading);
    return e;
}

/* ---- the start ---- */

static bool load_key(void *ctx, struct span key, struct span value)
{
    struct store_nats *nats = ctx;

    nats->snap_e = store_nats_state_restore(&nats->state, key, value);
    return nats->snap_e == OK;
}

static enum err load_state(struct store_nats *nats)
{
    static const uint8_t ours = STORE_NATS_STATE_KEY;

    store_nats_state_fini(&nats->state);
    store_nats_state_init(&nats->state);
    nats->snap_e = OK;
    TRY(store_list(nats->mirror.store, span_of(&ours, 1), load_key, nats));
    return nats->snap_e;
}

static bool is_current(const struct store_nats *nats,
                       const struct store_nats_server_extent *extent)
{
    return nats->state.at.deployment == (uint64_t)extent->created &&
           store_nats_state_needed(&nats->state) >= extent->first &&
           nats->state.at.place <= extent->last;
}

static const char *why_not(const struct store_nats *nats,
                           const struct store_nats_server_extent *extent)
{
    if (nats->state.at.deployment != (uint64_t)extent->created) {
        return "it is of another log (of another StoreRealm or server, or that one's directory "
               "was deleted)";
    }
    return nats->state.at.place > extent->last
               ? "the server has lost the newest part of the log"
               : "the log that follows on it has been forgotten meanwhile";
}

/* From now on it is known to be a mirror, and to be of no use before it is complete. */
static enum err mark(struct store_nats *nats, uint64_t deployment)
{
    const struct store_nats_state_place_image at = {.deployment = deployment};
    uint8_t room[STORE_NATS_STATE_KEY_BYTES];
    struct reading *reading = calloc(1, sizeof *reading);
    enum err e;

    if (reading == NULL) {
        return ERR_NOMEM;
    }
    reading->nats = nats;
    reading->ops[reading->count++] = (struct store_op){.type = STORE_PUT,
                                                       .key = store_nats_state_place_key(room),
                                                       .value = span_of(&at, sizeof at)};
    e = hand_over(reading);
    settle(nats, 0);
    e = e == OK ? reading->e : e;
    free(reading);
    return e;
}

static enum err check_owner(struct store_nats *nats, char *fault)
{
    uint8_t room[STORE_NATS_STATE_KEY_BYTES];
    struct buf value;
    bool is_found = false;
    enum err e;

    buf_init(&value, STORE_VALUE_MAX);
    e = store_get(nats->mirror.store, store_nats_state_place_key(room), &value, &is_found);
    buf_fini(&value);
    if (e == OK && !is_found && nats->mirror.had_data) {
        (void)snprintf(fault, STORE_NATS_FAULT_BYTES,
                       "\"%s\" is a store of its own, and no mirror of a NATS server (give the "
                       "realm an empty directory)",
                       nats->conf.path);
        return ERR_CONF;
    }
    return e;
}

static enum err rebuild(struct store_nats *nats, char *fault)
{
    natsMsg *end = NULL;
    enum err e;

    TRY(store_nats_mirror_clear(&nats->mirror, fault));
    TRY(mark(nats, 0));
    (void)snprintf(fault, STORE_NATS_FAULT_BYTES,
                   "the last snapshot of the log cannot be read from the NATS server");
    e = store_nats_server_last_snapshot(store_nats_link_server(nats->link), &end);
    if (e == ERR_AGAIN) {
        TRY(mark(nats, (uint64_t)store_nats_link_server(nats->link)->created));
    } else if (e == OK) {
        e = read_snapshot(nats, end);
        natsMsg_Destroy(end);
        TRY(e);
    } else {
        return e;
    }
    return load_state(nats);
}

enum err store_nats_restore_mirror(struct store_nats *nats, char fault[STORE_NATS_FAULT_BYTES])
{
    struct store_nats_server *server = store_nats_link_server(nats->link);
    struct store_nats_server_extent extent;

    TRY(check_owner(nats, fault));
    (void)snprintf(fault, STORE_NATS_FAULT_BYTES, "the mirror cannot be read");
    TRY(load_state(nats));
    (void)snprintf(fault, STORE_NATS_FAULT_BYTES, "the NATS server does not answer");
    TRY(store_nats_server_extent(server, &extent));
    if (is_current(nats, &extent)) {
        return OK;
    }
    if (nats->state.at.deployment != 0) {
        log_notice(nats->conf.log,
                   "store: the copy in \"%s\" is made again from the NATS server: %s",
                   nats->conf.path, why_not(nats, &extent));
    }
    TRY(rebuild(nats, fault));
    (void)snprintf(fault, STORE_NATS_FAULT_BYTES, "the NATS server does not answer");
    TRY(store_nats_server_extent(server, &extent));
    if (!is_current(nats, &extent)) {
        (void)snprintf(
            fault, STORE_NATS_FAULT_BYTES,
            "the JetStream stream %s has lost its beginning: it is there from %" PRIu64
            " on, and %" PRIu64 " is needed (restore it, or choose another "
            "StoreRealm)",
            server->log, extent.first, store_nats_state_needed(&nats->state));
        return ERR_IO;
    }
    return OK;
}
