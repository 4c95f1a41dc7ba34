/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What a SockJS client says: a JSON array of strings or, over WebSocket, one string; nothing
 * else is JSON here (RFC 8259). The whole body stands before it is read, and it is checked to
 * its end before its first message comes out, so a broken one changes nothing.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"

struct sockjs_messages {
    struct span rest; /* borrowed from the body; the module's own */
};

/** ERR_PROTO: it is no array of strings, nor a string. An empty array has no messages. */
must_check enum err sockjs_messages_begin(struct sockjs_messages *messages, struct span body);

/**
 * The next message, as UTF-8, appended to `out`. Half a surrogate pair, which UTF-8 cannot say,
 * becomes U+FFFD.
 *
 * Returns OK
 *         ERR_AGAIN  there are no more
 *         ERR_NOMEM, ERR_LIMIT  of `out`, which may have got a part of it
 */
must_check enum err sockjs_messages_next(struct sockjs_messages *messages, struct buf *out);

/** All messages of a body, one behind the other, appended to `out`. ERR_PROTO: it is none;
 *  ERR_NOMEM, ERR_LIMIT: of `out`, which may have got a part of it. */
must_check enum err sockjs_messages_text(struct span body, struct buf *out);
