/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "store/store_nats_follower.h"

#include "store/store_nats_link_inside.h"
#include "store/store_nats_sub.h"

#include <stdlib.h>

enum {
    NEWS_BYTES_MAX = 8 * 1024 * 1024, /* that wait for the loop; past it the log must wait */
    READ_WAIT = 250,                  /* ms: how long the end of the store may be overlooked */
    AGAIN_WAIT = 200,                 /* ms, before the server is asked again */
    MISSING_MAX = 50,                 /* questions: a cluster that starts may not know it yet */
    SILENCE_MAX = 5 * STORE_NATS_SUB_HEARTBEAT / 2, /* ms: then the server has forgotten us */
};

static void nap(struct store_nats_link *link)
{
    struct timespec until = store_nats_link_inside_later(AGAIN_WAIT);

    pthread_mutex_lock(&link->lock);
    if (!link->is_ending) {
        pthread_cond_timedwait(&link->changed, &link->lock, &until);
    }
    pthread_mutex_unlock(&link->lock);
}

static const char *check_extent(struct store_nats_link *link, enum err e,
                                const struct store_nats_server_extent *extent)
{
    if (e != OK) {
        return "the log is not on the server any more";
    }
    if (extent->created != link->server.created) {
        return "the log is another one than before";
    }
    if (extent->first > link->next) {
        return "the log has gone on without this realm";
    }
    return extent->last + 1 < link->next ? "the server has lost the newest part of the log"
                                         : NULL;
}

/* The connection as it is now, from the next message on. */
static natsSubscription *follow(struct store_nats_link *link)
{
    struct store_nats_server_extent extent;
    natsSubscription *sub = NULL;
    const char *why;
    bool is_connected;
    enum err e;

    pthread_mutex_lock(&link->lock);
    is_connected = link->is_connected;
    link->is_new = false;
    pthread_mutex_unlock(&link->lock);
    e = is_connected ? store_nats_server_extent(&link->server, &extent) : ERR_CLOSED;
    link->missing = e == ERR_AGAIN ? link->missing + 1 : 0;
    if (e != OK && link->missing < MISSING_MAX) {
        return NULL;
    }
    why = check_extent(link, e, &extent);
    if (why == NULL && store_nats_sub_open(&link->server, link->server.log,
                                           link->server.log_subject, link->next, &sub) != OK) {
        return NULL;
    }
    pthread_mutex_lock(&link->lock);
    link->state.lost = why;
    store_nats_link_inside_set_up(link, why == NULL && link->is_connected && !link->is_new);
    store_nats_link_inside_ring(link);
    pthread_mutex_unlock(&link->lock);
    return sub;
}

/* Takes the message. False: it is not the next one, or there is no memory for it now. */
static bool deliver(struct store_nats_link *link, natsMsg *msg, uint64_t place)
{
    struct store_nats_link_news *news;

    if (place == 0 || place < link->next) { /* a word of the server's, or it was had before */
        natsMsg_Destroy(msg);
        return true;
    }
    news = place == link->next ? calloc(1, sizeof *news) : NULL;
    if (news == NULL) {
        natsMsg_Destroy(msg);
        return false;
    }
    news->type = STORE_NATS_LINK_MESSAGE;
    news->number = place;
    news->msg = msg;
    news->bytes = span_of(natsMsg_GetData(msg), (size_t)natsMsg_GetDataLength(msg));
    link->next++;
    pthread_mutex_lock(&link->lock);
    while (link->news_bytes > NEWS_BYTES_MAX && !link->is_ending) {
        pthread_cond_wait(&link->changed, &link->lock);
    }
    store_nats_link_inside_add(link, news);
    pthread_mutex_unlock(&link->lock);
    return true;
}

void *store_nats_follower_run(void *opaque)
{
    struct store_nats_link *link = opaque;
    natsSubscription *sub = NULL;
    msec heard = 0;

    for (;;) {
        natsMsg *msg;
        uint64_t place;
        enum err e;
        bool is_ending, is_new;

        pthread_mutex_lock(&link->lock);
        is_ending = link->is_ending;
        is_new = link->is_new;
        pthread_mutex_unlock(&link->lock);
        if (is_ending) {
            break;
        }
        if (sub != NULL && is_new) {
            store_nats_sub_close(&link->server, sub);
            sub = NULL;
        }
        if (sub == NULL) {
            sub = follow(link);
            heard = store_nats_link_clock();
        }
        if (sub == NULL) {
            nap(link);
            continue;
        }
        e = store_nats_sub_next(&link->server, sub, READ_WAIT, &msg, &place);
        if (e == ERR_AGAIN && store_nats_link_clock() - heard <= SILENCE_MAX) {
            continue;
        }
        if (e != OK || !deliver(link, msg, place)) {
            store_nats_sub_close(&link->server, sub);
            sub = NULL;
            nap(link);
        }
        heard = store_nats_link_clock();
    }
    if (sub != NULL) {
        store_nats_sub_leave(&link->server, sub);
    }
    nats_ReleaseThreadMemory();
    return NULL;
}
