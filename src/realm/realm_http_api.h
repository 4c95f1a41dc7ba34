/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Channels over HTTP, with JSON for answers; doc/realm.md describes it.
 *
 *    GET   /api/channels?after=/name&max=N            which there are
 *    GET   /api/channels/NAME                         one
 *    GET   /api/channels/NAME/events?from=EID&max=N   what is stored
 *    POST  /api/channels/NAME/events                  publish: the body is the event's
 *    GET   /api/health
 *
 * NAME is the channel's without its first "/", percent-encoded where needed: "demo/chat".
 */
#pragma once

#include "pubsub/router.h"
#include "realm/realm_http_question.h"

enum {
    REALM_HTTP_API_HEADERS_MAX = 32,       /* of an event */
    REALM_HTTP_API_VALUES_MAX = 15 * 1024, /* bytes of theirs, besides their names */
    REALM_HTTP_API_EVENTS_MAX = 1000,
    REALM_HTTP_API_PAGE_BYTES = 1024 * 1024, /* an answer that has passed it is not added to */
};

/** Judges a request below /api/. Errors as realm_http_next(). */
must_check enum err realm_http_api_judge(struct realm_http_question *question);

/* An event that a request publishes; all of it is borrowed from the head and the body. */
struct realm_http_api_publish {
    struct router_route *route;
    struct event_parts parts;
    struct event_header headers[REALM_HTTP_API_HEADERS_MAX]; /* what parts.headers points to */
    uint8_t names[1024];                                     /* theirs, in lower case */
};

/**
 * After REALM_HTTP_PUBLISH, with the whole body: finds the channel and makes the event.
 * verdict->action is REALM_HTTP_PUBLISH when it is to be published; otherwise the refusal is in
 * `out`. ERR_NOMEM, ERR_LIMIT.
 */
must_check enum err realm_http_api_parts(const struct realm_http_env *env,
                                         const struct http1_head *head, struct span body,
                                         struct buf *out, struct realm_http_verdict *verdict,
                                         struct realm_http_api_publish *ret_publish);

/* What became of it. */
struct realm_http_api_receipt {
    enum err e; /* of the publish */
    uint64_t eid;
    bool is_repeat; /* the publish id was known: nothing was published */
};

/** The answer to it. ERR_NOMEM, ERR_LIMIT. */
must_check enum err realm_http_api_published(const struct realm_http_env *env,
                                             const struct http1_head *head,
                                             const struct realm_http_api_receipt *receipt,
                                             struct buf *out,
                                             struct realm_http_verdict *verdict);
