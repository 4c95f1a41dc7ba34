/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_status.h"

#include "base/json.h"
#include "realm/realm_channels.h"
#include "realm/realm_conn_life.h"

#include <inttypes.h>

enum {
    CHANNELS_MAX = 100 /* the HTTP API pages through all */
};

static void describe(const struct realm_conn *conn, struct realm_status_session *ret_row)
{
    const struct realm_session *session = conn->session;
    bool is_stomp = session->kind == REALM_SESSION_STOMP;

    *ret_row = (struct realm_status_session){
        .id = conn->id,
        .client = conn->peer,
        .kind = is_stomp ? "stomp" : "echo",
        .is_tls = conn->is_tls,
        .subscriptions = is_stomp ? map_count(&session->as.stomp.session.subs) : 0,
        .events_in = realm_session_count_in(session),
        .events_out = realm_session_count_out(session),
        .in_bytes = conn->in_bytes,
        .out_bytes = conn->out_bytes,
        .waiting_bytes = ws_conn_output(&session->ws).len,
        .age = realm_conn_life_now(conn) - conn->began,
    };
}

size_t realm_status_list(const struct realm_worker *worker, uint64_t after,
                         struct realm_status_session *room, size_t room_count)
{
    size_t count = 0;

    LIST_FOREACH (node, next, (struct list *)&worker->conns) { /* in the order of their birth */
        const struct realm_conn *conn = LIST_ENTRY(node, struct realm_conn, node);

        if (count == room_count) {
            break;
        }
        if (conn->session != NULL && conn->id > after) {
            describe(conn, &room[count++]);
        }
    }
    return count;
}

enum err realm_status_write(const void *row, struct buf *out)
{
    const struct realm_status_session *session = row;
    char client[ADDR_TEXT_BYTES];

    TRY(buf_printf(out, ", \"client\": "));
    TRY(json_put_string(out, span_str(addr_text(&session->client, client))));
    return buf_printf(
        out,
        ", \"kind\": \"%s\", \"secure\": %s, \"subscriptions\": %zu, \"eventsIn\": "
        "%" PRIu64 ", \"eventsOut\": %" PRIu64 ", \"bytesIn\": %" PRIu64
        ", \"bytesOut\": %" PRIu64 ", \"waitingBytes\": %zu, \"ageMs\": %" PRIu64,
        session->kind, session->is_tls ? "true" : "false", session->subscriptions,
        session->events_in, session->events_out, session->in_bytes, session->out_bytes,
        session->waiting_bytes, session->age);
}

enum err realm_status_channels(struct realm_worker *worker, struct buf *out)
{
    const struct router_route *page[CHANNELS_MAX];
    size_t count = realm_channels_page(&worker->router, SPAN(""), page, CHANNELS_MAX);

    TRY(buf_printf(out, "  \"channelCount\": %zu,\n  \"channels\": [",
                   map_count(&worker->router.routes)));
    for (size_t i = 0; i < count; i++) {
        TRY(buf_printf(out, "%s\n    ", i == 0 ? "" : ","));
        TRY(realm_channels_write(page[i], out));
    }
    return buf_printf(out, "%s],\n", count == 0 ? "" : "\n  ");
}
