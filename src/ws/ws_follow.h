/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Follows a WebSocket connection from outside: sees the bytes of both sides pass, changes
 * nothing, keeps nothing but counts. For a proxy that wants to say in its log what went through
 * a tunnel.
 *
 *    request ──▶ answer ──▶ frames        and from anywhere to lost
 *     heads are read with http1_head,     only the heads of frames are looked at, payload is
 *     that memory is gone afterwards      skipped however long it is
 *
 * It may lose the thread: because this is no WebSocket, because a side broke the protocol, or
 * for want of memory. Then the counts stop where they are and nothing else happens: whoever
 * relays the bytes goes on. Nothing here fails.
 *
 * The result does not depend on how each side's bytes are cut.
 */
#pragma once

#include "http1/http1_fields.h"
#include "ws/ws_frame.h"

struct ws_follow_opening;

enum {
    WS_FOLLOW_PATH_MAX = 1024,    /* bytes of a path that are kept; the rest is left out */
    WS_FOLLOW_PROTOCOL_MAX = 256, /* the same of the offered or the chosen subprotocol */
};

enum ws_follow_state {
    WS_FOLLOW_REQUEST, /* the client's handshake is not complete */
    WS_FOLLOW_ANSWER,  /* it asked for WebSocket; the server's 101 is not complete */
    WS_FOLLOW_FRAMES,
    WS_FOLLOW_LOST, /* ws_follow_loss says why */
    WS_FOLLOW_STATES,
};

enum ws_follow_loss {
    WS_FOLLOW_LOSS_NONE,
    WS_FOLLOW_LOSS_NOT_HTTP,   /* the client did not send an HTTP/1 request */
    WS_FOLLOW_LOSS_NO_UPGRADE, /* it did, but did not ask for WebSocket */
    WS_FOLLOW_LOSS_REFUSED,    /* the server answered, but not 101: see status */
    WS_FOLLOW_LOSS_ANSWER,     /* its answer is no HTTP, or a 101 that no client would take */
    WS_FOLLOW_LOSS_FRAME,      /* a frame that breaks RFC 6455: see fault */
    WS_FOLLOW_LOSS_NOMEM,
};

/** What one side has sent. */
struct ws_follow_way {
    uint64_t messages;      /* complete ones, text and binary */
    uint64_t payload_bytes; /* of messages, as on the wire (compressed when they are) */
    uint64_t skip;          /* payload of the frame in hand that is still to pass */
    uint32_t controls;      /* pings and pongs */

    /* ws_follow.c's alone. */
    uint8_t head_len;
    uint8_t head[WS_FRAME_HEAD_MAX]; /* what has arrived of a head, or of the code behind it */
    bool fin;                        /* the frame in hand is a message's last one */
    bool is_control;                 /* the frame in hand is no part of a message */
    bool in_message;                 /* a message has begun and not ended */
    bool has_rsv;                    /* a reserved bit was set: only with an extension */
    bool has_closed;                 /* a Close frame was sent; nothing counts behind it */
};

/* Visible so that it can be embedded; to be read by anyone, changed by ws_follow.c alone. */
struct ws_follow {
    struct ws_follow_way ways[2]; /* by the sender: [WS_CLIENT], [WS_SERVER] */
    char *path;                   /* owned; "/chat?room=1"; NULL before the request was read */
    char *protocol; /* owned; what the server chose; before its answer, and if it chose none,
                       what the client offered. NULL: nothing */
    struct ws_follow_opening *opening; /* owned; NULL but in REQUEST and ANSWER */
    uint16_t status;                   /* of the server's answer; 0: none yet */
    uint16_t close_code; /* of the first Close frame; WS_CLOSE_NO_STATUS: it had none. 0: there
                            was no Close frame */
    uint8_t reason_len;  /* bytes of that frame's reason */
    uint8_t closer;      /* enum ws_role: who sent it; valid when close_code is not 0 */
    uint8_t state;       /* enum ws_follow_state */
    uint8_t loss;        /* enum ws_follow_loss, when LOST */
    uint8_t fault;       /* enum ws_fault, with WS_FOLLOW_LOSS_FRAME */
    bool has_chosen;     /* `protocol` is the server's choice */
    bool has_deflate;    /* permessage-deflate was negotiated: RFC 7692 */
    bool has_extension;  /* that or any other */
};

/** From the first byte of both sides on. Takes no memory yet. */
void ws_follow_init(struct ws_follow *follow);

/** From the first frame on, for whoever has seen the handshake elsewhere. The path is copied;
 *  `answer` are the fields of the 101. */
void ws_follow_init_open(struct ws_follow *follow, struct span path,
                         struct http1_fields answer);

void ws_follow_fini(struct ws_follow *follow);

/** The next bytes that `sender` sent. */
void ws_follow_bytes(struct ws_follow *follow, enum ws_role sender, struct span bytes);

/** The subprotocol that is spoken; empty: none, or not known yet. */
struct span ws_follow_protocol(const struct ws_follow *follow);

/** For the log, behind "not followed: ". Static storage; empty while it is not lost. */
const char *ws_follow_why(const struct ws_follow *follow);
