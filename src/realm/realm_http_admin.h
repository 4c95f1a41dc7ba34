/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What administrators do over HTTP; doc/realm.md describes it.
 *
 *    PUT     /api/channels/NAME                make it; the body has its attributes
 *    DELETE  /api/channels/NAME?force=true     remove it
 *    POST    /api/channels/NAME/purge?to=EID   throw its events away, up to that one
 *    GET     /api/channels/NAME/durables       its durable subscriptions
 *    DELETE  /api/channels/NAME/durables/ID    forget one
 *
 * The first three also below /api/queues, the first two also below /api/groups. They wait for
 * the store: from the whole body to realm_http_admin_begin(), and when it has called, to
 * realm_http_admin_done().
 */
#pragma once

#include "pubsub/router_admin.h"
#include "realm/realm_http_place.h"
#include "realm/realm_http_question.h"

/** Whether that is for realm_http_admin_judge(). */
bool realm_http_admin_has(const struct realm_http_place *place, struct span method);

/** Errors of all these as realm_http_next(). */
must_check enum err realm_http_admin_judge(const struct realm_http_question *question,
                                           const struct realm_http_place *place);

must_check enum err realm_http_admin_durables(const struct realm_http_question *question,
                                              const struct realm_http_place *place);

/** After REALM_HTTP_CHANGE, with the whole body. *ret_is_asked: the ticket's `done` was called,
 *  or will be; otherwise the answer is in `out`. */
must_check enum err realm_http_admin_begin(const struct realm_http_env *env,
                                           const struct http1_head *head, struct span body,
                                           struct router_admin_ticket *ticket, struct buf *out,
                                           struct realm_http_verdict *verdict,
                                           bool *ret_is_asked);

/** What has come of it. */
struct realm_http_admin_outcome {
    enum err e;
    size_t count; /* of purged events */
};

must_check enum err realm_http_admin_done(const struct realm_http_env *env,
                                          const struct http1_head *head,
                                          const struct realm_http_admin_outcome *outcome,
                                          struct buf *out, struct realm_http_verdict *verdict);
