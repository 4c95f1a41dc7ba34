/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Publishing over HTTP: POST /api/channels/NAME/events, and the same for queues. The head is
 * judged before the body is read, which becomes the event's; doc/realm.md describes it.
 */
#pragma once

#include "pubsub/router.h"
#include "realm/realm_http_place.h"
#include "realm/realm_http_question.h"

enum {
    REALM_HTTP_PUBLISH_HEADERS_MAX = 32,       /* of an event */
    REALM_HTTP_PUBLISH_VALUES_MAX = 15 * 1024, /* bytes of theirs, besides their names */
};

/** Whether the client may; then its body is to be read. Errors as realm_http_next(). */
must_check enum err realm_http_publish_judge(const struct realm_http_question *question,
                                             const struct realm_http_place *place);

/* An event that a request publishes; all of it is borrowed from the head and the body. */
struct realm_http_publish {
    struct router_route *route;
    struct event_parts parts;
    uint64_t known_eid; /* a queue has that publish id, as this event: nothing is to be
                           published. 0: it has not */
    struct event_header
        headers[REALM_HTTP_PUBLISH_HEADERS_MAX]; /* what parts.headers points to */
    uint8_t names[1024];                         /* theirs, in lower case */
};

/**
 * After REALM_HTTP_PUBLISH, with the whole body: finds the channel and makes the event.
 * verdict->action is REALM_HTTP_PUBLISH when it is to be published; otherwise the refusal is in
 * `out`. ERR_NOMEM, ERR_LIMIT.
 */
must_check enum err realm_http_publish_parts(const struct realm_http_env *env,
                                             const struct http1_head *head, struct span body,
                                             struct buf *out,
                                             struct realm_http_verdict *verdict,
                                             struct realm_http_publish *ret_publish);

/* What became of it. */
struct realm_http_publish_receipt {
    enum err e; /* of the publish */
    uint64_t eid;
    bool is_repeat; /* the publish id was known: nothing was published */
};

/** The answer to it. ERR_NOMEM, ERR_LIMIT. */
must_check enum err realm_http_publish_done(const struct realm_http_env *env,
                                            const struct http1_head *head,
                                            const struct realm_http_publish_receipt *receipt,
                                            struct buf *out,
                                            struct realm_http_verdict *verdict);
