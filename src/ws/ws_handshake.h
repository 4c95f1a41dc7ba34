/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The opening handshake, RFC 6455 section 4, both roles. It judges HTTP messages that someone
 * else has parsed: the caller hands in the first line's facts and then every header field, in
 * order, and asks for the verdict. Who may connect (Origin, path, credentials) is decided
 * elsewhere. The server's side can take permessage-deflate (ws_deflate.h); no other extension
 * is offered or taken.
 *
 *    server   request_init, request_field ..., request_check   put_switch or put_refusal
 *    client   put_request   answer_status, answer_field ..., answer_check
 */
#pragma once

#include "base/buf.h"
#include "base/rng.h"
#include "ws/ws_deflate.h"

/* clang-format off */
/*    name                             status  RFC 6455  what the peer did                         */
#define WS_HANDSHAKE_FAULTS(X)                                                                        \
    X(WS_HANDSHAKE_FAULT_NONE,         101,    "4",      "made a proper handshake")                   \
    /* the client's, in the order they are looked for */                                              \
    X(WS_HANDSHAKE_FAULT_METHOD,       405,    "4.1",    "asked with another method than GET")        \
    X(WS_HANDSHAKE_FAULT_HTTP,         400,    "4.2.1",  "asked in an HTTP older than 1.1")           \
    X(WS_HANDSHAKE_FAULT_UPGRADE,      426,    "4.2.1",  "did not ask for an upgrade to websocket")   \
    X(WS_HANDSHAKE_FAULT_CONNECTION,   400,    "4.2.1",  "sent no Connection: Upgrade")               \
    X(WS_HANDSHAKE_FAULT_REPEATED,     400,    "11.3",   "repeated a field that may come once")       \
    X(WS_HANDSHAKE_FAULT_HOST,         400,    "4.2.1",  "sent no Host")                              \
    X(WS_HANDSHAKE_FAULT_VERSION,      426,    "4.4",    "did not ask for version 13")                \
    X(WS_HANDSHAKE_FAULT_KEY,          400,    "4.2.1",  "sent no Sec-WebSocket-Key of 16 bytes")     \
    X(WS_HANDSHAKE_FAULT_LIST,         400,    "4.1",    "sent a list of subprotocols that is none")  \
    /* the server's; the status is not for sending */                                                 \
    X(WS_HANDSHAKE_FAULT_REFUSED,      0,      "4.1",    "answered with another status than 101")     \
    X(WS_HANDSHAKE_FAULT_NO_UPGRADE,   0,      "4.1",    "answered without Upgrade: websocket")       \
    X(WS_HANDSHAKE_FAULT_NO_CONNECT,   0,      "4.1",    "answered without Connection: Upgrade")      \
    X(WS_HANDSHAKE_FAULT_TWICE,        0,      "11.3",   "repeated a field that may come once")       \
    X(WS_HANDSHAKE_FAULT_ACCEPT,       0,      "4.1",    "answered with a wrong Sec-WebSocket-Accept") \
    X(WS_HANDSHAKE_FAULT_EXTENSION,    0,      "4.1",    "chose an extension that was not offered")   \
    X(WS_HANDSHAKE_FAULT_PROTOCOL,     0,      "4.1",    "chose a subprotocol that was not offered")
/* clang-format on */

#define X(name, status, section, did) name,
enum ws_handshake_fault {
    WS_HANDSHAKE_FAULTS(X)
};
#undef X

/** The HTTP status for the refusal; 0 for a server's fault, 101 for none. */
unsigned ws_handshake_fault_status(enum ws_handshake_fault fault);

/** For the log, behind "peer ". Static storage. */
const char *ws_handshake_fault_text(enum ws_handshake_fault fault);

enum {
    WS_HANDSHAKE_KEY_CHARS = 24,    /* base64 of 16 bytes */
    WS_HANDSHAKE_ACCEPT_CHARS = 28, /* base64 of a SHA-1 */
};

/** What Sec-WebSocket-Accept must be for that Sec-WebSocket-Key, with a final zero. Section
 *  4.2.2. ERR_NOMEM. */
must_check enum err ws_handshake_accept_key(struct span key,
                                            char ret_accept[WS_HANDSHAKE_ACCEPT_CHARS + 1]);

/** A list of subprotocols, best first. */
struct ws_handshake_protocols {
    const struct span *ptr; /* borrowed */
    size_t count;
};

/*
 * The server's side.
 */

struct ws_handshake_request {
    struct span protocol; /* the one to be spoken, one of ours; empty: none in common */
    bool takes_deflate;   /* to be set by the caller, before the first field */
    struct ws_deflate_offer deflate; /* is_taken: the 101 says that it is spoken */

    /* ws_handshake.c's alone. Spans are borrowed from the fields. */
    struct ws_handshake_protocols supported;
    bool is_get, is_http11;
    bool has_upgrade, has_connection, is_repeated, is_bad_list;
    struct span host, key, version;
};

/** `is_http11`: the request's version is 1.1 or later. `supported` outlives the request; of
 *  the subprotocols that the client lists, the first that is in it is chosen. */
void ws_handshake_request_init(struct ws_handshake_request *request, struct span method,
                               bool is_http11, struct ws_handshake_protocols supported);

/** To be called for every header field; others are skipped. Their bytes are borrowed until
 *  the last call on the request. */
void ws_handshake_request_field(struct ws_handshake_request *request, struct span name,
                                struct span value);

/** The verdict, after the last field. */
enum ws_handshake_fault ws_handshake_request_check(const struct ws_handshake_request *request);

/** Write the head of the 101 that answers a request without fault. `extra` is more header
 *  lines, each with its CRLF. ERR_NOMEM, ERR_LIMIT: `out` is as it was. */
must_check enum err ws_handshake_put_switch(const struct ws_handshake_request *request,
                                            struct span extra, struct buf *out);

/** Write the whole answer to a request with that fault; the stream is to be closed behind it.
 *  Errors as above. */
must_check enum err ws_handshake_put_refusal(enum ws_handshake_fault fault, struct buf *out);

/*
 * The client's side.
 */

struct ws_handshake_target {
    struct span host;   /* "example.com:9000": with a port unless it is the scheme's own */
    struct span path;   /* "/chat?room=1" */
    struct span origin; /* empty: none is sent */
    struct ws_handshake_protocols protocols;
    struct span extra; /* more header lines, each with its CRLF */
};

struct ws_handshake_answer {
    struct span protocol; /* what the server chose, one of ours; empty: none */

    /* ws_handshake.c's alone. Spans are borrowed. */
    char key[WS_HANDSHAKE_KEY_CHARS + 1]; /* what we sent */
    struct ws_handshake_protocols offered;
    unsigned status;
    bool has_upgrade, has_connection, has_extension, has_protocol, is_repeated;
    struct span accept;
};

/**
 * Write the request, with a fresh key out of *rng, and make *ret_answer ready to judge what
 * comes back; the target's protocols must live as long.
 *
 * Returns OK, ERR_NOMEM or ERR_LIMIT (`out` is as it was), or ERR_CONF: host, path, origin or a
 * protocol has characters that would make it another request.
 */
must_check enum err ws_handshake_put_request(const struct ws_handshake_target *target,
                                             struct rng *rng, struct buf *out,
                                             struct ws_handshake_answer *ret_answer);

/** The answer's first line. */
void ws_handshake_answer_status(struct ws_handshake_answer *answer, unsigned status);

/** As ws_handshake_request_field(). */
void ws_handshake_answer_field(struct ws_handshake_answer *answer, struct span name,
                               struct span value);

/** The verdict, after the last field. ERR_NOMEM; *ret_fault is set on OK. */
must_check enum err ws_handshake_answer_check(const struct ws_handshake_answer *answer,
                                              enum ws_handshake_fault *ret_fault);
