/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_conn_request.h"

#include <stdlib.h>

static size_t body_bytes_max(const struct realm_conn *conn)
{
    size_t max = REALM_MADE_RULE_TEXT_MAX;

    max = max > conn->era->env.stomp.event_bytes ? max : conn->era->env.stomp.event_bytes;
    return max > conn->era->env.sockjs_bytes ? max : conn->era->env.sockjs_bytes;
}

/* A few stay for connections to come. Where each was freed as its session begins, the next
 * connection's memory would be cut out of it, and no request would fit there again: a hole for
 * each session. */
static struct realm_conn_request *take_spare(struct realm_worker *worker)
{
    struct realm_conn_request *request;

    if (list_is_empty(&worker->spare_requests)) {
        return malloc(sizeof *request);
    }
    request = LIST_ENTRY(worker->spare_requests.next, struct realm_conn_request, spare);
    list_remove(&request->spare);
    worker->spare_count--;
    return request;
}

static void keep_spare(struct realm_worker *worker, struct realm_conn_request *request)
{
    if (worker->spare_count == REALM_WORKER_SPARE_MAX) {
        free(request);
        return;
    }
    list_append(&worker->spare_requests, &request->spare);
    worker->spare_count++;
}

void realm_conn_request_forget_spares(struct realm_worker *worker)
{
    LIST_FOREACH (node, after, &worker->spare_requests) {
        list_remove(node);
        free(LIST_ENTRY(node, struct realm_conn_request, spare));
    }
}

enum err realm_conn_request_begin(struct realm_conn *conn)
{
    const struct http1_limits limits = realm_conf_limits(conn->era->conf);

    struct buf early;

    buf_init(&early, REALM_WORKER_ROOM_BYTES);
    if (conn->request == NULL) {
        conn->request = take_spare(conn->worker);
    } else {
        early = conn->request->early;
    }
    if (conn->request == NULL) {
        return ERR_NOMEM;
    }
    *conn->request = (struct realm_conn_request){.conn = conn, .early = early};
    list_init(&conn->request->spare);
    http1_head_init(&conn->request->head, HTTP1_REQUEST, &limits);
    http1_body_reader_init(&conn->request->reader,
                           &(struct http1_body){.type = HTTP1_BODY_NONE}, &limits);
    buf_init(&conn->request->body, body_bytes_max(conn));
    list_init(&conn->request->sender.node);
    return OK;
}

void realm_conn_request_forget(struct realm_conn *conn)
{
    struct realm_conn_request *request = conn->request;

    if (request->verdict.is_diagnostic) {
        conn->worker->gate.running--;
        request->verdict.is_diagnostic = false;
    }
    if (request->ticket.batch != NULL) {
        router_publish_cancel(&request->ticket);
    }
    list_remove(&request->sender.node);
    router_admin_cancel(&request->change);
    http1_head_fini(&request->head);
    http1_body_reader_fini(&request->reader);
    buf_fini(&request->body);
}

void realm_conn_request_end(struct realm_conn *conn)
{
    if (conn->request != NULL) {
        realm_conn_request_forget(conn);
        buf_fini(&conn->request->early);
        keep_spare(conn->worker, conn->request);
        conn->request = NULL;
    }
}
