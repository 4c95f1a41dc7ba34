/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What the realm_stomp files share: a frame in hand, how it is refused, and the route it names.
 */
#pragma once

#include "realm/realm_stomp.h"
#include "realm/realm_stomp_reply.h"

enum {
    REALM_STOMP_INSIDE_NAME_BYTES = 96 /* of a name in a sentence */
};

/** One frame in hand. */
struct realm_stomp_inside {
    const struct stomp_frame *frame;
    msec now;
};

/* The words of doc/wire.md. */
#define REALM_STOMP_INSIDE_MISSING     "MissingResourceException"
#define REALM_STOMP_INSIDE_SECURITY    "SecurityException"
#define REALM_STOMP_INSIDE_LIMIT       "LimitException"
#define REALM_STOMP_INSIDE_STORE       "StoreException"
#define REALM_STOMP_INSIDE_ILLEGAL     "IllegalArgumentException"
#define REALM_STOMP_INSIDE_UNSUPPORTED "UnsupportedOperationException"

/** The only assignment to stomp->state. */
void realm_stomp_inside_move(struct realm_stomp *stomp, enum realm_stomp_state next);

/** A Close, and nothing more is listened to. */
must_check enum err realm_stomp_inside_end(struct realm_stomp *stomp, uint16_t code, msec now);

/** An ERROR and the end. `frame` may be NULL. */
must_check enum err realm_stomp_inside_fail(struct realm_stomp *stomp,
                                            const struct stomp_frame *frame,
                                            const struct realm_stomp_reply_refusal *refusal,
                                            msec now);

struct realm_stomp_reply realm_stomp_inside_reply(const struct realm_stomp *stomp);

/** What concerns one request ends the session only if the peer has not asked for gentler ways.
 */
must_check enum err realm_stomp_inside_refuse(struct realm_stomp *stomp,
                                              const struct realm_stomp_inside *request,
                                              const char *word, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/** Whether the client may do that to the route of that name; else the request was refused. */
must_check enum err realm_stomp_inside_may(struct realm_stomp *stomp,
                                           const struct realm_stomp_inside *request,
                                           enum realm_acl_right right, struct span name,
                                           bool *ret_may);

/** The route that the frame's destination names, if the client may do that to it.
 *  *ret_route is NULL when the request was refused, or awaits_route is set: then the frame
 * comes again. */
must_check enum err realm_stomp_inside_route(struct realm_stomp *stomp,
                                             const struct realm_stomp_inside *request,
                                             enum realm_acl_right right,
                                             struct router_route **ret_route);

/** The value of a header; false when the frame has none of that name. */
bool realm_stomp_inside_find(const struct realm_stomp_inside *request, struct span name,
                             struct span *ret_value);

/** A header that is true or false, and false when it is not there. *ret_may is false when it is
 *  something else, and the request was refused: what is misspelt must not be done otherwise. */
must_check enum err realm_stomp_inside_flag(struct realm_stomp *stomp,
                                            const struct realm_stomp_inside *request,
                                            const char *name, bool *ret_is_on, bool *ret_may);

/** A name as a sentence can hold it. */
const char *realm_stomp_inside_text(struct span name, char room[REALM_STOMP_INSIDE_NAME_BYTES]);
