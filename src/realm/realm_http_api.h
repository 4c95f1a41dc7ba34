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
 * Queues are below /api/queues; what is there to be taken from is shown by realm_http_queue.
 * Data groups are below /api/groups, and who is in them is realm_http_group's. What
 * administrators do is realm_http_admin's.
 */
#pragma once

#include "pubsub/router.h"
#include "realm/realm_http_place.h"
#include "realm/realm_http_question.h"

enum {
    REALM_HTTP_API_HEADERS_MAX = 32,       /* of an event */
    REALM_HTTP_API_VALUES_MAX = 15 * 1024, /* bytes of theirs, besides their names */
    REALM_HTTP_API_EVENTS_MAX = 1000,
    REALM_HTTP_API_PAGE_BYTES = 1024 * 1024, /* an answer that has passed it is not added to */
};

/** The channel or queue. NULL: there is none, or the client has not that right, and the refusal
 * is in `out`. Errors as realm_http_next(), also below. */
must_check enum err realm_http_api_find(const struct realm_http_question *question,
                                        enum realm_acl_right right,
                                        const struct realm_http_place *place,
                                        struct router_route **ret_route);

/** The same, and it is made where a section lets it be; the client's right was asked for. */
must_check enum err realm_http_api_open(const struct realm_http_question *question,
                                        const struct realm_http_place *place, struct span name,
                                        struct router_route **ret_route);

/** Its name, if it can be one and the client has the right. */
must_check enum err realm_http_api_name(const struct realm_http_question *question,
                                        enum realm_acl_right right,
                                        const struct realm_http_place *place,
                                        uint8_t room[ROUTER_NAME_MAX], struct span *ret_name,
                                        bool *ret_may);

/** The body is to be read, at most `max` bytes, for that action. */
void realm_http_api_ask_for_body(const struct realm_http_question *question,
                                 enum realm_http_action action, uint64_t max);

/** All there is to tell of one, with a line end. Errors as buf_append(). */
must_check enum err realm_http_api_write(const struct realm_http_question *question,
                                         const struct router_route *route, struct buf *body);

/** Judges a request below /api/. Errors as realm_http_next(). */
must_check enum err realm_http_api_judge(struct realm_http_question *question);

/* An event that a request publishes; all of it is borrowed from the head and the body. */
struct realm_http_api_publish {
    struct router_route *route;
    struct event_parts parts;
    uint64_t known_eid; /* a queue has that publish id, as this event: nothing is to be
                           published. 0: it has not */
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
