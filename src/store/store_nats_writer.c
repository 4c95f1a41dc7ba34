/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "store/store_nats_writer.h"

#include "store/store_nats_message.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    WAIT = 100,         /* ms: how long our end may be overlooked */
    ANSWER_WAIT = 5000, /* ms, for all answers to what was asked together */
    STUCK_WAIT = 10000, /* ms: by then libnats has given up a server that takes nothing */
    REPLY_BYTES = 128,
    QUESTION_BYTES = 64,
    SUBJECT_BYTES = STORE_NATS_NAMES_STREAM_BYTES + 128,
    CONSUMER_WAIT = 10000, /* ms, until the server forgets one */
};

struct store_nats_writer {
    struct store_nats_link *link; /* borrowed */
    unsigned replicas;
    char description[64];

    pthread_mutex_t lock; /* guards the following */
    pthread_cond_t changed;
    bool is_begun; /* the batch is the thread's */
    bool is_ending;
    bool has_answer;                       /* the loop's, as is the batch otherwise */
    struct store_nats_writer_batch *batch; /* owned */

    /* The thread's own. */
    natsSubscription *answers; /* the server's; made with the first batch, as is the next */
    natsInbox *inbox;          /* owned */
    unsigned round;            /* of questions: late answers to others are not looked at */

    pthread_t thread;
    bool has_thread;
};

static bool is_ending(struct store_nats_writer *writer)
{
    bool ending;

    pthread_mutex_lock(&writer->lock);
    ending = writer->is_ending;
    pthread_mutex_unlock(&writer->lock);
    return ending;
}

static struct store_nats_server *server_of(const struct store_nats_writer *writer)
{
    return store_nats_link_server(writer->link);
}

/* ---- many questions at once ---- */

/* Who has sent it away may still get an answer; who asks next must not take it for its own. */
static void begin_round(struct store_nats_writer *writer)
{
    writer->round++;
}

static void name_reply(const struct store_nats_writer *writer, char reply[REPLY_BYTES])
{
    (void)snprintf(reply, REPLY_BYTES, "%s.%x", writer->inbox, writer->round);
}

static bool is_of_round(const struct store_nats_writer *writer, natsMsg *msg)
{
    const char *name = strrchr(natsMsg_GetSubject(msg), '.');

    return name != NULL && strtoul(name + 1, NULL, 16) == writer->round;
}

static enum err take_message(struct store_nats_writer *writer, int64_t deadline,
                             natsMsg **ret_msg)
{
    while (nats_Now() < deadline && !is_ending(writer)) {
        natsStatus s = natsSubscription_NextMsg(ret_msg, writer->answers, WAIT);

        if (s != NATS_TIMEOUT) {
            return s == NATS_OK ? OK : ERR_CLOSED;
        }
    }
    return ERR_CLOSED;
}

static enum err take_answer(struct store_nats_writer *writer, int64_t deadline,
                            natsMsg **ret_msg)
{
    TRY(take_message(writer, deadline, ret_msg));
    while (!is_of_round(writer, *ret_msg)) {
        natsMsg_Destroy(*ret_msg);
        TRY(take_message(writer, deadline, ret_msg));
    }
    return OK;
}

/* What the server says to one message or question. */
static enum err read_answer(struct store_nats_writer *writer, natsMsg *msg)
{
    int code = 0;

    if (natsMsg_IsNoResponders(msg)) {
        return ERR_AGAIN; /* the stream has gone */
    }
    if (!store_nats_server_refuses(
            span_of(natsMsg_GetData(msg), (size_t)natsMsg_GetDataLength(msg)), &code)) {
        return OK;
    }
    switch (code) {
    case JSAccountResourcesExceededErr:
    case JSInsufficientResourcesErr:
    case JSMemoryResourcesExceededErr:
    case JSStorageResourcesExceededErr:
    case JSStreamStoreFailedErr:
    case JSStreamMessageExceedsMaximumErr:
        (void)snprintf(writer->batch->why, sizeof writer->batch->why,
                       "the server has no room for it (%d)", code);
        return ERR_LIMIT;
    default: return ERR_AGAIN; /* another sequence number, or no leader at the moment */
    }
}

/* As many answers as questions; the first refusal counts, when somebody looks. */
static enum err take_answers(struct store_nats_writer *writer, size_t count)
{
    int64_t deadline = nats_Now() + ANSWER_WAIT;
    enum err e = OK;

    while (count > 0) {
        natsMsg *msg;
        enum err answer;

        TRY(take_answer(writer, deadline, &msg));
        answer = read_answer(writer, msg);
        e = e == OK ? answer : e;
        natsMsg_Destroy(msg);
        count--;
    }
    return e;
}

/* It may have been cut short, and what is sent next would be the rest of it. */
static void await_another_connection(struct store_nats_writer *writer, unsigned number)
{
    int64_t deadline = nats_Now() + STUCK_WAIT;

    while (store_nats_link_connection(writer->link) == number && !is_ending(writer) &&
           nats_Now() < deadline) {
        nats_Sleep(WAIT);
    }
}

static enum err send_message(struct store_nats_writer *writer, natsMsg *take_msg)
{
    unsigned number = store_nats_link_connection(writer->link);
    natsStatus s = natsConnection_PublishMsg(server_of(writer)->nats, take_msg);

    natsMsg_Destroy(take_msg);
    if (s == NATS_TIMEOUT) {
        await_another_connection(writer, number);
    }
    return s == NATS_OK ? OK : ERR_CLOSED;
}

/* ---- writing ---- */

static enum err send_event(struct store_nats_writer *writer, const struct event *event)
{
    size_t max = (size_t)natsConnection_GetMaxPayload(server_of(writer)->nats);
    char reply[REPLY_BYTES];
    natsMsg *msg;

    name_reply(writer, reply);
    TRY(store_nats_message_new(event, writer->batch->names.events, reply, max, &msg));
    return send_message(writer, msg);
}

static enum err send_fillers(struct store_nats_writer *writer, uint64_t first, uint64_t last)
{
    char reply[REPLY_BYTES];

    name_reply(writer, reply);
    for (uint64_t eid = first; eid <= last; eid++) {
        natsMsg *msg;

        TRY(store_nats_message_filler(eid, writer->batch->names.gone, reply, &msg));
        TRY(send_message(writer, msg));
    }
    return OK;
}

static enum err write_events(struct store_nats_writer *writer)
{
    struct store_nats_writer_batch *batch = writer->batch;
    size_t asked = 0;

    begin_round(writer);
    for (size_t i = 0; i < batch->step_count; i++) {
        const struct store_nats_writer_step *step = &batch->steps[i];

        if (step->type == STORE_NATS_WRITER_EVENT) {
            TRY(send_event(writer, step->event));
            asked++;
        } else if (step->type == STORE_NATS_WRITER_GONE) {
            TRY(send_fillers(writer, step->eid, step->last));
            asked += step->last - step->eid + 1;
        }
    }
    return take_answers(writer, asked);
}

static enum err purge_fillers(struct store_nats_writer *writer)
{
    struct store_nats_writer_batch *batch = writer->batch;
    jsErrCode code = 0;
    jsOptions opts;
    natsStatus s;

    (void)jsOptions_Init(&opts);
    opts.Stream.Purge.Subject = batch->names.gone;
    s = js_PurgeStream(server_of(writer)->js, batch->names.stream, &opts, &code);
    return s == NATS_OK ? OK : code != 0 ? ERR_AGAIN : ERR_CLOSED;
}

/* What is not there is refused, and that is as well. */
static enum err remove_events(struct store_nats_writer *writer)
{
    const struct store_nats_writer_batch *batch = writer->batch;
    natsConnection *nats = server_of(writer)->nats;
    char subject[SUBJECT_BYTES];
    char question[QUESTION_BYTES];
    char reply[REPLY_BYTES];
    size_t asked = 0;
    enum err e;

    begin_round(writer);
    name_reply(writer, reply);
    (void)snprintf(subject, sizeof subject, "$JS.API.STREAM.MSG.DELETE.%s",
                   batch->names.stream);
    for (size_t i = 0; i < batch->step_count; i++) {
        if (batch->steps[i].type != STORE_NATS_WRITER_REMOVE) {
            continue;
        }
        (void)snprintf(question, sizeof question, "{\"seq\":%" PRIu64 ",\"no_erase\":true}",
                       batch->steps[i].eid);
        if (natsConnection_PublishRequestString(nats, subject, reply, question) != NATS_OK) {
            return ERR_CLOSED;
        }
        asked++;
    }
    e = take_answers(writer, asked);
    return e == ERR_CLOSED ? e : OK;
}

static bool has_step(const struct store_nats_writer_batch *batch,
                     enum store_nats_writer_step_type type)
{
    for (size_t i = 0; i < batch->step_count; i++) {
        if (batch->steps[i].type == type) {
            return true;
        }
    }
    return false;
}

static enum err write_all(struct store_nats_writer *writer)
{
    struct store_nats_writer_batch *batch = writer->batch;

    TRY(write_events(writer));
    if (has_step(batch, STORE_NATS_WRITER_GONE)) {
        TRY(purge_fillers(writer));
    }
    TRY(remove_events(writer));
    for (size_t i = 0; i < batch->step_count; i++) {
        if (batch->steps[i].type == STORE_NATS_WRITER_TRIM &&
            !store_nats_server_purge(server_of(writer), batch->names.stream,
                                     batch->steps[i].eid)) {
            return ERR_CLOSED;
        }
    }
    return OK;
}

/* ---- looking ---- */

static enum err refuse(struct store_nats_writer *writer, natsStatus status, jsErrCode code)
{
    struct store_nats_writer_batch *batch = writer->batch;

    if (code == 0 && (status == NATS_TIMEOUT || status == NATS_CONNECTION_CLOSED ||
                      status == NATS_CONNECTION_DISCONNECTED || status == NATS_NO_RESPONDERS ||
                      status == NATS_NO_MEMORY)) {
        return status == NATS_NO_MEMORY ? ERR_NOMEM : ERR_CLOSED;
    }
    (void)snprintf(batch->why, sizeof batch->why, "the server refuses it: %s (%d)",
                   store_nats_server_said(), (int)code);
    return ERR_CONF;
}

static enum err add_stream(struct store_nats_writer *writer)
{
    struct store_nats_writer_batch *batch = writer->batch;
    const char *subjects[] = {batch->names.events, batch->names.gone};
    jsStreamConfig config;
    jsErrCode code = 0;
    natsStatus s;

    (void)jsStreamConfig_Init(&config);
    config.Name = batch->names.stream;
    config.Description = writer->description;
    config.Subjects = subjects;
    config.SubjectsLen = 2;
    config.Storage = js_FileStorage;
    config.Replicas = writer->replicas;
    config.AllowDirect = true;
    s = js_AddStream(NULL, server_of(writer)->js, &config, NULL, &code);
    return s == NATS_OK ? OK : refuse(writer, s, code);
}

/* Whether somebody else has published to the stream's subjects behind our last event. */
static enum err check_end(struct store_nats_writer *writer, uint64_t last, bool *ret_is_ours)
{
    natsMsg *msg = NULL;
    jsErrCode code = 0;
    natsStatus s = last == 0 ? NATS_NOT_FOUND
                             : js_GetMsg(&msg, server_of(writer)->js,
                                         writer->batch->names.stream, last, NULL, &code);

    if (s != NATS_OK && s != NATS_NOT_FOUND) {
        return refuse(writer, s, code);
    }
    *ret_is_ours = s == NATS_NOT_FOUND || store_nats_message_is_ours(msg, last);
    natsMsg_Destroy(msg);
    return OK;
}

static enum err check_stream(struct store_nats_writer *writer, const jsStreamInfo *info,
                             bool *ret_is_ours)
{
    struct store_nats_writer_batch *batch = writer->batch;
    const char *found = info->Config->Description;

    if (found == NULL || strcmp(found, writer->description) != 0) {
        (void)snprintf(
            batch->why, sizeof batch->why,
            "another one has its name, \"%s\", and was not made for this log (delete "
            "it on the server, or choose another StoreRealm)",
            found == NULL ? "" : found);
        return ERR_CONF;
    }
    batch->last = info->State.LastSeq;
    batch->count = info->State.Msgs;
    return check_end(writer, batch->last, ret_is_ours);
}

static enum err look(struct store_nats_writer *writer)
{
    struct store_nats_writer_batch *batch = writer->batch;
    jsCtx *js = server_of(writer)->js;
    jsStreamInfo *info = NULL;
    bool is_ours = true;
    jsErrCode code = 0;
    natsStatus s;
    enum err e;

    e = purge_fillers(writer); /* which were left when somebody was killed */
    if (e == ERR_CLOSED) {
        return e;
    }
    s = js_GetStreamInfo(&info, js, batch->names.stream, NULL, &code);
    if (s == NATS_NOT_FOUND) {
        return add_stream(writer);
    }
    if (s != NATS_OK) {
        return refuse(writer, s, code);
    }
    e = check_stream(writer, info, &is_ours);
    jsStreamInfo_Destroy(info);
    if (e != OK || is_ours) {
        return e;
    }
    s = js_DeleteStream(js, batch->names.stream, NULL, &code);
    if (s != NATS_OK) {
        return refuse(writer, s, code);
    }
    batch->is_remade = true;
    batch->last = 0;
    batch->count = 0;
    return add_stream(writer);
}

/* ---- listing ---- */

/* Its EID; 0: it is no message that this consumer brings. */
static uint64_t read_listed(natsMsg *msg, const char *consumer, bool *ret_is_last)
{
    jsMsgMetaData *meta = NULL;
    uint64_t eid = 0;

    if (natsMsg_GetMetaData(&meta, msg) == NATS_OK) {
        eid = strcmp(meta->Consumer, consumer) == 0 ? meta->Sequence.Stream : 0;
        *ret_is_last = meta->NumPending == 0;
        jsMsgMetaData_Destroy(meta);
    }
    return eid;
}

/* A word of the server's that comes to our name is the end of what it has. */
static enum err list_from(struct store_nats_writer *writer, const char *consumer)
{
    struct store_nats_writer_batch *batch = writer->batch;
    int64_t deadline = nats_Now() + ANSWER_WAIT;

    while (batch->eid_count < STORE_NATS_WRITER_STEPS_MAX && !batch->is_end) {
        uint64_t eid;
        natsMsg *msg;

        TRY(take_message(writer, deadline, &msg));
        eid = read_listed(msg, consumer, &batch->is_end);
        if (eid != 0) {
            batch->eids[batch->eid_count++] = eid;
        } else {
            batch->is_end = is_of_round(writer, msg);
        }
        natsMsg_Destroy(msg);
    }
    return OK;
}

static enum err ask_for_list(struct store_nats_writer *writer, const char *consumer)
{
    struct store_nats_writer_batch *batch = writer->batch;
    char subject[SUBJECT_BYTES];
    char question[QUESTION_BYTES];
    char reply[REPLY_BYTES];

    begin_round(writer);
    name_reply(writer, reply);
    (void)snprintf(subject, sizeof subject, "$JS.API.CONSUMER.MSG.NEXT.%s.%s",
                   batch->names.stream, consumer);
    (void)snprintf(question, sizeof question, "{\"batch\":%d,\"no_wait\":true}",
                   (int)STORE_NATS_WRITER_STEPS_MAX);
    return natsConnection_PublishRequestString(server_of(writer)->nats, subject, reply,
                                               question) == NATS_OK
               ? OK
               : ERR_CLOSED;
}

/* By a consumer that has to be asked for each lot: one that sends by itself would send all. */
static enum err list_messages(struct store_nats_writer *writer)
{
    struct store_nats_writer_batch *batch = writer->batch;
    jsCtx *js = server_of(writer)->js;
    jsConsumerInfo *info = NULL;
    jsConsumerConfig config;
    jsErrCode code = 0;
    natsStatus s;
    enum err e;

    (void)jsConsumerConfig_Init(&config);
    config.FilterSubject = batch->names.events;
    config.DeliverPolicy = js_DeliverByStartSequence;
    config.OptStartSeq = batch->from;
    config.AckPolicy = js_AckNone;
    config.HeadersOnly = true;
    config.InactiveThreshold = CONSUMER_WAIT * (int64_t)1000000;
    s = js_AddConsumer(&info, js, batch->names.stream, &config, NULL, &code);
    if (s != NATS_OK) {
        return code != 0 ? ERR_AGAIN : ERR_CLOSED;
    }
    e = ask_for_list(writer, info->Name);
    e = e == OK ? list_from(writer, info->Name) : e;
    (void)js_DeleteConsumer(js, batch->names.stream, info->Name, NULL, NULL);
    jsConsumerInfo_Destroy(info);
    return e;
}

/* ---- the thread ---- */

static enum err hear_answers(struct store_nats_writer *writer)
{
    char subject[REPLY_BYTES];

    if (writer->answers != NULL) {
        return OK;
    }
    if (writer->inbox == NULL && natsInbox_Create(&writer->inbox) != NATS_OK) {
        return ERR_NOMEM;
    }
    (void)snprintf(subject, sizeof subject, "%s.*", writer->inbox);
    return natsConnection_SubscribeSync(&writer->answers, server_of(writer)->nats, subject) ==
                   NATS_OK
               ? OK
               : ERR_CLOSED;
}

static enum err do_batch(struct store_nats_writer *writer)
{
    TRY(hear_answers(writer));
    switch (writer->batch->type) {
    case STORE_NATS_WRITER_LOOK: return look(writer);
    case STORE_NATS_WRITER_WRITE: return write_all(writer);
    case STORE_NATS_WRITER_LIST: return list_messages(writer);
    }
    return ERR_PROTO;
}

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
        writer->batch->e = do_batch(writer);
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
    server_of(writer)->kept = writer->answers; /* see store_nats_sub_leave() */
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
