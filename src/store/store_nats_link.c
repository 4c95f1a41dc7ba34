/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "store/store_nats_link_inside.h"

#include "base/buf.h"
#include "store/store_nats_follower.h"
#include "store/store_nats_link_write.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    NEWS_BYTES = 256, /* of one, besides its message */
};

/* What the sender has to do. */
enum task_type {
    TASK_SEND,
    TASK_SAVE,
    TASK_PURGE,
};

struct task {
    struct list node;
    enum task_type type;
    struct buf bytes; /* owned */
    uint32_t round;
    uint64_t number;
    bool is_end;
    uint64_t snap_seq;
};

msec store_nats_link_clock(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (msec)now.tv_sec * 1000 + (msec)now.tv_nsec / 1000000;
}

struct timespec store_nats_link_inside_later(unsigned ms)
{
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += ms / 1000;
    at.tv_nsec += (long)(ms % 1000) * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

/* ---- with the lock ---- */

void store_nats_link_inside_ring(struct store_nats_link *link)
{
    pthread_cond_broadcast(&link->changed);
    if (!link->is_posted && link->letter != NULL) {
        link->is_posted = true;
        mailbox_post(link->conf.mailbox, &link->letter->letter);
    }
}

void store_nats_link_inside_add(struct store_nats_link *link,
                                struct store_nats_link_news *take_news)
{
    list_append(&link->news, &take_news->node);
    link->news_bytes += NEWS_BYTES + take_news->bytes.len;
    store_nats_link_inside_ring(link);
}

void store_nats_link_inside_set_up(struct store_nats_link *link, bool is_up)
{
    if (link->state.is_up != is_up) {
        link->state.is_up = is_up;
        link->state.ups += is_up ? 1 : 0;
        store_nats_link_inside_ring(link);
    }
}

/* ---- libnats' threads ---- */

static void on_lost(natsConnection *nats, void *ctx)
{
    struct store_nats_link *link = ctx;

    (void)nats;
    pthread_mutex_lock(&link->lock);
    link->is_connected = false;
    store_nats_link_inside_set_up(link, false);
    pthread_mutex_unlock(&link->lock);
}

static void on_back(natsConnection *nats, void *ctx)
{
    struct store_nats_link *link = ctx;

    (void)nats;
    pthread_mutex_lock(&link->lock);
    link->is_connected = true;
    link->is_new = true;
    link->number++;
    pthread_cond_broadcast(&link->changed);
    pthread_mutex_unlock(&link->lock);
}

static void on_closed(natsConnection *nats, void *ctx)
{
    struct store_nats_link *link = ctx;

    (void)nats;
    pthread_mutex_lock(&link->lock);
    link->is_closed = true;
    pthread_cond_broadcast(&link->changed);
    pthread_mutex_unlock(&link->lock);
}

static void on_answered(void *ctx)
{
    struct store_nats_link *link = ctx;

    pthread_mutex_lock(&link->lock);
    link->is_answered = true;
    pthread_cond_broadcast(&link->changed);
    pthread_mutex_unlock(&link->lock);
}

static enum err fault_of(struct span answer, int *ret_code)
{
    if (!store_nats_server_refuses(answer, ret_code)) {
        return OK;
    }
    switch (*ret_code) {
    case JSAccountResourcesExceededErr:
    case JSInsufficientResourcesErr:
    case JSMemoryResourcesExceededErr:
    case JSStorageResourcesExceededErr:
    case JSStreamMessageExceedsMaximumErr: return ERR_LIMIT;
    case JSStreamStoreFailedErr: /* the stream's maximum, or the disk */
        return memmem(answer.ptr, answer.len, "maximum", 7) != NULL ? ERR_LIMIT : ERR_IO;
    default: return ERR_AGAIN; /* no leader at the moment, and the like */
    }
}

static void on_answer(natsConnection *nats, natsSubscription *sub, natsMsg *msg, void *ctx)
{
    struct store_nats_link *link = ctx;
    const char *name = strrchr(natsMsg_GetSubject(msg), '.');
    enum err e = ERR_AGAIN;
    int code = 0;

    (void)nats, (void)sub;
    if (!natsMsg_IsNoResponders(msg)) {
        e = fault_of(span_of(natsMsg_GetData(msg), (size_t)natsMsg_GetDataLength(msg)), &code);
    }
    if (e != OK && name != NULL) {
        struct store_nats_link_news *news = calloc(1, sizeof *news);

        /* Without memory it is as if the answer had been lost: it is sent again in time. */
        if (news != NULL) {
            news->type = STORE_NATS_LINK_REFUSED;
            news->e = e;
            news->code = code;
            (void)sscanf(name, ".%" SCNx32 "-%" SCNx64, &news->round, &news->number);
            pthread_mutex_lock(&link->lock);
            store_nats_link_inside_add(link, news);
            pthread_mutex_unlock(&link->lock);
        }
    }
    natsMsg_Destroy(msg);
}

/* ---- the sender ---- */

static void free_task(struct task *task)
{
    buf_fini(&task->bytes);
    free(task);
}

static enum err do_task(struct store_nats_link *link, struct task *task,
                        struct store_nats_link_news *ret_saved)
{
    enum err e = OK;
    char name[32];

    switch (task->type) {
    case TASK_SEND:
        (void)snprintf(name, sizeof name, "%" PRIx32 "-%" PRIx64, task->round, task->number);
        if (!store_nats_link_write_begin(link)) {
            return ERR_CLOSED;
        }
        e = store_nats_server_publish(&link->server, buf_span(&task->bytes), name);
        store_nats_link_write_end(link, e != OK);
        break;
    case TASK_SAVE:
        ret_saved->e = store_nats_server_save(&link->server, buf_span(&task->bytes),
                                              task->is_end, &ret_saved->number);
        break;
    case TASK_PURGE:
        (void)store_nats_server_purge(&link->server, link->server.log, task->number);
        (void)store_nats_server_purge(&link->server, link->server.snap, task->snap_seq);
        break;
    }
    return e;
}

/* With the lock. */
static void await_another_connection(struct store_nats_link *link, unsigned number)
{
    struct timespec until = store_nats_link_inside_later(STORE_NATS_LINK_WRITE_STUCK);
    int code = 0;

    while (link->number == number && !link->is_ending && code == 0) {
        code = pthread_cond_timedwait(&link->changed, &link->lock, &until);
    }
}

static void *run_sender(void *opaque)
{
    struct store_nats_link *link = opaque;

    pthread_mutex_lock(&link->lock);
    for (;;) {
        struct task *task;
        struct store_nats_link_news *saved;
        unsigned number;
        enum err e = OK;

        while (list_is_empty(&link->tasks) && !link->is_ending) {
            pthread_cond_wait(&link->changed, &link->lock);
        }
        if (link->is_ending) {
            break;
        }
        task = LIST_ENTRY(link->tasks.next, struct task, node);
        list_remove(&task->node);
        link->is_sending = true;
        number = link->number;
        pthread_mutex_unlock(&link->lock);

        saved = task->type == TASK_SAVE ? calloc(1, sizeof *saved) : NULL;
        if (saved != NULL || task->type != TASK_SAVE) {
            e = do_task(link, task, saved);
        }
        pthread_mutex_lock(&link->lock);
        link->is_sending = false;
        if (saved != NULL) {
            saved->type = STORE_NATS_LINK_SAVED;
            store_nats_link_inside_add(link, saved);
        } else {
            pthread_cond_broadcast(&link->changed);
        }
        free_task(task);
        if (e != OK) {
            await_another_connection(link, number);
        }
    }
    pthread_mutex_unlock(&link->lock);
    nats_ReleaseThreadMemory();
    return NULL;
}

static enum err add_task(struct store_nats_link *link, const struct task *task)
{
    struct task *added = malloc(sizeof *added);

    if (added == NULL) {
        return ERR_NOMEM;
    }
    *added = *task;
    pthread_mutex_lock(&link->lock);
    list_append(&link->tasks, &added->node);
    pthread_cond_broadcast(&link->changed);
    pthread_mutex_unlock(&link->lock);
    return OK;
}

enum err store_nats_link_send(struct store_nats_link *link, struct buf *take_bytes,
                              uint32_t round, uint64_t number)
{
    return add_task(
        link, &(struct task){
                  .type = TASK_SEND, .bytes = *take_bytes, .round = round, .number = number});
}

void store_nats_link_unsend(struct store_nats_link *link)
{
    pthread_mutex_lock(&link->lock);
    LIST_FOREACH (node, after, &link->tasks) {
        struct task *task = LIST_ENTRY(node, struct task, node);

        if (task->type == TASK_SEND) {
            list_remove(node);
            free_task(task);
        }
    }
    pthread_cond_broadcast(&link->changed);
    pthread_mutex_unlock(&link->lock);
}

enum err store_nats_link_save(struct store_nats_link *link, struct buf *take_bytes, bool is_end)
{
    return add_task(link,
                    &(struct task){.type = TASK_SAVE, .bytes = *take_bytes, .is_end = is_end});
}

void store_nats_link_purge(struct store_nats_link *link, uint64_t log_seq, uint64_t snap_seq)
{
    struct task task = {.type = TASK_PURGE, .number = log_seq, .snap_seq = snap_seq};

    buf_init(&task.bytes, 0);
    (void)add_task(link, &task); /* the next snapshot does it */
}

unsigned store_nats_link_connection(struct store_nats_link *link)
{
    unsigned number;

    pthread_mutex_lock(&link->lock);
    number = link->number;
    pthread_mutex_unlock(&link->lock);
    return number;
}

void store_nats_link_wrote(struct store_nats_link *link)
{
    struct store_nats_link_news *news = calloc(1, sizeof *news);

    if (news != NULL) {
        news->type = STORE_NATS_LINK_WROTE;
        pthread_mutex_lock(&link->lock);
        store_nats_link_inside_add(link, news);
        pthread_mutex_unlock(&link->lock);
    }
}

void store_nats_link_flush(struct store_nats_link *link, unsigned ms)
{
    struct timespec until = store_nats_link_inside_later(ms);
    int code = 0;

    pthread_mutex_lock(&link->lock);
    while ((!list_is_empty(&link->tasks) || link->is_sending) && link->state.is_up &&
           code == 0) {
        code = pthread_cond_timedwait(&link->changed, &link->lock, &until);
    }
    pthread_mutex_unlock(&link->lock);
    if (code == 0) {
        (void)natsConnection_FlushTimeout(link->server.nats, ms);
    }
}

/* ---- the loop's thread ---- */

static void open_letter(struct mailbox_letter *letter)
{
    struct news_letter *news = LIST_ENTRY(letter, struct news_letter, letter);
    struct store_nats_link *link = news->link;

    if (link == NULL) {
        free(news);
        return;
    }
    pthread_mutex_lock(&link->lock);
    link->is_posted = false;
    pthread_mutex_unlock(&link->lock);
    link->conf.on_news(link->conf.ctx);
}

enum err store_nats_link_open(const struct store_nats_link_conf *conf,
                              struct store_nats_link **ret_link,
                              char fault[STORE_NATS_SERVER_FAULT_BYTES])
{
    struct store_nats_link *link = calloc(1, sizeof *link);
    struct store_nats_server_conf server = {
        .url = conf->url,
        .realm = conf->realm,
        .replicas = conf->replicas,
        .timeout = conf->timeout,
        .on_lost = on_lost,
        .on_back = on_back,
        .on_closed = on_closed,
        .on_answer = on_answer,
        .on_answered = on_answered,
        .ctx = link,
    };
    pthread_condattr_t monotonic;
    enum err e;

    (void)snprintf(fault, STORE_NATS_SERVER_FAULT_BYTES, "out of memory");
    if (link == NULL) {
        return ERR_NOMEM;
    }
    link->conf = *conf;
    link->is_connected = true;
    list_init(&link->news);
    list_init(&link->tasks);
    pthread_mutex_init(&link->writing, NULL);
    pthread_mutex_init(&link->lock, NULL); /* none of these can fail on Linux */
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&link->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    e = store_nats_server_open(&link->server, &server, fault);
    if (e != OK) {
        store_nats_link_close(link);
        return e;
    }
    *ret_link = link;
    return OK;
}

enum err store_nats_link_start(struct store_nats_link *link, uint64_t from)
{
    link->next = from;
    link->letter = calloc(1, sizeof *link->letter);
    if (link->letter == NULL) {
        return ERR_NOMEM;
    }
    link->letter->letter.open = open_letter;
    link->letter->link = link;
    list_init(&link->letter->letter.node);
    link->has_follower =
        pthread_create(&link->follower, NULL, store_nats_follower_run, link) == 0;
    link->has_sender = pthread_create(&link->sender, NULL, run_sender, link) == 0;
    return link->has_follower && link->has_sender ? OK : ERR_IO;
}

/* Its threads may still be in a callback of ours. */
static void end_connection(struct store_nats_link *link)
{
    store_nats_server_end(&link->server);
    pthread_mutex_lock(&link->lock);
    while ((link->server.nats != NULL && !link->is_closed) ||
           (link->server.answers != NULL && !link->is_answered)) {
        pthread_cond_wait(&link->changed, &link->lock);
    }
    pthread_mutex_unlock(&link->lock);
    store_nats_server_close(&link->server);
}

void store_nats_link_close(struct store_nats_link *link)
{
    if (link == NULL) {
        return;
    }
    pthread_mutex_lock(&link->lock);
    link->is_ending = true;
    pthread_cond_broadcast(&link->changed);
    pthread_mutex_unlock(&link->lock);
    if (link->has_follower) {
        pthread_join(link->follower, NULL);
    }
    if (link->has_sender) {
        pthread_join(link->sender, NULL);
    }
    end_connection(link);
    LIST_FOREACH (node, after, &link->news) {
        store_nats_link_give_back(LIST_ENTRY(node, struct store_nats_link_news, node));
    }
    LIST_FOREACH (node, after, &link->tasks) {
        free_task(LIST_ENTRY(node, struct task, node));
    }
    if (link->letter != NULL && link->is_posted) {
        link->letter->link = NULL;
    } else {
        free(link->letter);
    }
    pthread_cond_destroy(&link->changed);
    pthread_mutex_destroy(&link->lock);
    pthread_mutex_destroy(&link->writing);
    free(link);
}

struct store_nats_server *store_nats_link_server(struct store_nats_link *link)
{
    return &link->server;
}

void store_nats_link_take(struct store_nats_link *link, struct list *news,
                          struct store_nats_link_state *ret_state)
{
    pthread_mutex_lock(&link->lock);
    list_splice(news, &link->news);
    link->news_bytes = 0;
    *ret_state = link->state;
    pthread_cond_broadcast(&link->changed);
    pthread_mutex_unlock(&link->lock);
}

void store_nats_link_give_back(struct store_nats_link_news *news)
{
    natsMsg_Destroy(news->msg);
    free(news);
}

bool store_nats_link_wait(struct store_nats_link *link, unsigned ms)
{
    struct timespec until = store_nats_link_inside_later(ms);
    bool has_news;
    int code = 0;

    pthread_mutex_lock(&link->lock);
    while (list_is_empty(&link->news) && code == 0) {
        code = pthread_cond_timedwait(&link->changed, &link->lock, &until);
    }
    has_news = !list_is_empty(&link->news);
    pthread_mutex_unlock(&link->lock);
    return has_news;
}
