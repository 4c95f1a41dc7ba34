/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_accept.h"

#include "daemon/daemon.h"
#include "io/sock.h"
#include "proxy/proxy_conn.h"
#include "proxy/proxy_metrics.h"
#include "proxy/proxy_service.h"

static void turn_away(struct proxy_worker *worker, int fd, const struct addr *peer,
                      const char *directive)
{
    char text[ADDR_TEXT_BYTES];

    metric_add(worker->worker->metrics, PROXY_METRICS_TURNED_AWAY, 1);
    log_warn(worker->worker->log, "client %s is turned away: no room (see %s)",
             addr_text(peer, text), directive);
    sock_close(&fd);
}

/* NULL: it was turned away. */
static struct proxy_conn *admit(struct proxy_worker *worker, int fd, const struct addr *peer)
{
    const struct proxy_conf *conf = worker_conf(worker->worker);
    struct proxy_limits *limits = proxy_service_limits(worker);
    struct proxy_limits_hold *hold = NULL;
    uint8_t room[PROXY_LIMITS_KEY_BYTES];
    struct proxy_conn *conn = NULL;

    if (proxy_limits_take(limits, proxy_limits_connections(peer, room),
                          conf->connections_per_client, &hold) != OK) {
        turn_away(worker, fd, peer, "ConnectionsPerClient");
        return NULL;
    }
    if (worker->conn_count < conf->tunnels_max + PROXY_WORKER_WAITING_MAX) {
        sock_tune(fd);
        conn = proxy_conn_new(worker, &fd, peer);
    }
    if (conn == NULL) {
        proxy_limits_give(limits, hold);
        turn_away(worker, fd, peer, "MaxTunnels");
        return NULL;
    }
    conn->hold = hold;
    return conn;
}

void proxy_accept(struct proxy_worker *worker, int fd, const struct addr *peer)
{
    struct proxy_conn *conn = admit(worker, fd, peer);

    if (conn != NULL) {
        proxy_conn_begin(conn);
    }
}

void proxy_accept_transparent(struct proxy_worker *worker, int fd, const struct addr *peer)
{
    struct proxy_conn *conn = admit(worker, fd, peer);

    if (conn != NULL) {
        conn->is_transparent = true;
        proxy_divert_begin(conn);
    }
}
