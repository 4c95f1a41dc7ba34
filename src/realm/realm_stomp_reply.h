/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The frames that a realm sends on its own account. Each becomes one message in the
 * carrier's output. Errors: ERR_NOMEM; ERR_LIMIT when the peer does not read its answers. Once
 * a Close is queued nothing more is said, which is OK.
 */
#pragma once

#include "base/err.h"
#include "pubsub/session.h"
#include "realm/realm_carrier.h"
#include "stomp/stomp_frame.h"
#include "stomp/stomp_version.h"

enum {
    REALM_STOMP_REPLY_EPOCH_CHARS = 16 /* an epoch on the wire: hex */
};

/** A refusal: one of the words of doc/wire.md, and a sentence. */
struct realm_stomp_reply_refusal {
    const char *word;
    const char *sentence;
};

/** Where replies go. `scratch` is empty between calls. */
struct realm_stomp_reply {
    struct realm_carrier *carrier;
    struct buf *scratch;
    enum stomp_version version;
    bool is_agreed; /* the version is; else an ERROR says which there are */
};

must_check enum err realm_stomp_reply_connected(const struct realm_stomp_reply *reply,
                                                uint64_t session_id, msec heart_beat);

/** Nothing is sent when the request asks for no receipt. So also for the next five. */
must_check enum err realm_stomp_reply_receipt(const struct realm_stomp_reply *reply,
                                              const struct stomp_frame *request);
must_check enum err realm_stomp_reply_published(const struct realm_stomp_reply *reply,
                                                const struct stomp_frame *request,
                                                uint64_t eid);
must_check enum err realm_stomp_reply_subscribed(const struct realm_stomp_reply *reply,
                                                 const struct stomp_frame *request,
                                                 const struct channel *channel, uint64_t next);

/** To SUBSCRIBE on a queue. */
must_check enum err realm_stomp_reply_reading(const struct realm_stomp_reply *reply,
                                              const struct stomp_frame *request, size_t window);

/** To SUBSCRIBE for a data stream: what others call it. */
must_check enum err realm_stomp_reply_stream(const struct realm_stomp_reply *reply,
                                             const struct stomp_frame *request, const char *id);

/** To COMMIT: "committed". */
must_check enum err realm_stomp_reply_outcome(const struct realm_stomp_reply *reply,
                                              const struct stomp_frame *request,
                                              const char *outcome);

/** A RECEIPT with `refused`; the request must ask for a receipt. */
must_check enum err realm_stomp_reply_refused(const struct realm_stomp_reply *reply,
                                              const struct stomp_frame *request,
                                              const struct realm_stomp_reply_refusal *refusal);

/** An ERROR. `request` may be NULL. */
must_check enum err realm_stomp_reply_error(const struct realm_stomp_reply *reply,
                                            const struct stomp_frame *request,
                                            const struct realm_stomp_reply_refusal *refusal);

must_check enum err realm_stomp_reply_beat(const struct realm_stomp_reply *reply);

/** The epoch as SUBSCRIBE and RECEIPT have it, without a final zero. */
void realm_stomp_reply_epoch(uint64_t epoch, char room[REALM_STOMP_REPLY_EPOCH_CHARS + 1]);
