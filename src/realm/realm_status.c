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

/* What the session itself can tell. */
static void describe(const struct realm_session *session, struct realm_status_session *row)
{
    bool is_stomp = session->kind == REALM_SESSION_STOMP;

    row->kind = is_stomp ? "stomp" : "echo";
    row->carrier = realm_carrier_kind_name(session->carrier.kind);
    row->subscriptions = is_stomp ? map_count(&session->as.stomp.session.subs) : 0;
    row->events_in = realm_session_count_in(session);
    row->events_out = realm_session_count_out(session);
    row->waiting_bytes = realm_carrier_output(&session->carrier).len;
}

static void describe_conn(const struct realm_conn *conn, struct realm_status_session *ret_row)
{
    *ret_row = (struct realm_status_session){.id = conn->id,
                                             .client = conn->peer,
                                             .is_tls = conn->way == REALM_HOST_OVER_TLS,
                                             .in_bytes = conn->in_bytes,
                                             .out_bytes = conn->out_bytes,
                                             .age = realm_conn_life_now(conn) - conn->began};
    describe(conn->session, ret_row);
}

static void describe_sockjs(const struct realm_sockjs_session *it,
                            struct realm_status_session *ret_row)
{
    *ret_row = (struct realm_status_session){.id = it->id,
                                             .client = it->peer,
                                             .is_tls = it->is_tls,
                                             .in_bytes = it->in_bytes,
                                             .out_bytes = it->out_bytes,
                                             .age = loop_now(it->worker->loop) - it->began};
    describe(&it->session, ret_row);
}

/* The next from `node` on that is a session; the list's head when there is none. Both lists are
 * in the order of their birth, which is that of the ids. */
static const struct list *next_conn(const struct realm_worker *worker, const struct list *node,
                                    uint64_t after)
{
    for (; node != &worker->conns; node = node->next) {
        const struct realm_conn *conn = LIST_ENTRY(node, struct realm_conn, node);

        if (conn->session != NULL && conn->id > after) {
            break;
        }
    }
    return node;
}

static const struct list *next_sockjs(const struct realm_worker *worker,
                                      const struct list *node, uint64_t after)
{
    for (; node != &worker->sockjs.list; node = node->next) {
        const struct realm_sockjs_session *it =
            LIST_ENTRY(node, struct realm_sockjs_session, node);

        if (!it->is_over && it->id > after) {
            break;
        }
    }
    return node;
}

size_t realm_status_list(const struct realm_worker *worker, uint64_t after,
                         struct realm_status_session *room, size_t room_count)
{
    const struct list *conn = next_conn(worker, worker->conns.next, after);
    const struct list *sockjs = next_sockjs(worker, worker->sockjs.list.next, after);
    size_t count = 0;

    for (; count < room_count; count++) {
        struct realm_status_session one = {.id = UINT64_MAX}, other = {.id = UINT64_MAX};

        if (conn != &worker->conns) {
            describe_conn(LIST_ENTRY(conn, struct realm_conn, node), &one);
        }
        if (sockjs != &worker->sockjs.list) {
            describe_sockjs(LIST_ENTRY(sockjs, struct realm_sockjs_session, node), &other);
        }
        if (one.id == other.id) { /* there is neither */
            break;
        }
        room[count] = one.id < other.id ? one : other;
        if (one.id < other.id) {
            conn = next_conn(worker, conn->next, after);
        } else {
            sockjs = next_sockjs(worker, sockjs->next, after);
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
        ", \"kind\": \"%s\", \"carrier\": \"%s\", \"secure\": %s, \"subscriptions\": %zu, \"eventsIn\": "
        "%" PRIu64 ", \"eventsOut\": %" PRIu64 ", \"bytesIn\": %" PRIu64
        ", \"bytesOut\": %" PRIu64 ", \"waitingBytes\": %zu, \"ageMs\": %" PRIu64,
        session->kind, session->carrier, session->is_tls ? "true" : "false",
        session->subscriptions, session->events_in, session->events_out, session->in_bytes,
        session->out_bytes, session->waiting_bytes, session->age);
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
