/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What is below /sockjs, judged from the head: SockJS's protocol 0.3.3, doc/sockjs.md. For the
 * realm_http files, and for realm_conn, which has the sessions.
 *
 *    greeting, info, iframe, OPTIONS     answered here
 *    websocket                           a session that begins with a 101
 *    xhr, xhr_streaming, eventsource     REALM_HTTP_RECEIVE: then realm_http_sockjs_begin()
 *    xhr_send                            REALM_HTTP_SEND: then realm_http_sockjs_give()
 */
#pragma once

#include "realm/realm_http_question.h"

enum {
    REALM_HTTP_SOCKJS_RECEIVE_BYTES = 64 * 1024 /* of a body that says nothing */
};

/** Whether the path is below the base URL. */
bool realm_http_sockjs_has(struct span path);

/** What may be asked by anybody. False in *ret_is_answered: realm_http_sockjs_enter() once it
 * is known who asks. Errors of these as buf_append(): then `out` is as it was. */
must_check enum err realm_http_sockjs_judge(struct realm_http_question *question,
                                            bool *ret_is_answered);

/** What belongs to a session. */
must_check enum err realm_http_sockjs_enter(struct realm_http_question *question);

/** The head of a receiver's answer, and what goes before its first frame. `chunks`: the body
 *  must come in chunks; else it ends with the connection. */
must_check enum err realm_http_sockjs_begin(const struct realm_http_env *env,
                                            const struct http1_head *head, struct buf *out,
                                            struct realm_http_verdict *verdict,
                                            bool *ret_chunks);

/** An answer to REALM_HTTP_SEND or REALM_HTTP_RECEIVE: 204, or a refusal with its text. */
must_check enum err realm_http_sockjs_give(const struct realm_http_env *env,
                                           const struct http1_head *head, uint16_t status,
                                           const char *text, struct buf *out,
                                           struct realm_http_verdict *verdict);
