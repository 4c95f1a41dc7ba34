/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "store/store_nats_sub.h"

/*
 * As an "ordered consumer" of libnats is, but for two things that version 3.4 does to those:
 * other threads of it make them anew, and free what we ask about meanwhile; and where it cannot
 * make one it frees the subscription too soon (see store_nats_sub_leave()).
 */
enum err store_nats_sub_open(struct store_nats_server *server, const char *stream,
                             const char *subject, uint64_t from, natsSubscription **ret_sub)
{
    jsConsumerConfig config;
    natsSubscription *sub = NULL;
    natsInbox *inbox = NULL;
    natsStatus s = natsInbox_Create(&inbox);

    (void)jsConsumerConfig_Init(&config);
    config.DeliverSubject = inbox;
    config.FilterSubject = subject;
    config.DeliverPolicy = js_DeliverByStartSequence;
    config.OptStartSeq = from;
    config.AckPolicy = js_AckNone;
    config.MaxDeliver = 1;
    config.FlowControl = true;
    config.Heartbeat = STORE_NATS_SUB_HEARTBEAT * (int64_t)1000000;
    s = s == NATS_OK ? natsConnection_SubscribeSync(&sub, server->nats, inbox) : s;
    s = s == NATS_OK ? js_AddConsumer(NULL, server->js, stream, &config, NULL, NULL) : s;
    natsInbox_Destroy(inbox);
    if (s != NATS_OK) {
        if (sub != NULL) {
            store_nats_sub_close(server, sub);
        }
        return ERR_CLOSED;
    }
    *ret_sub = sub;
    return OK;
}

/* The server ends the consumer that nobody hears. */
void store_nats_sub_close(struct store_nats_server *server, natsSubscription *take_sub)
{
    (void)natsSubscription_Unsubscribe(take_sub);
    store_nats_sub_leave(server, take_sub);
}

/*
 * libnats 3.4 looks up whose message it reads, makes the message, and takes that one's lock: if
 * it was freed meanwhile the process aborts, without a word. So it is kept until the thread
 * that reads has gone on.
 */
void store_nats_sub_leave(struct store_nats_server *server, natsSubscription *take_sub)
{
    assert(server->left == NULL);
    server->left = take_sub;
}

static uint64_t place_of(natsMsg *msg)
{
    jsMsgMetaData *meta = NULL;
    uint64_t place = 0;

    if (natsMsg_GetMetaData(&meta, msg) == NATS_OK) {
        place = meta->Sequence.Stream;
        jsMsgMetaData_Destroy(meta);
    }
    return place;
}

/* The server sends so much, and then awaits an answer. Who has missed that is told where. */
static void answer_flow_control(struct store_nats_server *server, natsMsg *msg)
{
    const char *reply = natsMsg_GetReply(msg);

    if (reply == NULL) {
        (void)natsMsgHeader_Get(msg, "Nats-Consumer-Stalled", &reply);
    }
    if (reply != NULL) {
        (void)natsConnection_Publish(server->nats, reply, NULL, 0);
    }
}

enum err store_nats_sub_next(struct store_nats_server *server, natsSubscription *sub,
                             int64_t ms, natsMsg **ret_msg, uint64_t *ret_place)
{
    natsStatus s = natsSubscription_NextMsg(ret_msg, sub, ms);

    if (s != NATS_OK) {
        return s == NATS_TIMEOUT ? ERR_AGAIN : ERR_CLOSED;
    }
    *ret_place = place_of(*ret_msg);
    if (*ret_place == 0) {
        answer_flow_control(server, *ret_msg);
    }
    return OK;
}
