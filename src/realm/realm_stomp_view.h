/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * An event as STOMP subscribers get it: one MESSAGE frame, without what the carrier of the
 * session wraps round it (realm_stomp_forms).
 */
#pragma once

#include "base/buf.h"
#include "pubsub/event.h"
#include "stomp/stomp_version.h"

struct realm_stomp_view_message {
    enum stomp_version version;
    struct span route;
    struct span id;            /* of the subscription */
    const struct event *event; /* NULL: a browser has seen all */
    size_t returns;            /* how often a queue had sent it before */
    bool wants_ack;            /* what comes from a queue may be acknowledged */
    bool is_text_only;         /* the carrier takes UTF-8 alone: other bodies go as base64 */
};

/** Whether all of the frame is UTF-8. */
bool realm_stomp_view_is_text(const struct realm_stomp_view_message *message);

/** Appends the frame. Errors as buf_append(): then `out` is as it was. */
must_check enum err realm_stomp_view_put(const struct realm_stomp_view_message *message,
                                         struct buf *out);
