/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Heart-beats ("Heart-beating"): agreed at CONNECT, then two deadlines, one to show that we are
 * alive and one to give up the peer. Sans-IO: the time is handed in.
 */
#pragma once

#include "base/clock.h"
#include "base/err.h"
#include "base/span.h"

/* One side's heart-beat header, "<can>,<wants>". */
struct stomp_heartbeat_offer {
    msec can;   /* how often it can send at least; 0: it cannot */
    msec wants; /* how often it would like to hear something; 0: it does not care */
};

/* The module's own. */
struct stomp_heartbeat {
    msec send_every; /* 0: no promise was made */
    msec hear_every; /* 0: the peer has promised nothing */
    msec sent_at;
    msec heard_at;
};

/** Reads the header's value; a frame without the header offers {0, 0}. ERR_PROTO when it is not
 *  two plain numbers below 2^32 with a comma between them. */
must_check enum err stomp_heartbeat_read(struct span value,
                                         struct stomp_heartbeat_offer *ret_offer);

/** Agrees: in each direction the slower of what one side can and the other wants. */
void stomp_heartbeat_init(struct stomp_heartbeat *heartbeat,
                          const struct stomp_heartbeat_offer *ours,
                          const struct stomp_heartbeat_offer *theirs, msec now);

/** We have sent something, frame or EOL. */
void stomp_heartbeat_sent(struct stomp_heartbeat *heartbeat, msec now);

/** The peer has sent something: any byte counts. */
void stomp_heartbeat_heard(struct stomp_heartbeat *heartbeat, msec now);

/** When to call stomp_heartbeat_expire(); MSEC_NEVER if neither side has promised anything. */
msec stomp_heartbeat_deadline(const struct stomp_heartbeat *heartbeat);

/**
 * What is due at `now`. OK: *ret_must_send says whether an EOL must go out; the caller then
 * tells stomp_heartbeat_sent(). ERR_TIMEOUT: the peer has been silent for twice its promise.
 */
must_check enum err stomp_heartbeat_expire(const struct stomp_heartbeat *heartbeat, msec now,
                                           bool *ret_must_send);
