/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * One HTTP exchange between a client and an upstream, both connected: the request goes out, the
 * response comes back, bodies are streamed both ways at once. Nothing is kept but what a slow
 * receiver has not taken: one room out of the worker's pool each way; when there is none left
 * to write to, nothing is read.
 *
 *   client ==== up: head, content, trailers ====> upstream
 *          <=== down: 1xx ..., head, content, trailers ====
 *
 * An exchange exists from a request's head to the end of its response and is freed then; an
 * idle connection holds none. The caller answers what this file could not forward: the result
 * says with which status and why.
 */
#pragma once

#include "http1/http1_forward.h"
#include "net/relay.h"
#include "proxy/proxy_readtime.h"

struct proxy_forward;

enum proxy_forward_outcome {
    PROXY_FORWARD_DONE,   /* the whole response was written to the client */
    PROXY_FORWARD_TUNNEL, /* a valid 101 was: bytes may flow, begin with early and server_early
                           */
    PROXY_FORWARD_CLIENT_GONE,
    PROXY_FORWARD_CLIENT_FAULT,   /* the request's body is malformed */
    PROXY_FORWARD_CLIENT_TIMEOUT, /* the client sends or takes nothing */
    PROXY_FORWARD_UPSTREAM_GONE,  /* before any byte of a response: see may_retry */
    PROXY_FORWARD_UPSTREAM_FAULT, /* the response is malformed, or was cut */
    PROXY_FORWARD_UPSTREAM_TIMEOUT,
    PROXY_FORWARD_NO_ROOM, /* the pool or memory is exhausted */
};

enum {
    PROXY_FORWARD_WHY_BYTES = 200
};

struct proxy_forward_result {
    enum proxy_forward_outcome outcome;
    /* Of the final response that went to the client, wholly or in part; 0: no byte of one did,
     * and the caller may answer. When it is not 0 and the outcome is neither DONE nor TUNNEL,
     * stream_abort() the client: a cut must not look like an end. */
    uint16_t status;
    uint16_t refusal;                  /* the status to answer with while `status` is 0; 0: none
                                          (there is nobody to answer, or nothing to refuse) */
    char why[PROXY_FORWARD_WHY_BYTES]; /* a sentence without final point; empty: all is well */
    bool may_retry; /* UPSTREAM_GONE, and the same request may be sent again over another
                       connection: it is idempotent or was not sent, and all of its body that
                       has come is still in `early` (RFC 9112 9.3.1) */
    bool client_may_continue;   /* `early` may begin with the client's next request */
    bool client_must_linger;    /* half-close and read for a while before closing: it is still
                                   sending (RFC 9112 9.6) */
    bool upstream_may_continue; /* may go to the pool */
    uint64_t up_bytes;          /* content, without heads and framing */
    uint64_t down_bytes;
    msec began;
    msec sent_at;             /* the request was written; 0: it was not */
    msec answered_at;         /* the final response's head was complete; 0: it was not */
    struct span server_early; /* TUNNEL: what the server sent behind its 101; borrowed until
                                 proxy_forward_free() */
};

/** Called once, never from inside proxy_forward_start(). Both streams' readiness is nobody's
 *  then. The callee frees the exchange, at once or later. */
typedef void proxy_forward_done(void *ctx, const struct proxy_forward_result *result);

/* Everything is borrowed until `done` was called or proxy_forward_free(). */
struct proxy_forward_job {
    const struct relay_env *env;
    struct stream *client;
    struct stream *upstream;
    const struct http1_head *head;     /* judged: http1_forward_judge() said ON */
    const struct http1_target *target; /* absolute form */
    struct http1_body body;            /* as http1_body_of_request() said */
    struct buf *early; /* what the client sent behind the head. Afterwards: what it sent behind
                          the request. Its maximum is at least env->scratch.len */
    struct http1_forward_via via;
    struct http1_limits limits; /* of response heads and of trailers both ways */
    bool to_parent;
    bool keeps_login;  /* the parent's logins are the client's business: both ways */
    struct span login; /* our own for the parent, "Basic ..."; empty: none */
    bool is_upgrade;   /* proxy_upgrade_read() said so */
    bool closes;       /* the client's connection ends with this exchange, whatever it asks */
    bool closes_upstream;            /* the upstream's will not be used again: tell it */
    msec response_timeout;           /* from the request's last byte to the response's head */
    msec idle_timeout;               /* without a byte moving either way */
    struct proxy_readtime body_time; /* for the client to send its body; zeroed: no limit */
    bool adds_max_forwards;          /* as in struct http1_forward_request, like the next */
    uint32_t max_forwards;
    proxy_forward_done *done;
    void *ctx;
};

/** Begins: takes both streams' readiness over. ERR_NOMEM; ERR_LIMIT: the head does not fit what
 *  this proxy sends (limits.head_bytes and what it adds); ERR_PROTO: it cannot be written. */
must_check enum err proxy_forward_start(const struct proxy_forward_job *job,
                                        struct proxy_forward **ret_forward);

/** Gives everything back, at any time; `done` is not called any more. It does not touch the
 *  streams: before `done`, free them first or give their readiness to somebody else. Takes
 *  NULL. */
void proxy_forward_free(struct proxy_forward *forward);

/** Content so far, for a live status. */
uint64_t proxy_forward_up_bytes(const struct proxy_forward *forward);
uint64_t proxy_forward_down_bytes(const struct proxy_forward *forward);

/** When the result has a status: the fields of the server's answer, borrowed until
 *  proxy_forward_free(). */
struct http1_fields proxy_forward_answer_fields(const struct proxy_forward *forward);
