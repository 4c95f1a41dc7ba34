/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "ws/ws_follow_opening.h"

#include "http1/http1_head.h"
#include "ws/ws_handshake.h"

#include <stdlib.h>

/* The endpoints have limits of their own; these bound what we remember meanwhile. */
static const struct http1_limits head_limits = {
    .line_bytes = 8192,
    .field_bytes = 8192,
    .field_count = 100,
    .head_bytes = 16384,
};

struct ws_follow_opening {
    struct http1_head request; /* given back but for what is to be compared, when read */
    struct http1_head answer;
};

enum err ws_follow_opening_new(struct ws_follow_opening **ret_opening)
{
    struct ws_follow_opening *opening = calloc(1, sizeof *opening);

    if (opening == NULL) {
        return ERR_NOMEM;
    }
    http1_head_init(&opening->request, HTTP1_REQUEST, &head_limits);
    http1_head_init(&opening->answer, HTTP1_RESPONSE, &head_limits);
    *ret_opening = opening;
    return OK;
}

void ws_follow_opening_free(struct ws_follow_opening *opening)
{
    if (opening == NULL) {
        return;
    }
    http1_head_fini(&opening->request);
    http1_head_fini(&opening->answer);
    free(opening);
}

/* Only what tells WebSocket from other HTTP: how good the handshake is, the server will say. */
static bool asks_for_websocket(const struct http1_head *head)
{
    return span_equals(head->method, "GET") && head->version_minor >= 1 &&
           http1_fields_has_token(head->fields, SPAN("Upgrade"), SPAN("websocket")) &&
           http1_fields_find(head->fields, SPAN("Sec-WebSocket-Key")) != NULL;
}

enum err ws_follow_opening_request(struct ws_follow_opening *opening, struct span *input,
                                   enum ws_follow_loss *ret_loss)
{
    enum err e = http1_head_next(&opening->request, input);

    if (e == ERR_AGAIN || e == ERR_NOMEM) {
        return e;
    }
    if (e != OK) {
        *ret_loss = WS_FOLLOW_LOSS_NOT_HTTP;
    } else if (!asks_for_websocket(&opening->request)) {
        *ret_loss = WS_FOLLOW_LOSS_NO_UPGRADE;
    } else {
        *ret_loss = WS_FOLLOW_LOSS_NONE;
    }
    return OK;
}

/* RFC 6455 4.1: the accept key belongs to the key that was sent. It also tells RFC 6455 from
 * the drafts before it, whose frames are not ours to follow. */
static enum err check_accept(const struct ws_follow_opening *opening, bool *ret_is_right)
{
    const struct http1_field *key =
        http1_fields_find(opening->request.fields, SPAN("Sec-WebSocket-Key"));
    const struct http1_field *accept =
        http1_fields_find(opening->answer.fields, SPAN("Sec-WebSocket-Accept"));
    char expected[WS_HANDSHAKE_ACCEPT_CHARS + 1];

    if (key->value.len != WS_HANDSHAKE_KEY_CHARS || accept == NULL) {
        *ret_is_right = false;
        return OK;
    }
    TRY(ws_handshake_accept_key(key->value, expected));
    *ret_is_right = span_equals(accept->value, expected);
    return OK;
}

static enum err judge_answer(const struct ws_follow_opening *opening,
                             enum ws_follow_loss *ret_loss)
{
    const struct http1_head *answer = &opening->answer;
    bool is_right = false;

    if (answer->status != 101) {
        *ret_loss = WS_FOLLOW_LOSS_REFUSED;
        return OK;
    }
    if (http1_fields_has_token(answer->fields, SPAN("Upgrade"), SPAN("websocket"))) {
        TRY(check_accept(opening, &is_right));
    }
    *ret_loss = is_right ? WS_FOLLOW_LOSS_NONE : WS_FOLLOW_LOSS_ANSWER;
    return OK;
}

enum err ws_follow_opening_answer(struct ws_follow_opening *opening, struct span *input,
                                  enum ws_follow_loss *ret_loss)
{
    for (;;) {
        enum err e = http1_head_next(&opening->answer, input);

        if (e == ERR_AGAIN || e == ERR_NOMEM) {
            return e;
        }
        if (e != OK) {
            *ret_loss = WS_FOLLOW_LOSS_ANSWER;
            return OK;
        }
        /* RFC 9110 15.2: "A client MUST be able to parse one or more 1xx responses received
         * prior to a final response"; 101 is the last thing that HTTP says. */
        if (opening->answer.status >= 200 || opening->answer.status == 101) {
            return judge_answer(opening, ret_loss);
        }
        http1_head_fini(&opening->answer);
        http1_head_init(&opening->answer, HTTP1_RESPONSE, &head_limits);
    }
}

struct span ws_follow_opening_path(const struct ws_follow_opening *opening)
{
    return opening->request.target;
}

enum err ws_follow_opening_offered(const struct ws_follow_opening *opening,
                                   char **ret_protocols)
{
    struct http1_fields_list list =
        http1_fields_list(opening->request.fields, SPAN("Sec-WebSocket-Protocol"));
    char text[WS_FOLLOW_PROTOCOL_MAX + 1];
    size_t len = 0;
    struct span item;
    char *copy = NULL;

    while (http1_fields_list_next(&list, &item)) {
        size_t comma = len == 0 ? 0 : 2;

        if (item.len > WS_FOLLOW_PROTOCOL_MAX - len || len + comma + item.len >= sizeof text) {
            break;
        }
        memcpy(text + len, ", ", comma);
        memcpy(text + len + comma, item.ptr, item.len);
        len += comma + item.len;
    }
    if (len > 0) {
        copy = strndup(text, len);
        if (copy == NULL) {
            return ERR_NOMEM;
        }
    }
    *ret_protocols = copy;
    return OK;
}

uint16_t ws_follow_opening_status(const struct ws_follow_opening *opening)
{
    return opening->answer.status;
}

struct http1_fields ws_follow_opening_fields(const struct ws_follow_opening *opening)
{
    return opening->answer.fields;
}

struct span ws_follow_opening_chosen(struct http1_fields fields)
{
    const struct http1_field *chosen =
        http1_fields_find(fields, SPAN("Sec-WebSocket-Protocol"));

    return chosen == NULL ? SPAN("") : chosen->value;
}

struct ws_follow_opening_extensions ws_follow_opening_extensions(struct http1_fields fields)
{
    struct http1_fields_list list = http1_fields_list(fields, SPAN("Sec-WebSocket-Extensions"));
    struct ws_follow_opening_extensions extensions = {0};
    struct span item;

    while (http1_fields_list_next(&list, &item)) {
        /* RFC 6455 9.1: extension = extension-token *( ";" extension-param ) */
        extensions.any = true;
        if (span_equals_nocase(span_trim(span_head(item, span_find(item, ';'))),
                               "permessage-deflate")) {
            extensions.deflate = true;
        }
    }
    return extensions;
}
