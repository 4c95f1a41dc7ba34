/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "stomp/stomp_heartbeat.h"

#include "base/text.h"

enum {
    /* Heart-beating: because of timing inaccuracies the receiver SHOULD be tolerant: it waits
     * so many times the promised interval */
    TOLERANCE = 2,
    /* ... and for the same reason we send an eighth of the interval before it ends */
    EARLY_SHARE = 8
};

enum err stomp_heartbeat_read(struct span value, struct stomp_heartbeat_offer *ret_offer)
{
    size_t comma = span_find(value, ',');
    struct stomp_heartbeat_offer offer;

    /* Heart-beating: two positive integers separated by a comma; zero, which has a meaning of
     * its own, counts as one */
    if (comma == value.len || !text_u64(span_head(value, comma), UINT32_MAX, &offer.can) ||
        !text_u64(span_tail(value, comma + 1), UINT32_MAX, &offer.wants)) {
        return ERR_PROTO;
    }
    *ret_offer = offer;
    return OK;
}

/* "if <cx> is 0 or <sy> is 0, then there will be none; otherwise, there will be heart-beats
 * every MAX(<cx>,<sy>) milliseconds" */
static msec agree(msec can, msec wants)
{
    if (can == 0 || wants == 0) {
        return 0;
    }
    return can > wants ? can : wants;
}

void stomp_heartbeat_init(struct stomp_heartbeat *heartbeat,
                          const struct stomp_heartbeat_offer *ours,
                          const struct stomp_heartbeat_offer *theirs, msec now)
{
    *heartbeat = (struct stomp_heartbeat){
        .send_every = agree(ours->can, theirs->wants),
        .hear_every = agree(theirs->can, ours->wants),
        .sent_at = now,
        .heard_at = now,
    };
}

void stomp_heartbeat_sent(struct stomp_heartbeat *heartbeat, msec now)
{
    heartbeat->sent_at = now;
}

void stomp_heartbeat_heard(struct stomp_heartbeat *heartbeat, msec now)
{
    heartbeat->heard_at = now;
}

static msec send_by(const struct stomp_heartbeat *heartbeat)
{
    msec every = heartbeat->send_every;

    return every == 0 ? MSEC_NEVER : heartbeat->sent_at + every - every / EARLY_SHARE;
}

static msec hear_by(const struct stomp_heartbeat *heartbeat)
{
    msec every = heartbeat->hear_every;

    return every == 0 ? MSEC_NEVER : heartbeat->heard_at + every * TOLERANCE;
}

msec stomp_heartbeat_deadline(const struct stomp_heartbeat *heartbeat)
{
    return msec_min(send_by(heartbeat), hear_by(heartbeat));
}

enum err stomp_heartbeat_expire(const struct stomp_heartbeat *heartbeat, msec now,
                                bool *ret_must_send)
{
    if (now >= hear_by(heartbeat)) {
        return ERR_TIMEOUT;
    }
    *ret_must_send = now >= send_by(heartbeat);
    return OK;
}
