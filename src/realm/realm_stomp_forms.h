/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The forms in which events go out: a MESSAGE frame in a version of STOMP, in what the carrier
 * of the session wraps round it. One set for a worker: whatever the number of its sessions, an
 * event is framed, escaped or compressed once for each view, and one deflater serves them all.
 *
 *    WebSocket           one unmasked message; text when all of it is UTF-8, else binary
 *    and compressed      the same with permessage-deflate, where that makes it shorter
 *    SockJS, WebSocket   a["..."] in a text message
 *    SockJS, HTTP        a["..."] in a line, or in an event of an event stream
 *
 * What comes from a queue is for one reader alone, and is not compressed.
 */
#pragma once

#include "base/metric.h"
#include "pubsub/queue_feed.h"
#include "pubsub/view.h"
#include "realm/realm_carrier_kind.h"
#include "stomp/stomp_version.h"

enum {
    REALM_STOMP_FORMS_VERSIONS = STOMP_VERSION_1_2 + 1
};

/* realm_stomp_forms.c's own, as is the next. */
struct realm_stomp_forms_form {
    struct realm_stomp_forms *set;
    enum realm_carrier_kind carrier;
    enum stomp_version version;
    struct view_form view;
    struct view_form acked;
    struct view_form changes;
    struct queue_feed_form feed;
};

struct realm_stomp_forms {
    struct realm_stomp_forms_form all[REALM_CARRIER_KINDS][REALM_STOMP_FORMS_VERSIONS];
    struct buf frame;                /* before it is escaped or compressed */
    struct ws_deflate_out *deflater; /* owned; NULL before the first use */
    struct metric_sheet *metrics;    /* borrowed; NULL: nothing is counted */
};

/** Takes no memory. `event_bytes`: the longest body. The set must stay where it is. */
void realm_stomp_forms_init(struct realm_stomp_forms *set, size_t event_bytes,
                            struct metric_sheet *metrics);

/** No view may be left that has one of its forms. */
void realm_stomp_forms_fini(struct realm_stomp_forms *set);

/** From a channel. Lives as long as the set, as do the next two. */
const struct view_form *realm_stomp_forms_view(const struct realm_stomp_forms *set,
                                               enum realm_carrier_kind carrier,
                                               enum stomp_version version);

/** From a channel, with what an ACK has to say. */
const struct view_form *realm_stomp_forms_acked(const struct realm_stomp_forms *set,
                                                enum realm_carrier_kind carrier,
                                                enum stomp_version version);

/** From a channel, for who has the events before and wants only what has changed. */
const struct view_form *realm_stomp_forms_changes(const struct realm_stomp_forms *set,
                                                  enum realm_carrier_kind carrier,
                                                  enum stomp_version version);

/** From a queue. */
const struct queue_feed_form *realm_stomp_forms_feed(const struct realm_stomp_forms *set,
                                                     enum realm_carrier_kind carrier,
                                                     enum stomp_version version);

/** The longest that one event of `event_bytes` can become in any form. */
size_t realm_stomp_forms_bytes(size_t event_bytes);
