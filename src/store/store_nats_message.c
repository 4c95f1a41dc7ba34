/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "store/store_nats_message.h"

#include "store/store_nats_names.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define EID_HEADER "Wayleave-EID"

enum {
    NUMBER_BYTES = 24,
    OWN_BYTES = 512,             /* what our own headers come to, the publish id aside */
    HEADER_BYTES = 4,            /* of one, besides its name and value */
    HEADERS_MAX = 64 * 1024 - 1, /* bytes: JetStream stores no more */
};

static natsStatus add_number(natsMsg *msg, const char *name, uint64_t value)
{
    char text[NUMBER_BYTES];

    (void)snprintf(text, sizeof text, "%" PRIu64, value);
    return natsMsgHeader_Set(msg, name, text);
}

static natsStatus add_text(natsMsg *msg, struct span name, struct span value, size_t *bytes)
{
    size_t name_bytes = 2 * name.len + STORE_NATS_NAMES_HEADER_ROOM;
    char *room = malloc(name_bytes + 2 * value.len + 1);
    natsStatus s;

    if (room == NULL) {
        return NATS_NO_MEMORY;
    }
    store_nats_names_header(name, room);
    store_nats_names_value(value, room + name_bytes);
    s = natsMsgHeader_Add(msg, room, room + name_bytes);
    *bytes += strlen(room) + strlen(room + name_bytes) + HEADER_BYTES;
    free(room);
    return s;
}

static natsStatus add_headers(natsMsg *msg, const struct event *event, size_t *bytes)
{
    struct event_header header;
    natsStatus s = NATS_OK;
    size_t at = 0;

    while (s == NATS_OK && event_next_header(event, &at, &header)) {
        s = add_text(msg, header.name, header.value, bytes);
    }
    return s;
}

static natsStatus add_own(natsMsg *msg, const struct event *event, bool is_omitted,
                          size_t *bytes)
{
    struct span id = event_publish_id(event);
    natsStatus s = add_number(msg, "Wayleave-Time", event->time);
    char *room;

    if (s == NATS_OK && event->expiry != EVENT_NEVER) {
        s = add_number(msg, "Wayleave-Expires", event->expiry);
    }
    if (is_omitted) {
        return s == NATS_OK ? add_number(msg, "Wayleave-Omitted", event_len(event)) : s;
    }
    if (s != NATS_OK || id.len == 0) {
        return s;
    }
    room = malloc(2 * id.len + 1);
    if (room == NULL) {
        return NATS_NO_MEMORY;
    }
    store_nats_names_value(id, room);
    s = natsMsgHeader_Set(msg, "Wayleave-Publish-Id", room);
    *bytes += strlen(room);
    free(room);
    return s;
}

static enum err begin(uint64_t eid, const char *subject, const char *reply, struct span body,
                      natsMsg **ret_msg)
{
    natsMsg *msg;

    if (natsMsg_Create(&msg, subject, reply, (const char *)body.ptr, (int)body.len) !=
        NATS_OK) {
        return ERR_NOMEM;
    }
    if (add_number(msg, "Nats-Expected-Last-Sequence", eid - 1) != NATS_OK ||
        add_number(msg, EID_HEADER, eid) != NATS_OK) {
        natsMsg_Destroy(msg);
        return ERR_NOMEM;
    }
    *ret_msg = msg;
    return OK;
}

/* As much of the event as is asked for. *ret_bytes: of all headers. */
static enum err make(const struct event *event, const char *subject, const char *reply,
                     bool is_omitted, natsMsg **ret_msg, size_t *ret_bytes)
{
    natsMsg *msg;

    *ret_bytes = OWN_BYTES;
    TRY(begin(event->eid, subject, reply, is_omitted ? SPAN("") : event_body(event), &msg));
    if (add_own(msg, event, is_omitted, ret_bytes) != NATS_OK ||
        (!is_omitted && add_headers(msg, event, ret_bytes) != NATS_OK)) {
        natsMsg_Destroy(msg);
        return ERR_NOMEM;
    }
    *ret_msg = msg;
    return OK;
}

/* How long the headers are is known when they are written. */
enum err store_nats_message_new(const struct event *event, const char *subject,
                                const char *reply, size_t bytes_max, natsMsg **ret_msg)
{
    size_t bytes;

    if (event->body_len <= bytes_max) {
        TRY(make(event, subject, reply, false, ret_msg, &bytes));
        if (bytes <= HEADERS_MAX && bytes + event->body_len <= bytes_max) {
            return OK;
        }
        natsMsg_Destroy(*ret_msg);
    }
    return make(event, subject, reply, true, ret_msg, &bytes);
}

enum err store_nats_message_filler(uint64_t eid, const char *subject, const char *reply,
                                   natsMsg **ret_msg)
{
    return begin(eid, subject, reply, SPAN(""), ret_msg);
}

bool store_nats_message_is_ours(natsMsg *msg, uint64_t seq)
{
    const char *text;

    return natsMsgHeader_Get(msg, EID_HEADER, &text) == NATS_OK &&
           strtoull(text, NULL, 10) == seq;
}
