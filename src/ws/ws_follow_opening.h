/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The handshake as somebody sees it who stands between client and server: reads both heads out
 * of the passing bytes and says whether they open a WebSocket. Part of ws_follow, which throws
 * it away afterwards.
 */
#pragma once

#include "base/err.h"
#include "http1/http1_fields.h"
#include "ws/ws_follow.h"

/** What a 101 says about extensions. */
struct ws_follow_opening_extensions {
    bool any;
    bool deflate; /* permessage-deflate: RFC 7692 */
};

/** ERR_NOMEM. */
must_check enum err ws_follow_opening_new(struct ws_follow_opening **ret_opening);

/** Takes NULL. */
void ws_follow_opening_free(struct ws_follow_opening *opening);

/**
 * The client's bytes; moves *input behind what belongs to the head.
 *
 * Returns OK: the head is complete, and *ret_loss is WS_FOLLOW_LOSS_NONE or says why it opens
 * no WebSocket. ERR_AGAIN: it is not complete, *input is empty. ERR_NOMEM.
 */
must_check enum err ws_follow_opening_request(struct ws_follow_opening *opening,
                                              struct span *input,
                                              enum ws_follow_loss *ret_loss);

/** The server's, in the same way; interim answers (RFC 9110 section 15.2) are passed over. */
must_check enum err ws_follow_opening_answer(struct ws_follow_opening *opening,
                                             struct span *input, enum ws_follow_loss *ret_loss);

/** After the request: borrowed from the opening. */
struct span ws_follow_opening_path(const struct ws_follow_opening *opening);

/** After the request: "a, b", in a copy that is the caller's; NULL when none is offered. It has
 *  at most WS_FOLLOW_PROTOCOL_MAX bytes: whole names only. ERR_NOMEM. */
must_check enum err ws_follow_opening_offered(const struct ws_follow_opening *opening,
                                              char **ret_protocols);

/** After the answer: what it says. */
uint16_t ws_follow_opening_status(const struct ws_follow_opening *opening);
struct http1_fields ws_follow_opening_fields(const struct ws_follow_opening *opening);

/* In the fields of a 101: */

/** The subprotocol; empty: none. */
struct span ws_follow_opening_chosen(struct http1_fields fields);

struct ws_follow_opening_extensions ws_follow_opening_extensions(struct http1_fields fields);
