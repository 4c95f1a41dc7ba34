/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "store/store_nats_link.h"

#include "base/buf.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    NEWS_BYTES_MAX = 8 * 1024 * 1024, /* that wait for the loop; past it the log must wait */
    NEWS_BYTES = 256,                 /* of one, besides its message */
    READ_WAIT = 250,                  /* ms: how long the end of the store may be overlooked */
    AGAIN_WAIT = 200,                 /* ms, before the server is asked again */
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

/* It may still be in the mailbox when the link has gone. */
struct news_letter {
    struct mailbox_letter letter;
    struct store_nats_link *link; /* borrowed; NULL: it was closed, and the letter is its own */
};

struct store_nats_link {
    struct store_nats_link_conf conf;
    struct store_nats_server server;

    pthread_mutex_t lock;   /* guards the following */
    pthread_cond_t changed; /* any of it: few wait, and seldom */
    struct list news;       /* struct store_nats_link_news */
    size_t news_bytes;
    struct list tasks; /* struct task */
    bool is_sending;   /* the sender has one in hand */
    bool is_posted;    /* the mailbox has the letter */
    bool is_ending;
    bool is_connected;
    bool is_closed;   /* libnats has called back for the last time, of the connection */
    bool is_answered; /* and of the answers */
    bool is_new; /* the connection is another one: the log is to be followed anew */
    struct store_nats_link_state state;
    uint64_t next; /* the follower's: the next message of the log */

    struct news_letter *letter; /* owned, unless it is posted when the link is closed */
    pthread_t follower;
    pthread_t sender;
    bool has_follower;
    bool has_sender;
};

msec store_nats_link_clock(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (msec)now.tv_sec * 1000 + (msec)now.tv_nsec / 1000000;
}

static struct timespec later(unsigned ms)
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

static void ring(struct store_nats_link *link)
{
    pthread_cond_broadcast(&link->changed);
    if (!link->is_posted && link->letter != NULL) {
        link->is_posted = true;
        mailbox_post(link->conf.mailbox, &link->letter->letter);
    }
}

static void add_news(struct store_nats_link *link, struct store_nats_link_news *news)
{
    list_append(&link->news, &news->node);
    link->news_bytes += NEWS_BYTES + news->bytes.len;
    ring(link);
}

static void set_up(struct store_nats_link *link, bool is_up)
{
    if (link->state.is_up != is_up) {
        link->state.is_up = is_up;
        link->state.ups += is_up ? 1 : 0;
        ring(link);
    }
}

/* ---- libnats' threads ---- */

static void on_lost(natsConnection *nats, void *ctx)
{
    struct store_nats_link *link = ctx;

    (void)nats;
    pthread_mutex_lock(&link->lock);
    link->is_connected = false;
    set_up(link, false);
    pthread_mutex_unlock(&link->lock);
}

static void on_back(natsConnection *nats, void *ctx)
{
    struct store_nats_link *link = ctx;

    (void)nats;
    pthread_mutex_lock(&link->lock);
    link->is_connected = true;
    link->is_new = true;
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

/* {"error":{"code":503,"err_code":10077,"description":"..."},...} is all that is looked for. */
static enum err fault_of(struct span answer)
{
    static const char key[] = "\"err_code\":";
    char text[512];
    const char *at;
    size_t len = answer.len < sizeof text - 1 ? answer.len : sizeof text - 1;

    memcpy(text, answer.ptr, len);
    text[len] = '\0';
    if (strstr(text, "\"error\":") == NULL) {
        return OK;
    }
    at = strstr(text, key);
    switch (at == NULL ? 0 : atoi(at + sizeof key - 1)) {
    case JSAccountResourcesExceededErr:
    case JSInsufficientResourcesErr:
    case JSMemoryResourcesExceededErr:
    case JSStorageResourcesExceededErr:
    case JSStreamMessageExceedsMaximumErr: return ERR_LIMIT;
    case JSStreamStoreFailedErr: /* the stream's maximum, or the disk */
        return strstr(text, "maximum") != NULL ? ERR_LIMIT : ERR_IO;
    default: return ERR_AGAIN; /* no leader at the moment, and the like */
    }
}

static void on_answer(natsConnection *nats, natsSubscription *sub, natsMsg *msg, void *ctx)
{
    struct store_nats_link *link = ctx;
    const char *name = strrchr(natsMsg_GetSubject(msg), '.');
    enum err e = ERR_AGAIN;

    (void)nats, (void)sub;
    if (!natsMsg_IsNoResponders(msg)) {
        e = fault_of(span_of(natsMsg_GetData(msg), (size_t)natsMsg_GetDataLength(msg)));
    }
    if (e != OK && name != NULL) {
        struct store_nats_link_news *news = calloc(1, sizeof *news);

        /* Without memory it is as if the answer had been lost: it is sent again in time. */
        if (news != NULL) {
            news->type = STORE_NATS_LINK_REFUSED;
            news->e = e;
            (void)sscanf(name, ".%" SCNx32 "-%" SCNx64, &news->round, &news->number);
            pthread_mutex_lock(&link->lock);
            add_news(link, news);
            pthread_mutex_unlock(&link->lock);
        }
    }
    natsMsg_Destroy(msg);
}

/* ---- the follower ---- */

static void nap(struct store_nats_link *link)
{
    struct timespec until = later(AGAIN_WAIT);

    pthread_mutex_lock(&link->lock);
    if (!link->is_ending) {
        pthread_cond_timedwait(&link->changed, &link->lock, &until);
    }
    pthread_mutex_unlock(&link->lock);
}

static const char *check_extent(struct store_nats_link *link,
                                const struct store_nats_server_extent *extent)
{
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

    pthread_mutex_lock(&link->lock);
    is_connected = link->is_connected;
    link->is_new = false;
    pthread_mutex_unlock(&link->lock);
    if (!is_connected || store_nats_server_extent(&link->server, &extent) != OK) {
        return NULL;
    }
    why = check_extent(link, &extent);
    if (why == NULL &&
        store_nats_server_follow(&link->server, link->server.log, link->server.log_subject,
                                 link->next, &sub) != OK) {
        return NULL;
    }
    pthread_mutex_lock(&link->lock);
    link->state.lost = why;
    set_up(link, why == NULL && link->is_connected && !link->is_new);
    ring(link);
    pthread_mutex_unlock(&link->lock);
    return sub;
}

/* Takes the message. False: it is not the next one, or there is no memory for it now. */
static bool deliver(struct store_nats_link *link, natsMsg *msg)
{
    uint64_t place = store_nats_server_place(msg);
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
    add_news(link, news);
    pthread_mutex_unlock(&link->lock);
    return true;
}

static void *run_follower(void *opaque)
{
    struct store_nats_link *link = opaque;
    natsSubscription *sub = NULL;

    for (;;) {
        natsMsg *msg = NULL;
        natsStatus s;
        bool is_ending, is_new;

        pthread_mutex_lock(&link->lock);
        is_ending = link->is_ending;
        is_new = link->is_new;
        pthread_mutex_unlock(&link->lock);
        if (is_ending) {
            break;
        }
        if (sub != NULL && is_new) {
            natsSubscription_Destroy(sub);
            sub = NULL;
        }
        if (sub == NULL && (sub = follow(link)) == NULL) {
            nap(link);
            continue;
        }
        s = natsSubscription_NextMsg(&msg, sub, READ_WAIT);
        if (s == NATS_TIMEOUT) {
            continue;
        }
        if (s != NATS_OK || !deliver(link, msg)) {
            natsSubscription_Destroy(sub);
            sub = NULL;
            nap(link);
        }
    }
    natsSubscription_Destroy(sub);
    nats_ReleaseThreadMemory();
    return NULL;
}

/* ---- the sender ---- */

static void free_task(struct task *task)
{
    buf_fini(&task->bytes);
    free(task);
}

static void do_task(struct store_nats_link *link, struct task *task,
                    struct store_nats_link_news *ret_saved)
{
    char name[32];

    switch (task->type) {
    case TASK_SEND:
        (void)snprintf(name, sizeof name, "%" PRIx32 "-%" PRIx64, task->round, task->number);
        store_nats_server_publish(&link->server, buf_span(&task->bytes), name);
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
}

static void *run_sender(void *opaque)
{
    struct store_nats_link *link = opaque;

    pthread_mutex_lock(&link->lock);
    for (;;) {
        struct task *task;
        struct store_nats_link_news *saved;

        while (list_is_empty(&link->tasks) && !link->is_ending) {
            pthread_cond_wait(&link->changed, &link->lock);
        }
        if (link->is_ending) {
            break;
        }
        task = LIST_ENTRY(link->tasks.next, struct task, node);
        list_remove(&task->node);
        link->is_sending = true;
        pthread_mutex_unlock(&link->lock);

        saved = task->type == TASK_SAVE ? calloc(1, sizeof *saved) : NULL;
        if (saved != NULL || task->type != TASK_SAVE) {
            do_task(link, task, saved);
        }
        pthread_mutex_lock(&link->lock);
        link->is_sending = false;
        if (saved != NULL) {
            saved->type = STORE_NATS_LINK_SAVED;
            add_news(link, saved);
        } else {
            pthread_cond_broadcast(&link->changed);
        }
        free_task(task);
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
    return add_task(link, &(struct task){.type = TASK_SEND,
                                         .bytes = *take_bytes,
                                         .round = round,
                                         .number = number});
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

void store_nats_link_flush(struct store_nats_link *link, unsigned ms)
{
    struct timespec until = later(ms);
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
    link->has_follower = pthread_create(&link->follower, NULL, run_follower, link) == 0;
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
    struct timespec until = later(ms);
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
