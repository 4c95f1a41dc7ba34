/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What an intermediary sends on: a request's or a response's head, rewritten for the next hop
 * (RFC 9110 section 7.6, RFC 9112 section 3.2). Sans-IO: fields in, bytes out.
 *
 * Never sent on, besides what Connection lists: Connection, Keep-Alive, Proxy-Connection,
 * Proxy-Authenticate, Proxy-Authentication-Info, Proxy-Authorization, TE (but for `trailers`),
 * Transfer-Encoding, Upgrade. Host and the framing are written anew, from what was understood,
 * not copied. No X-Forwarded-For or Forwarded is added: a forward proxy hides, it does not
 * tell.
 */
#pragma once

#include "http1/http1_body.h"
#include "http1/http1_head.h"
#include "http1/http1_target.h"

enum http1_forward_via_mode {
    HTTP1_FORWARD_VIA_OFF,   /* others' Via passes, nothing is added */
    HTTP1_FORWARD_VIA_ADD,   /* ours is added behind them */
    HTTP1_FORWARD_VIA_BLOCK, /* others' is removed, nothing is added */
};

struct http1_forward_via {
    enum http1_forward_via_mode mode;
    struct span pseudonym; /* with ADD: a host name, perhaps with a port */
    struct span comment;   /* with ADD; empty: none */
};

/* What is to become of a request, besides who may do it. */
enum http1_forward_verdict {
    HTTP1_FORWARD_ON,     /* send it on */
    HTTP1_FORWARD_ANSWER, /* TRACE or OPTIONS that ends here: http1_forward_put_answer() */
    HTTP1_FORWARD_NO_MAX_FORWARDS, /* 400: Max-Forwards is not a number, or is there twice */
    HTTP1_FORWARD_NO_EXPECTATION,  /* 417: Expect asks for something nobody knows */
};

/** Max-Forwards (RFC 9110 section 7.6.2; of TRACE and OPTIONS alone, others pass it unread) and
 *  Expect (section 10.1.1). */
enum http1_forward_verdict http1_forward_judge(const struct http1_head *head);

/** A sentence's end for the last two verdicts, to go behind "the client". Static storage. */
const char *http1_forward_verdict_text(enum http1_forward_verdict verdict);

/** 0 for HTTP1_FORWARD_ON; 200, 400, 417. */
uint16_t http1_forward_verdict_status(enum http1_forward_verdict verdict);

/** The whole answer for HTTP1_FORWARD_ANSWER: for TRACE the request without its secrets (RFC
 *  9110 section 9.3.8). The connection closes behind it. Errors as http1_write. */
must_check enum err http1_forward_put_answer(const struct http1_head *head, struct span via,
                                             struct span date, struct buf *out);

struct http1_forward_request {
    const struct http1_head *head;
    const struct http1_target *target; /* absolute form; ws stands for http */
    struct http1_body body;            /* as http1_body_of_request() said */
    struct http1_forward_via via;
    bool to_parent;         /* the next hop is a proxy: the target stays absolute */
    bool keeps_login;       /* the client's Proxy-Authorization is meant for the parent */
    struct span login;      /* our own Proxy-Authorization for the parent; empty: none */
    bool closes;            /* Connection: close */
    bool adds_max_forwards; /* a Max-Forwards to a request that has none, */
    uint32_t max_forwards;  /* and how many */
};

/** The head of the request. The framing towards the next hop is that of `body`. Errors as
 *  http1_write; ERR_LIMIT: it does not fit into `out`. */
must_check enum err http1_forward_put_request(const struct http1_forward_request *request,
                                              struct buf *out);

/* The parts of it that other writers of heads need. */

/** "host" or "host:port" as in the target, an IPv6 address in brackets. Errors as buf_append().
 */
must_check enum err http1_forward_put_authority(const struct http1_authority *authority,
                                                struct buf *out);

/** The first line and Host. */
must_check enum err http1_forward_put_target(const struct http1_forward_request *request,
                                             struct buf *out);

/** Ours, when the mode is ADD. `version_minor`: of the message as it was received. */
must_check enum err http1_forward_put_via(const struct http1_forward_via *via,
                                          uint8_t version_minor, struct buf *out);

/** Whether a field of that name goes no further than this hop: by its own nature or because
 *  Connection lists it. RFC 9110 section 7.6.1. */
bool http1_forward_is_hop(struct http1_fields fields, struct span name);

struct http1_forward_response {
    const struct http1_head *head;
    struct http1_body body; /* as http1_body_of_response() said; of 1xx: none */
    struct http1_forward_via via;
    struct span date;     /* for a response without one (RFC 9110 6.6.1); empty: none */
    uint8_t client_minor; /* version of the request */
    bool is_to_head;      /* the request was HEAD */
    bool keeps_challenge; /* Proxy-Authenticate is meant for the client */
    bool closes;          /* Connection: close */
};

/** How the body goes to that client: chunked only to HTTP/1.1, until close where the length is
 *  not known in HTTP/1.0. */
struct http1_body http1_forward_body(const struct http1_forward_response *response);

/** The head of the response, with the framing of http1_forward_body(). Errors as http1_write.
 */
must_check enum err http1_forward_put_response(const struct http1_forward_response *response,
                                               struct buf *out);

/** The end of a chunked body: last chunk, trailers, empty line. Errors as http1_write. */
must_check enum err http1_forward_put_trailers(struct http1_fields trailers, struct buf *out);

/** Whether the client's connection may carry another request: in HTTP/1.1 unless it said close,
 *  in HTTP/1.0 never (RFC 9112 section 9.3: a proxy MUST NOT). */
bool http1_forward_client_persists(const struct http1_head *request);

/** Whether the server's connection may carry another request, as far as its head says. Never
 *  where a connection may be logged in (NTLM, Negotiate): it would be somebody else's login. */
bool http1_forward_server_persists(const struct http1_head *request,
                                   const struct http1_head *response);

/** RFC 9110 section 9.2.2. */
bool http1_forward_is_idempotent(struct span method);
