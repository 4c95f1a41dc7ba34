/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A session's data stream: SUBSCRIBE to /$data begins it, UNSUBSCRIBE ends it. What comes on it
 * is the affair of data groups (pubsub/datagroup.h). A session has one at most.
 */
#pragma once

#include "realm/realm_stomp_inside.h"

/** Whether a SUBSCRIBE is for a data stream. */
bool realm_stomp_stream_is_wanted(const struct realm_stomp_inside *request);

/** Whether the subscription of that id is the session's data stream. */
bool realm_stomp_stream_has_id(const struct realm_stomp *stomp, struct span id);

/** `id` is in use by nothing else. Errors as realm_stomp_take(). */
must_check enum err realm_stomp_stream_begin(struct realm_stomp *stomp,
                                             const struct realm_stomp_inside *request,
                                             struct span id);

/** Nothing happens when there is none. */
void realm_stomp_stream_end(struct realm_stomp *stomp);

/** It leaves the groups whose events the client may not get any more. Nothing happens when
 * there is none. */
void realm_stomp_stream_review(struct realm_stomp *stomp);

/** For struct datagroup_set: whether the client may get the events of that group. `owner` is a
 *  struct realm_stomp. */
bool realm_stomp_stream_may(void *owner, struct span group);
