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
    REALM_HTTP_API_EVENTS_MAX = 1000,
    REALM_HTTP_API_PAGE_BYTES = 1024 * 1024, /* an answer that has passed it is not added to */
};

/** A name that nothing was made for. Errors as realm_http_next(), also below. */
must_check enum err realm_http_api_refuse_route(const struct realm_http_question *question,
                                                const struct realm_http_place *place,
                                                enum router_verdict verdict, struct span name);

/** The channel or queue. NULL: there is none, or the client has not that right, and the refusal
 * is in `out`. */
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
