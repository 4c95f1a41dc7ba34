/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What a request is answered, from its head alone: a file, a redirect, a WebSocket, a refusal.
 * Sans-IO. Every answer but a 101 closes the connection.
 *
 *    /              302 to /demo/
 *    /demo/ *  /lib/js/ *   files (realm_static)
 *    /health        200
 *    /stomp         WebSocket, subprotocol v12.stomp
 *    /echo          WebSocket, with DiagnosticEndpoints On
 */
#pragma once

#include "base/buf.h"
#include "http1/http1_head.h"
#include "realm/realm_assets.h"
#include "realm/realm_conf.h"

enum realm_http_action {
    REALM_HTTP_ANSWER, /* the answer is complete: send it, then close */
    REALM_HTTP_STOMP,  /* the 101 is in `out`; what follows is WebSocket */
    REALM_HTTP_ECHO,
};

enum {
    REALM_HTTP_WHY_BYTES = 320
};

struct realm_http_env {
    const struct realm_conf *conf;
    const struct realm_asset *assets;
    struct span date; /* for a Date field; empty: none */
    bool is_full;     /* SessionsMax is reached: every request is told so */
};

struct realm_http_verdict {
    enum realm_http_action action;
    uint16_t status;
    struct span method; /* borrowed from the head, as are the next three; empty when
                           the request could not be read */
    struct span target;
    struct span origin;             /* empty: none was sent */
    struct span agent;              /* User-Agent */
    bool is_foreign;                /* refused for its Origin: `why` says which line to add */
    char why[REALM_HTTP_WHY_BYTES]; /* a refusal's sentence for the log; else empty */
};

/**
 * Reads on, moving *input, and judges the request once it is complete or refused: then what is
 * to be sent is appended to `out`. What is behind the request is left in *input.
 *
 * Returns OK         *ret_verdict is set; spans in it live as long as the head
 *         ERR_AGAIN  *input is empty and the request is not complete
 *         ERR_NOMEM, ERR_LIMIT  `out` is as it was
 */
must_check enum err realm_http_next(const struct realm_http_env *env, struct http1_head *head,
                                    struct span *input, struct buf *out,
                                    struct realm_http_verdict *ret_verdict);
