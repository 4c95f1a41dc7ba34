/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What the files of proxy_forward share. Nobody else includes this.
 */
#pragma once

#include "http1/http1_body_reader.h"
#include "io/timer.h"
#include "proxy/proxy_forward.h"
#include "proxy/proxy_forward_lane.h"

enum proxy_forward_inside_state {
    PROXY_FORWARD_INSIDE_AWAITING,  /* a final response's head; 1xx pass meanwhile */
    PROXY_FORWARD_INSIDE_ANSWERING, /* its content */
    PROXY_FORWARD_INSIDE_ANSWERED,  /* all of it is in the lane to the client */
    PROXY_FORWARD_INSIDE_SWITCHED,  /* or a 101 is */
    PROXY_FORWARD_INSIDE_OVER,      /* the result is to be told */
    PROXY_FORWARD_INSIDE_STATES,
};

struct proxy_forward {
    struct proxy_forward_job job; /* what it points to is borrowed */
    enum proxy_forward_inside_state state;
    struct loop_later again;
    struct timer timer;
    struct proxy_forward_result result;

    struct proxy_forward_lane up; /* to the upstream */
    struct http1_body_reader request;
    size_t early_used;  /* bytes of job.early that are this request's: kept until they cannot be
                           needed for another try */
    bool has_read_body; /* some of it was read from the client's stream */
    bool client_ended;  /* the client has finished sending */
    msec body_from;     /* since when the client's rate counts, */
    uint64_t body_bytes; /* and what has come since */

    struct proxy_forward_lane down; /* to the client */
    struct http1_head answer;
    struct http1_body_reader response;
    enum http1_body_type framing; /* of the response to the client */
    uint16_t status;              /* of the final response */
    uint64_t final_from;          /* where it begins in what `down` moves */
    bool has_heard;               /* the upstream has sent something */
    bool upstream_persists;       /* as far as heads and framing say */
    bool client_persists;         /* as the client was told */
    struct buf server_early;
};

/** The only assignment to the state. */
void proxy_forward_inside_move(struct proxy_forward *forward,
                               enum proxy_forward_inside_state next);

/** The only way to OVER; the first reason counts. The sentence may be empty. */
void proxy_forward_inside_end(struct proxy_forward *forward, enum proxy_forward_outcome outcome,
                              uint16_t refusal, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/** Where to read into: the worker's scratch room without what a chunk's frame needs around it.
 */
struct mspan proxy_forward_inside_room(const struct proxy_forward *forward);

/* What a reader has made of one read. */
struct proxy_forward_inside_content {
    struct mspan bytes;           /* at the front of the room */
    struct http1_fields trailers; /* when it has ended */
    bool has_ended;
};

/** Pulls all the content out of *input, which lies in the room, and pushes it together there.
 *  Errors as http1_body_reader_next(), but ERR_AGAIN is OK. */
must_check enum err proxy_forward_inside_gather(
    const struct proxy_forward *forward, struct http1_body_reader *reader, struct span *input,
    struct proxy_forward_inside_content *ret_content);

/** Puts it into a lane, framed anew. May write over what lies behind it in the room. Errors as
 *  proxy_forward_lane_put(). */
must_check enum err proxy_forward_inside_put(struct proxy_forward_lane *lane,
                                             const struct proxy_forward_inside_content *content,
                                             enum http1_body_type framing);
