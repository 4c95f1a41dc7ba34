/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_stomp_send.h"

#include "base/text.h"
#include "pubsub/event_source.h"
#include "realm/realm_stomp_later.h"
#include "realm/realm_stomp_tx.h"

bool realm_stomp_send_travels(struct span name)
{
    static const char *const kept_here[] = {
        "destination",
        "receipt",
        "transaction",
        "publish-id",
        "content-length",
        "subscription",
        "message-id",
        "eid",
        "ttl",
        "timestamp",
        "ack",
        "redelivered",
        "redelivery-count",
        "browser",
        "merge",
        "delta",
    };

    for (size_t i = 0; i < sizeof kept_here / sizeof kept_here[0]; i++) {
        if (span_equals(name, kept_here[i])) {
            return false;
        }
    }
    return !span_starts(name, SPAN("dead-")) && !span_starts(name, SPAN("join-"));
}

static void pick_headers(const struct stomp_frame *frame,
                         struct event_header room[REALM_STOMP_HEADERS_MAX],
                         struct event_parts *parts)
{
    assert(frame->header_count <= REALM_STOMP_HEADERS_MAX);
    parts->headers = room;
    for (size_t i = 0; i < frame->header_count; i++) {
        if (realm_stomp_send_travels(frame->headers[i].name)) {
            room[parts->header_count++] =
                (struct event_header){frame->headers[i].name, frame->headers[i].value};
        }
    }
}

/* What cannot be read would be an event without a dictionary to whoever looks into it: its
 * publisher is told instead. */
static enum err check_body(struct realm_stomp *stomp, const struct realm_stomp_inside *request,
                           bool *ret_may)
{
    struct dict_fault fault = {DICT_FAULT_NONE, 0};
    struct span type = SPAN("");
    enum err e;

    realm_stomp_inside_find(request, SPAN("content-type"), &type);
    e = event_source_check(type, request->frame->body, &fault);
    *ret_may = e == OK;
    if (e == OK || e == ERR_NOMEM) {
        return e;
    }
    return realm_stomp_inside_refuse(
        stomp, request, e == ERR_LIMIT ? REALM_STOMP_INSIDE_LIMIT : REALM_STOMP_INSIDE_ILLEGAL,
        "the body is no event+json, at byte %zu: %s", fault.at, dict_fault_text(fault.reason));
}

/* A queue has forgotten the events that were consumed, but not at once that they were
 * published. False: nothing is known of this one. */
static bool is_known(struct realm_stomp *stomp, const struct realm_stomp_inside *request,
                     const struct router_route *route, struct span id, enum err *ret_answered)
{
    struct realm_stomp_reply reply = realm_stomp_inside_reply(stomp);
    uint64_t eid = id.len == 0 ? 0 : queue_set_find_id(route, id);

    if (eid == 0) {
        return false;
    }
    *ret_answered = realm_stomp_reply_published(&reply, request->frame, eid);
    return true;
}

enum err realm_stomp_send(struct realm_stomp *stomp, const struct realm_stomp_inside *request)
{
    struct event_header headers[REALM_STOMP_HEADERS_MAX];
    struct event_parts parts = {.body = request->frame->body};
    struct span ttl, name;
    struct router_route *route;
    bool may;
    enum err e;

    if (realm_stomp_inside_find(request, SPAN("ttl"), &ttl) &&
        !text_u64(ttl, UINT64_MAX, &parts.ttl)) {
        return realm_stomp_inside_refuse(stomp, request, REALM_STOMP_INSIDE_ILLEGAL,
                                         "ttl must be a number of milliseconds");
    }
    TRY(realm_stomp_inside_route(stomp, request, REALM_ACL_PUBLISH, &route));
    if (route == NULL) {
        return OK;
    }
    TRY(realm_stomp_inside_flag(stomp, request, "merge", &parts.is_change, &may));
    if (!may) {
        return OK;
    }
    TRY(check_body(stomp, request, &may));
    if (!may) {
        return OK;
    }
    parts.merged_max = stomp->env->event_bytes;
    pick_headers(request->frame, headers, &parts);
    realm_stomp_inside_find(request, SPAN("publish-id"), &parts.publish_id);
    if (parts.publish_id.len > REALM_STOMP_SEND_ID_MAX) {
        return realm_stomp_inside_refuse(stomp, request, REALM_STOMP_INSIDE_LIMIT,
                                         "publish-id is longer than %d bytes",
                                         REALM_STOMP_SEND_ID_MAX);
    }
    if (realm_stomp_inside_find(request, SPAN("transaction"), &name)) {
        return realm_stomp_tx_send(stomp, request, route, &parts);
    }
    if (is_known(stomp, request, route, parts.publish_id, &e)) {
        return e;
    }
    return realm_stomp_later_publish(stomp, request, route, &parts);
}
