/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_conn_batch.h"

#include "realm/realm_conn_send.h"
#include "realm/realm_conn_session.h"
#include "realm/realm_conn_sockjs.h"

#include <stdalign.h>

enum {
    BATCH_MAX = 256,   /* many enough that waking others is cheap beside it */
    TOGETHER_MIN = 16, /* fewer are written before another thread is awake */
    CACHE_LINE_BYTES = 64,
};

struct place {
    alignas(CACHE_LINE_BYTES) struct realm_conn_send_step step;
    struct realm_sockjs_session *receives; /* what the connection sends from; NULL: its own */
};

struct batch {
    struct place places[BATCH_MAX];
    size_t count;
};

/* What is due comes into the batch, as far as it is open. */
static void begin(struct batch *batch, struct realm_worker *worker)
{
    batch->count = 0;
    while (!list_is_empty(&worker->due) && batch->count < BATCH_MAX) {
        struct realm_conn *conn = LIST_ENTRY(worker->due.next, struct realm_conn, due);

        list_remove(&conn->due);
        if (conn->receives != NULL ||
            (conn->state == REALM_CONN_LIFE_SESSION && realm_conn_session_begin_flush(conn))) {
            batch->places[batch->count++] =
                (struct place){realm_conn_send_begin(conn), conn->receives};
        }
    }
}

static void end(const struct place *place)
{
    struct realm_conn *conn = place->step.conn;

    if (place->receives != NULL) {
        realm_conn_sockjs_end_flush(conn, place->receives, place->step.is_all);
    } else {
        realm_conn_session_end_flush(conn, place->step.is_all);
    }
}

/* Those who have nothing to write leave the batch: they publish nothing and free nothing, so
 * what the others are to write stays where it is. */
static void gather(struct batch *batch)
{
    size_t count = 0;

    for (size_t i = 0; i < batch->count; i++) {
        struct place *place = &batch->places[i];

        if (!realm_conn_send_gather(&place->step)) {
            end(place);
        } else if (i == count++) {
            continue;
        } else {
            batch->places[count - 1] = *place;
        }
    }
    batch->count = count;
}

/* In any thread. */
static void write_one(void *ctx, size_t index)
{
    struct batch *batch = ctx;

    realm_conn_send_write(&batch->places[index].step);
}

static void write_all(struct batch *batch, struct crew *crew)
{
    if (batch->count >= TOGETHER_MIN) {
        crew_run(crew, batch->count, write_one, batch);
        return;
    }
    for (size_t i = 0; i < batch->count; i++) {
        write_one(batch, i);
    }
}

void realm_conn_batch_flush(struct realm_worker *worker)
{
    struct batch batch;

    begin(&batch, worker);
    for (gather(&batch); batch.count > 0; gather(&batch)) {
        write_all(&batch, worker->crew);
        for (size_t i = 0; i < batch.count; i++) {
            realm_conn_send_settle(&batch.places[i].step);
        }
    }
}
