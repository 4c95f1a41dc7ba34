/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What a request is answered: judged from its head, sans-IO. doc/realm.md has the API,
 * doc/diagnostics.md what is below /diag/.
 *
 *    /              302 to /demo/
 *    /demo/ *  /lib/js/ *   files (realm_static)
 *    /health        200
 *    /api/ *        channels over HTTP (realm_http_api)
 *    /stomp         WebSocket, subprotocol v12.stomp
 *    /sockjs /sockjs/ *  SockJS (realm_http_sockjs)
 *    /echo /diag/ * with DiagnosticEndpoints On (realm_http_diag)
 */
#pragma once

#include "base/buf.h"
#include "http1/http1_body.h"
#include "http1/http1_head.h"
#include "realm/realm_assets.h"
#include "realm/realm_carrier_kind.h"
#include "realm/realm_conf.h"
#include "realm/realm_host.h"
#include "realm/realm_login.h"
#include "sockjs/sockjs_path.h"

enum realm_http_action {
    REALM_HTTP_ANSWER,  /* the answer is complete: send it */
    REALM_HTTP_LOGIN,   /* realm_http_login_begin(), and then realm_http_judge_again() */
    REALM_HTTP_STOMP,   /* the 101 is in `out`; what follows is WebSocket */
    REALM_HTTP_ECHO,    /* the same, for /echo and its like */
    REALM_HTTP_SILENT,  /* the same, and it never says anything by itself */
    REALM_HTTP_PUBLISH, /* read the body, at most body_max: then realm_http_publish_parts() */
    REALM_HTTP_CHANGE,  /* the same; then realm_http_admin_begin() */
    REALM_HTTP_RECEIVE, /* read the body, at most body_max, and drop it: realm_http_sockjs_...
                         */
    REALM_HTTP_SEND,    /* read the body, at most body_max: realm_http_sockjs_... */
    REALM_HTTP_MEASURE, /* read the body, at most body_max, and drop it: realm_http_diag_... */
    REALM_HTTP_DRIP,    /* the head is in `out`; what follows comes from the verdict's drip */
    REALM_HTTP_SILENCE, /* say nothing for silence_ms: then realm_http_diag_broken_silence() */
    REALM_HTTP_FIN, /* the 101 is in `out`; what comes is sent back once the client has ended */
};

enum {
    REALM_HTTP_WHY_BYTES = 320
};

/* How a body comes that is made while it is sent: for realm_drip. */
enum realm_http_drip_form {
    REALM_HTTP_DRIP_PLAIN,   /* `left` bytes */
    REALM_HTTP_DRIP_CHUNKED, /* `left` pieces, a chunk each */
    REALM_HTTP_DRIP_EVENTS,  /* the same, each an event of an event stream */
};

struct realm_http_drip {
    enum realm_http_drip_form form;
    uint64_t left;
    msec every; /* between two pieces; 0: as fast as they go */
};

/* How much of /diag/ is asked for, by all connections of a worker. Zeroed at first. */
struct realm_http_gate {
    msec second;    /* when the one that is counted began */
    size_t count;   /* answered in it */
    size_t running; /* whose connections count against DiagnosticsMax: the owner's to keep */
};

struct realm_http_env {
    const struct realm_conf *conf;
    const struct realm_asset *assets;
    struct router *router;               /* of the API; what it tells is of this moment */
    struct queue_set *queues;            /* likewise */
    struct datagroup_set *groups;        /* likewise */
    struct realm_made *made;             /* NULL: nobody can make any */
    struct metric_sheet *metrics;        /* NULL: nothing is counted */
    struct realm_http_gate *gate;        /* of the diagnostics */
    struct realm_publishers *publishers; /* NULL: PublishRate is for sessions alone */
    struct rng *rng;
    size_t event_bytes; /* of one body */
    struct span date;   /* for a Date field; empty: none */
    msec now;
    struct realm_login *login; /* NULL: nothing is served that depends on who asks */
    enum realm_login_verdict
        login_verdict; /* counts with has_login: REALM_HTTP_LOGIN was done */
    bool has_login;
    enum realm_host_way way; /* how the request came in */
    bool is_full;            /* SessionsMax is reached: every request is told so */
    bool is_draining;        /* no new sessions; every request is the last on its connection */
};

struct realm_http_verdict {
    enum realm_http_action action;
    uint16_t status;
    struct span method; /* borrowed from the head, as are the next three; empty when
                           the request could not be read */
    struct span target;
    struct span origin;              /* empty: none was sent */
    struct span agent;               /* User-Agent */
    bool is_foreign;                 /* refused for its Origin or its Host: `why` says which
                                        line to add */
    bool keeps;                      /* the connection may be used for another request */
    bool wants_continue;             /* PUBLISH, CHANGE, MEASURE: 100 Continue is awaited */
    bool is_diagnostic;              /* counts against DiagnosticsMax as long as it runs */
    enum realm_carrier_kind carrier; /* of a session */
    struct sockjs_path sockjs;       /* RECEIVE, SEND: borrowed from the head */
    struct http1_body body;          /* PUBLISH, CHANGE, RECEIVE, SEND, MEASURE: how it ends */
    uint64_t body_max;               /* bytes */
    struct realm_http_drip drip;     /* DRIP */
    msec silence_ms;                 /* SILENCE */
    char why[REALM_HTTP_WHY_BYTES];  /* a refusal's sentence for the log; else empty */
};

/**
 * Reads on, moving *input, and judges the request once it is complete or refused: then what is
 * to be sent is appended to `out`. What is behind the head is left in *input.
 *
 * Returns OK         *ret_verdict is set; spans in it live as long as the head
 *         ERR_AGAIN  *input is empty and the request is not complete
 *         ERR_NOMEM, ERR_LIMIT  `out` is as it was
 */
must_check enum err realm_http_next(const struct realm_http_env *env, struct http1_head *head,
                                    struct span *input, struct buf *out,
                                    struct realm_http_verdict *ret_verdict);

/** After REALM_HTTP_LOGIN, with env->has_login. Errors as above. */
must_check enum err realm_http_judge_again(const struct realm_http_env *env,
                                           const struct http1_head *head, struct buf *out,
                                           struct realm_http_verdict *ret_verdict);

/** Refuses a request whose head has begun and does not come whole. The connection ends behind
 *  the answer. ERR_NOMEM, ERR_LIMIT. */
must_check enum err realm_http_refuse_late(const struct realm_http_env *env,
                                           const struct http1_head *head, struct buf *out,
                                           struct realm_http_verdict *ret_verdict);

/** Refuses a request whose body cannot be read: malformed, or over verdict->body_max. The
 *  connection ends behind the answer. ERR_NOMEM, ERR_LIMIT. */
must_check enum err realm_http_refuse_body(const struct realm_http_env *env,
                                           const struct http1_head *head, uint16_t status,
                                           const char *why, struct buf *out,
                                           struct realm_http_verdict *verdict);
