/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "store/store_nats_writer_work.h"

#include "store/store_nats_message.h"
#include "store/store_nats_writer_ask.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    QUESTION_BYTES = 64,
    SUBJECT_BYTES = STORE_NATS_NAMES_STREAM_BYTES + 128,
    CONSUMER_WAIT = 10000, /* ms, until the server forgets one */
};

/* The server does not do it: the stream is to be looked at again. */
static enum err doubt(struct store_nats_writer *writer, natsStatus status, jsErrCode code)
{
    if (code == 0 && (status == NATS_TIMEOUT || status == NATS_CONNECTION_CLOSED ||
                      status == NATS_CONNECTION_DISCONNECTED || status == NATS_NO_RESPONDERS ||
                      status == NATS_NO_MEMORY)) {
        return status == NATS_NO_MEMORY ? ERR_NOMEM : ERR_CLOSED;
    }
    (void)snprintf(writer->batch->why, sizeof writer->batch->why,
                   "the server refuses it: %s (%d)", store_nats_server_said(), (int)code);
    return ERR_AGAIN;
}

/* ---- writing ---- */

static enum err send_event(struct store_nats_writer *writer, const struct event *event)
{
    size_t max =
        (size_t)natsConnection_GetMaxPayload(store_nats_link_server(writer->link)->nats);
    char reply[STORE_NATS_WRITER_REPLY_BYTES];
    natsMsg *msg;

    store_nats_writer_ask_name(writer, reply);
    TRY(store_nats_message_new(event, writer->batch->names.events, reply, max, &msg));
    return store_nats_writer_ask_send(writer, msg);
}

static enum err send_fillers(struct store_nats_writer *writer, uint64_t first, uint64_t last)
{
    char reply[STORE_NATS_WRITER_REPLY_BYTES];

    store_nats_writer_ask_name(writer, reply);
    for (uint64_t eid = first; eid <= last; eid++) {
        natsMsg *msg;

        TRY(store_nats_message_filler(eid, writer->batch->names.gone, reply, &msg));
        TRY(store_nats_writer_ask_send(writer, msg));
    }
    return OK;
}

static enum err write_events(struct store_nats_writer *writer)
{
    struct store_nats_writer_batch *batch = writer->batch;
    size_t asked = 0;

    store_nats_writer_ask_begin(writer);
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
    return store_nats_writer_ask_await(writer, asked);
}

static enum err purge_fillers(struct store_nats_writer *writer)
{
    struct store_nats_writer_batch *batch = writer->batch;
    jsErrCode code = 0;
    jsOptions opts;
    natsStatus s;

    (void)jsOptions_Init(&opts);
    opts.Stream.Purge.Subject = batch->names.gone;
    s = js_PurgeStream(store_nats_link_server(writer->link)->js, batch->names.stream, &opts,
                       &code);
    return s == NATS_OK ? OK : doubt(writer, s, code);
}

static enum err trim(struct store_nats_writer *writer, uint64_t eid)
{
    jsErrCode code = 0;
    jsOptions opts;
    natsStatus s;

    (void)jsOptions_Init(&opts);
    opts.Stream.Purge.Sequence = eid;
    s = js_PurgeStream(store_nats_link_server(writer->link)->js, writer->batch->names.stream,
                       &opts, &code);
    return s == NATS_OK ? OK : doubt(writer, s, code);
}

/* What is not there is refused, and that is as well. */
static enum err remove_events(struct store_nats_writer *writer)
{
    const struct store_nats_writer_batch *batch = writer->batch;
    char subject[SUBJECT_BYTES];
    char question[QUESTION_BYTES];
    size_t asked = 0;
    enum err e;

    store_nats_writer_ask_begin(writer);
    (void)snprintf(subject, sizeof subject, "$JS.API.STREAM.MSG.DELETE.%s",
                   batch->names.stream);
    for (size_t i = 0; i < batch->step_count; i++) {
        if (batch->steps[i].type != STORE_NATS_WRITER_REMOVE) {
            continue;
        }
        (void)snprintf(question, sizeof question, "{\"seq\":%" PRIu64 ",\"no_erase\":true}",
                       batch->steps[i].eid);
        TRY(store_nats_writer_ask_text(writer, subject, question));
        asked++;
    }
    e = store_nats_writer_ask_await(writer, asked);
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
        if (batch->steps[i].type == STORE_NATS_WRITER_TRIM) {
            TRY(trim(writer, batch->steps[i].eid));
        }
    }
    return OK;
}

/* ---- looking ---- */

/* A cluster that has just lost a server does not know for a moment; and another realm may just
 * have made the stream. */
static enum err refuse(struct store_nats_writer *writer, natsStatus status, jsErrCode code)
{
    enum err e = doubt(writer, status, code);
    bool may_pass = code == JSClusterNotAvailErr || code == JSClusterNoPeersErr ||
                    code == JSStreamNameExistErr;

    return e == ERR_AGAIN && !may_pass ? ERR_CONF : e;
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
    s = js_AddStream(NULL, store_nats_link_server(writer->link)->js, &config, NULL, &code);
    return s == NATS_OK ? OK : refuse(writer, s, code);
}

/* Whether somebody else has published to the stream's subjects behind our last event. */
static enum err check_end(struct store_nats_writer *writer, uint64_t last, bool *ret_is_ours)
{
    natsMsg *msg = NULL;
    jsErrCode code = 0;
    natsStatus s = last == 0 ? NATS_NOT_FOUND
                             : js_GetMsg(&msg, store_nats_link_server(writer->link)->js,
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
    jsCtx *js = store_nats_link_server(writer->link)->js;
    jsStreamInfo *info = NULL;
    bool is_ours = true;
    jsErrCode code = 0;
    natsStatus s;
    enum err e;

    e = purge_fillers(writer); /* which were left when somebody was killed */
    if (e != OK && e != ERR_AGAIN) {
        return e;
    }
    batch->why[0] = '\0';
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
    int64_t deadline = nats_Now() + STORE_NATS_WRITER_ANSWER_WAIT;
    enum err e = OK;

    while (batch->eid_count < STORE_NATS_WRITER_STEPS_MAX && !batch->is_end) {
        uint64_t eid;
        natsMsg *msg;

        TRY(store_nats_writer_ask_next(writer, deadline, &msg));
        eid = read_listed(msg, consumer, &batch->is_end);
        if (eid != 0) {
            batch->eids[batch->eid_count++] = eid;
        } else if (store_nats_writer_ask_is_own(writer, msg)) {
            e = store_nats_writer_ask_end(writer, msg);
            batch->is_end = true;
        }
        natsMsg_Destroy(msg);
    }
    return e;
}

static enum err ask_for_list(struct store_nats_writer *writer, const char *consumer)
{
    struct store_nats_writer_batch *batch = writer->batch;
    char subject[SUBJECT_BYTES];
    char question[QUESTION_BYTES];

    store_nats_writer_ask_begin(writer);
    (void)snprintf(subject, sizeof subject, "$JS.API.CONSUMER.MSG.NEXT.%s.%s",
                   batch->names.stream, consumer);
    (void)snprintf(question, sizeof question, "{\"batch\":%d,\"no_wait\":true}",
                   (int)STORE_NATS_WRITER_STEPS_MAX);
    return store_nats_writer_ask_text(writer, subject, question);
}

/* By a consumer that has to be asked for each lot: one that sends by itself would send all. */
static enum err list_messages(struct store_nats_writer *writer)
{
    struct store_nats_writer_batch *batch = writer->batch;
    jsCtx *js = store_nats_link_server(writer->link)->js;
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
        return doubt(writer, s, code);
    }
    e = ask_for_list(writer, info->Name);
    e = e == OK ? list_from(writer, info->Name) : e;
    (void)js_DeleteConsumer(js, batch->names.stream, info->Name, NULL, NULL);
    jsConsumerInfo_Destroy(info);
    return e;
}

enum err store_nats_writer_work(struct store_nats_writer *writer)
{
    TRY(store_nats_writer_ask_open(writer));
    switch (writer->batch->type) {
    case STORE_NATS_WRITER_LOOK: return look(writer);
    case STORE_NATS_WRITER_WRITE: return write_all(writer);
    case STORE_NATS_WRITER_LIST: return list_messages(writer);
    }
    return ERR_PROTO;
}
