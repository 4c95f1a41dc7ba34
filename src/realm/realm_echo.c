/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_echo.h"

void realm_echo_init(struct realm_echo *echo, size_t message_bytes_max)
{
    *echo = (struct realm_echo){.count = 0};
    buf_init(&echo->message, message_bytes_max);
}

void realm_echo_fini(struct realm_echo *echo)
{
    buf_fini(&echo->message);
}

static enum err send_back(struct realm_echo *echo, struct ws_conn *ws)
{
    enum err e = ws_conn_put_message(ws, echo->opcode, buf_span(&echo->message));

    buf_fini(&echo->message);
    if (e == ERR_CLOSED) {
        return OK; /* our Close is on its way already */
    }
    echo->count += e == OK;
    return e;
}

enum err realm_echo_take(struct realm_echo *echo, struct ws_conn *ws,
                         const struct ws_conn_piece *piece)
{
    switch (piece->type) {
    case WS_CONN_BEGIN: echo->opcode = piece->opcode; return OK;
    case WS_CONN_DATA: return buf_append(&echo->message, piece->data);
    case WS_CONN_END: return send_back(echo, ws);
    case WS_CONN_CLOSED: break;
    }
    return OK;
}
