/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What a SockJS server says: o, h, a["message"], c[3000,"Go away!"], in the wrapping of the
 * carrier that takes it there:
 *
 *    WebSocket         a["x"]                     the payload of a text message
 *    xhr, streaming    a["x"] LF
 *    eventsource       data: a["x"] CR LF CR LF
 */
#pragma once

#include "base/buf.h"

enum sockjs_frame_carrier {
    SOCKJS_FRAME_WEBSOCKET,
    SOCKJS_FRAME_XHR,
    SOCKJS_FRAME_EVENTSOURCE,
};

enum {
    SOCKJS_FRAME_GO_AWAY = 3000,     /* "Go away!": the session has ended */
    SOCKJS_FRAME_INTERRUPTED = 1002, /* "Connection interrupted" */
    SOCKJS_FRAME_OCCUPIED = 2010,    /* "Another connection still open" */
    SOCKJS_FRAME_PRELUDE_BYTES = 2048,
    /* A message of n bytes takes at most n * SOCKJS_FRAME_ESCAPED_MAX and so many more. */
    SOCKJS_FRAME_ESCAPED_MAX = 6,
    SOCKJS_FRAME_WRAP_BYTES = 16,
};

/* All of them append to `out`, or leave it as it was: ERR_NOMEM, ERR_LIMIT. */

/** What goes before the first frame of an answer: 2 KiB that make browsers begin to read a
 * stream, a line end for eventsource; nothing for WebSocket. `xhr` (polling) has none: not to
 * be called for it. */
must_check enum err sockjs_frame_put_prelude(enum sockjs_frame_carrier carrier,
                                             struct buf *out);

must_check enum err sockjs_frame_put_open(enum sockjs_frame_carrier carrier, struct buf *out);
must_check enum err sockjs_frame_put_heartbeat(enum sockjs_frame_carrier carrier,
                                               struct buf *out);

/** The reason is text of ours: no character in it needs escaping. */
must_check enum err sockjs_frame_put_close(enum sockjs_frame_carrier carrier, unsigned code,
                                           const char *reason, struct buf *out);

/** One message. It must be UTF-8: the caller vouches for it. */
must_check enum err sockjs_frame_put_message(enum sockjs_frame_carrier carrier,
                                             struct span message, struct buf *out);
