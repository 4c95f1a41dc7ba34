/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What a session of STOMP can be carried by.
 */
#pragma once

#include <stdbool.h>

enum realm_carrier_kind {
    REALM_CARRIER_WS,          /* WebSocket: a message is a frame */
    REALM_CARRIER_WS_DEFLATE,  /* the same with permessage-deflate, RFC 7692 */
    REALM_CARRIER_SOCKJS_WS,   /* SockJS's frames in WebSocket messages */
    REALM_CARRIER_XHR,         /* in lines of HTTP answers: xhr and xhr_streaming */
    REALM_CARRIER_EVENTSOURCE, /* in an event stream */
    REALM_CARRIER_KINDS,
};

/** Whether it is one WebSocket connection from its beginning to its end. */
static inline bool realm_carrier_kind_is_ws(enum realm_carrier_kind kind)
{
    return kind <= REALM_CARRIER_SOCKJS_WS;
}

/** Whether messages are wrapped as SockJS has it. */
static inline bool realm_carrier_kind_is_sockjs(enum realm_carrier_kind kind)
{
    return kind >= REALM_CARRIER_SOCKJS_WS;
}

/** For logs and status: "ws", "ws deflate", "http sockjs xhr". Static storage. */
static inline const char *realm_carrier_kind_name(enum realm_carrier_kind kind)
{
    static const char *const names[REALM_CARRIER_KINDS] = {
        [REALM_CARRIER_WS] = "ws",
        [REALM_CARRIER_WS_DEFLATE] = "ws deflate",
        [REALM_CARRIER_SOCKJS_WS] = "ws sockjs",
        [REALM_CARRIER_XHR] = "http sockjs xhr",
        [REALM_CARRIER_EVENTSOURCE] = "http sockjs eventsource",
    };

    return names[kind];
}
