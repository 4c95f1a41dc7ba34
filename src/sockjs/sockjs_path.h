/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What a path below a SockJS base URL asks for (SockJS protocol 0.3.3):
 *
 *    ""  "/"                          the greeting
 *    /info                            what the server can
 *    /iframe*.html                    a page for transports without CORS
 *    /websocket                       WebSocket without SockJS's framing
 *    /<server>/<session>/<transport>  a session
 *
 * htmlfile and jsonp, for browsers of before 2012, are not spoken.
 */
#pragma once

#include "base/span.h"

enum sockjs_path_kind {
    SOCKJS_PATH_NONE, /* 404 */
    SOCKJS_PATH_GREETING,
    SOCKJS_PATH_INFO,
    SOCKJS_PATH_IFRAME,
    SOCKJS_PATH_RAW_WEBSOCKET,
    SOCKJS_PATH_WEBSOCKET, /* this and the rest have a session */
    SOCKJS_PATH_XHR,
    SOCKJS_PATH_XHR_STREAMING,
    SOCKJS_PATH_EVENTSOURCE,
    SOCKJS_PATH_XHR_SEND,
};

enum {
    SOCKJS_PATH_SESSION_MAX = 128 /* bytes of a session's name; longer ones are 404 */
};

struct sockjs_path {
    enum sockjs_path_kind kind;
    struct span session; /* borrowed from the path; as it came, with its % and all */
};

/** `path` is what stands behind the base URL, without the query. */
struct sockjs_path sockjs_path_read(struct span path);

/** "GET", "POST"; besides OPTIONS and, where it is GET, HEAD. Static storage. Not for NONE. */
const char *sockjs_path_method(enum sockjs_path_kind kind);

/** "xhr_streaming", for logs. Static storage. */
const char *sockjs_path_name(enum sockjs_path_kind kind);
