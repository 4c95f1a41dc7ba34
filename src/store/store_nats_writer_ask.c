/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "store/store_nats_writer_ask.h"

#include "store/store_nats_link_write.h"

#include <stdio.h>

enum err store_nats_writer_ask_open(struct store_nats_writer *writer)
{
    char subject[STORE_NATS_WRITER_REPLY_BYTES];

    if (writer->answers != NULL) {
        return OK;
    }
    if (writer->inbox == NULL && natsInbox_Create(&writer->inbox) != NATS_OK) {
        return ERR_NOMEM;
    }
    (void)snprintf(subject, sizeof subject, "%s.*", writer->inbox);
    return natsConnection_SubscribeSync(
               &writer->answers, store_nats_link_server(writer->link)->nats, subject) == NATS_OK
               ? OK
               : ERR_CLOSED;
}

void store_nats_writer_ask_begin(struct store_nats_writer *writer)
{
    writer->round++;
}

void store_nats_writer_ask_name(const struct store_nats_writer *writer,
                                char reply[STORE_NATS_WRITER_REPLY_BYTES])
{
    (void)snprintf(reply, STORE_NATS_WRITER_REPLY_BYTES, "%s.%x", writer->inbox, writer->round);
}

bool store_nats_writer_ask_is_own(const struct store_nats_writer *writer, natsMsg *msg)
{
    char reply[STORE_NATS_WRITER_REPLY_BYTES];

    store_nats_writer_ask_name(writer, reply);
    return strcmp(natsMsg_GetSubject(msg), reply) == 0;
}

static const char *header_of(natsMsg *msg, const char *name)
{
    const char *text;

    return natsMsgHeader_Get(msg, name, &text) == NATS_OK ? text : "";
}

/* "404 No Messages", "408 Request Timeout"; but also "409 Consumer Deleted", "503" and so on.
 */
enum err store_nats_writer_ask_end(struct store_nats_writer *writer, natsMsg *msg)
{
    const char *status = header_of(msg, "Status");

    if (strcmp(status, "404") == 0 || strcmp(status, "408") == 0) {
        return OK;
    }
    (void)snprintf(writer->batch->why, sizeof writer->batch->why,
                   "the server does not say what is in it: %s %s", status,
                   header_of(msg, "Description"));
    return ERR_AGAIN;
}

enum err store_nats_writer_ask_next(struct store_nats_writer *writer, int64_t deadline,
                                    natsMsg **ret_msg)
{
    while (nats_Now() < deadline && !store_nats_writer_inside_is_ending(writer)) {
        natsStatus s =
            natsSubscription_NextMsg(ret_msg, writer->answers, STORE_NATS_WRITER_WAIT);

        if (s != NATS_TIMEOUT) {
            return s == NATS_OK ? OK : ERR_CLOSED;
        }
    }
    return ERR_CLOSED;
}

static enum err take_answer(struct store_nats_writer *writer, int64_t deadline,
                            natsMsg **ret_msg)
{
    TRY(store_nats_writer_ask_next(writer, deadline, ret_msg));
    while (!store_nats_writer_ask_is_own(writer, *ret_msg)) {
        natsMsg_Destroy(*ret_msg);
        TRY(store_nats_writer_ask_next(writer, deadline, ret_msg));
    }
    return OK;
}

/* What the server says to one message or question. */
static enum err read_answer(struct store_nats_writer *writer, natsMsg *msg)
{
    int code = 0;

    if (natsMsg_IsNoResponders(msg)) { /* the stream has gone */
        (void)snprintf(writer->batch->why, sizeof writer->batch->why,
                       "no stream of the server takes its subject");
        return ERR_AGAIN;
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
    default: /* another sequence number, or no leader at the moment, or for ever */
        (void)snprintf(writer->batch->why, sizeof writer->batch->why,
                       "the server refuses its messages (%d)", code);
        return ERR_AGAIN;
    }
}

/* As many answers as questions; the first refusal counts, when somebody looks. */
enum err store_nats_writer_ask_await(struct store_nats_writer *writer, size_t count)
{
    int64_t deadline = nats_Now() + STORE_NATS_WRITER_ANSWER_WAIT;
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
    int64_t deadline = nats_Now() + STORE_NATS_LINK_WRITE_STUCK;

    while (store_nats_link_connection(writer->link) == number &&
           !store_nats_writer_inside_is_ending(writer) && nats_Now() < deadline) {
        nats_Sleep(STORE_NATS_WRITER_WAIT);
    }
}

enum err store_nats_writer_ask_send(struct store_nats_writer *writer, natsMsg *take_msg)
{
    unsigned number = store_nats_link_connection(writer->link);
    natsStatus s = NATS_TIMEOUT;

    if (store_nats_link_write_begin(writer->link)) {
        s = natsConnection_PublishMsg(store_nats_link_server(writer->link)->nats, take_msg);
        store_nats_link_write_end(writer->link, s == NATS_TIMEOUT);
    }
    natsMsg_Destroy(take_msg);
    if (s == NATS_TIMEOUT) {
        await_another_connection(writer, number);
    }
    return s == NATS_OK ? OK : ERR_CLOSED;
}

enum err store_nats_writer_ask_text(struct store_nats_writer *writer, const char *subject,
                                    const char *text)
{
    char reply[STORE_NATS_WRITER_REPLY_BYTES];
    natsMsg *msg;

    store_nats_writer_ask_name(writer, reply);
    if (natsMsg_Create(&msg, subject, reply, text, (int)strlen(text)) != NATS_OK) {
        return ERR_NOMEM;
    }
    return store_nats_writer_ask_send(writer, msg);
}
