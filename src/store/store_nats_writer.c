/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "store/store_nats_writer_work.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

bool store_nats_writer_inside_is_ending(struct store_nats_writer *writer)
{
    bool ending;

    pthread_mutex_lock(&writer->lock);
    ending = writer->is_ending;
    pthread_mutex_unlock(&writer->lock);
    return ending;
}

/* ---- the thread ---- */

static void *run(void *opaque)
{
    struct store_nats_writer *writer = opaque;

    pthread_mutex_lock(&writer->lock);
    for (;;) {
        while (!writer->is_begun && !writer->is_ending) {
            pthread_cond_wait(&writer->changed, &writer->lock);
        }
        if (writer->is_ending) {
            break;
        }
        pthread_mutex_unlock(&writer->lock);
        writer->batch->e = store_nats_writer_work(writer);
        pthread_mutex_lock(&writer->lock);
        writer->is_begun = false;
        writer->has_answer = true;
        store_nats_link_wrote(writer->link);
    }
    pthread_mutex_unlock(&writer->lock);
    nats_ReleaseThreadMemory();
    return NULL;
}

/* ---- the loop's thread ---- */

static void clear(struct store_nats_writer_batch *batch)
{
    for (size_t i = 0; i < batch->step_count; i++) {
        event_unref(batch->steps[i].event);
    }
    batch->step_count = 0;
    batch->eid_count = 0;
    batch->last = 0;
    batch->count = 0;
    batch->is_end = false;
    batch->is_remade = false;
    batch->why[0] = '\0';
}

enum err store_nats_writer_open(struct store_nats_link *link, unsigned replicas,
                                struct store_nats_writer **ret_writer)
{
    struct store_nats_writer *writer = calloc(1, sizeof *writer);

    if (writer == NULL) {
        return ERR_NOMEM;
    }
    writer->link = link;
    writer->replicas = replicas;
    (void)snprintf(writer->description, sizeof writer->description,
                   "wayleave channel, of log %016" PRIx64,
                   (uint64_t)store_nats_link_server(link)->created);
    pthread_mutex_init(&writer->lock, NULL); /* neither can fail on Linux */
    pthread_cond_init(&writer->changed, NULL);
    writer->batch = calloc(1, sizeof *writer->batch);
    if (writer->batch == NULL) {
        store_nats_writer_close(writer);
        return ERR_NOMEM;
    }
    writer->has_thread = pthread_create(&writer->thread, NULL, run, writer) == 0;
    if (!writer->has_thread) {
        store_nats_writer_close(writer);
        return ERR_IO;
    }
    *ret_writer = writer;
    return OK;
}

void store_nats_writer_close(struct store_nats_writer *writer)
{
    if (writer == NULL) {
        return;
    }
    pthread_mutex_lock(&writer->lock);
    writer->is_ending = true;
    pthread_cond_broadcast(&writer->changed);
    pthread_mutex_unlock(&writer->lock);
    if (writer->has_thread) {
        pthread_join(writer->thread, NULL);
    }
    store_nats_link_server(writer->link)->kept =
        writer->answers; /* see store_nats_sub_leave() */
    natsInbox_Destroy(writer->inbox);
    if (writer->batch != NULL) {
        clear(writer->batch);
        free(writer->batch);
    }
    pthread_cond_destroy(&writer->changed);
    pthread_mutex_destroy(&writer->lock);
    free(writer);
}

struct store_nats_writer_batch *store_nats_writer_batch(struct store_nats_writer *writer)
{
    bool is_begun;

    pthread_mutex_lock(&writer->lock);
    is_begun = writer->is_begun;
    writer->has_answer = writer->has_answer && is_begun;
    pthread_mutex_unlock(&writer->lock);
    if (is_begun) {
        return NULL;
    }
    clear(writer->batch);
    return writer->batch;
}

void store_nats_writer_begin(struct store_nats_writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    writer->is_begun = true;
    pthread_cond_broadcast(&writer->changed);
    pthread_mutex_unlock(&writer->lock);
}

struct store_nats_writer_batch *store_nats_writer_answer(struct store_nats_writer *writer)
{
    bool has_answer;

    pthread_mutex_lock(&writer->lock);
    has_answer = writer->has_answer;
    pthread_mutex_unlock(&writer->lock);
    return has_answer ? writer->batch : NULL;
}
