/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The access log: one line for each request, when it is over, in every CustomLog. A worker has
 * its own, with a bounded buffer for each file that is written at the end of the loop's turn:
 * whole lines only, at most 4096 bytes at once to what is not a regular file, so that the
 * workers' lines never mix.
 *
 * A file that takes nothing (a full disk, a pipe that nobody reads) is tried again a few times
 * a second; meanwhile lines wait in the buffer, and are dropped and counted when it is full.
 * The error log says when a write fails, when lines are lost and when all is well again.
 *
 * Files are daemon/logfile's, one for all workers; a file may be exchanged behind its
 * descriptor at any time.
 */
#pragma once

#include "base/log.h"
#include "io/addr.h"
#include "io/loop.h"
#include "proxy/proxy_accesslog_conf.h"
#include "proxy/proxy_logformat.h"

enum proxy_accesslog_closer {
    PROXY_ACCESSLOG_CLIENT,
    PROXY_ACCESSLOG_SERVER,
    PROXY_ACCESSLOG_PROXY, /* we refused, timed out or stopped */
};

/** What proxy_follow knows of a WebSocket in a tunnel. */
struct proxy_accesslog_ws {
    bool is_known; /* it is one, and the rest is filled in */
    bool has_deflate;
    bool has_closer;                    /* there was a Close frame */
    enum proxy_accesslog_closer closer; /* who sent it first */
    uint16_t close_code;                /* 1005: it had none */
    struct span path;
    struct span protocol; /* empty: none */
    uint64_t messages_up, messages_down;
    uint64_t bytes_up, bytes_down; /* payload */
    const char *lost; /* why it could not be followed to its end; NULL or "": it was */
};

/** Zero and empty stand for what is not known. Bytes of a peer come as they were sent: they are
 *  escaped when they are written. Everything is borrowed for the call. */
struct proxy_accesslog_entry {
    /* who */
    struct addr client;
    struct addr local;       /* our address that it came to */
    struct span client_name; /* when it was looked up */
    struct span user;        /* when there was a login */

    /* what */
    struct span request;                /* "CONNECT realm:9000 HTTP/1.1" */
    struct http1_fields request_fields; /* of the head, or of a proxy_logformat_kept */
    struct http1_fields answer_fields;
    struct span server_name; /* ServerName */
    uint64_t earlier_count;  /* requests before this one on the same connection */

    /* the answer */
    uint16_t status;
    uint64_t body_bytes;    /* %b: of the answer's body; of a tunnel, down_bytes are taken */
    uint64_t head_in_bytes; /* besides body and tunnel, for %I and %O */
    uint64_t head_out_bytes;
    uint64_t body_in_bytes; /* of the request's body */
    uint64_t duration_ms;
    bool keeps_alive; /* the connection goes on */

    /* where to, and how it ended */
    struct addr upstream; /* the address that was dialled */
    struct span parent;   /* "proxy.test:3128": the ProxyRemote that was used */
    struct addr diverted; /* where the client was going when it was diverted to us */
    struct span sni;      /* the name in a diverted ClientHello */
    struct span alpn;     /* the protocols in it: "h2,http/1.1" */
    enum proxy_accesslog_closer closer;
    struct span why;   /* a sentence */
    struct span error; /* Proxy-Status type: RFC 9209 section 2.3 */

    /* the tunnel */
    struct span tunnel; /* proxy_sniff_class_name(); empty: there was none */
    uint64_t up_bytes;
    uint64_t down_bytes;
    struct proxy_accesslog_ws ws;
};

struct proxy_accesslog;

/**
 * One worker's logs. `conf` is borrowed for its life; fds[i] belongs to conf->logs[i] and is
 * borrowed too. What is wrong with a file later is said in `log`.
 *
 * Returns OK, or ERR_NOMEM. (The formats were checked with the configuration.)
 */
must_check enum err proxy_accesslog_new(const struct proxy_accesslog_conf *conf, const int *fds,
                                        struct loop *loop, const struct log *log,
                                        struct proxy_accesslog **ret_accesslog);

/** Writes what waits, as far as that can be done at once; the error log says how many lines
 *  could not be. Takes NULL. */
void proxy_accesslog_free(struct proxy_accesslog *accesslog);

/** One line in every log. Not written before the turn ends. */
void proxy_accesslog_add(struct proxy_accesslog *accesslog,
                         const struct proxy_accesslog_entry *entry);

/** The fields of requests that some format asks for: for proxy_logformat_keep(). */
const struct proxy_logformat_names *proxy_accesslog_names(
    const struct proxy_accesslog *accesslog);

/** Lines that were lost so far, for metrics. */
uint64_t proxy_accesslog_lost(const struct proxy_accesslog *accesslog);
