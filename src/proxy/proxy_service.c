/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_service.h"

#include "admin/admin.h"
#include "admin/admin_tunnel.h"
#include "auth/auth.h"
#include "daemon/daemon.h"
#include "daemon/listen_set.h"
#include "proxy/proxy_accept.h"
#include "proxy/proxy_accesslog.h"
#include "proxy/proxy_conn.h"
#include "proxy/proxy_doors.h"
#include "proxy/proxy_limits.h"
#include "proxy/proxy_logfiles.h"
#include "proxy/proxy_loop.h"
#include "proxy/proxy_metrics.h"
#include "proxy/proxy_pool.h"
#include "proxy/proxy_route_block.h"
#include "proxy/proxy_tunnel.h"
#include "proxy/proxy_worker.h"

#include <inttypes.h>
#include <linux/capability.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    NAME_BYTES = 256,
    VIA_BYTES = NAME_BYTES + 40,
    LIMITS_MAX = 2 * 1000 * 1000, /* a client and a user for each of the most tunnels */
};

#define VIA_COMMENT "wayleave/" WAYLEAVE_VERSION

/* What all workers share, for as long as the daemon lives. */
struct service_shared {
    struct proxy_shared face; /* what connections see of it */
    struct proxy_limits *limits;
    struct auth *auth;        /* from the first start() on: its threads are unprivileged */
    struct proxy_loop *loops; /* from the first TransparentListen on; changed by the main thread
                                 before it tells the workers */
};

/* What belongs to one configuration. */
struct service_plan {
    char name[NAME_BYTES]; /* what we call ourselves in Via */
    char via[VIA_BYTES];   /* the field's value in answers of our own; empty: none */
    struct proxy_doors doors;
    struct listen_set *admin_listens;
    struct proxy_logfiles logs;
};

struct service_worker {
    struct proxy_worker face; /* what connections see of it: worker->state */
    struct listen_set_doors listens;
    struct listen_set_doors transparents;
    struct admin *admin;             /* of worker 0 */
    struct daemon_snapshot *adopted; /* held: what accesslog and block borrow from */
};

struct proxy_limits *proxy_service_limits(const struct proxy_worker *state)
{
    const struct service_shared *shared = daemon_shared(state->worker->daemon);

    return shared->limits;
}

const struct listen_set *proxy_service_transparents(const struct daemon_snapshot *snapshot)
{
    const struct service_plan *plan = daemon_snapshot_attached(snapshot);

    return plan->doors.transparents;
}

struct span proxy_service_via(const struct daemon_snapshot *snapshot)
{
    const struct service_plan *plan = daemon_snapshot_attached(snapshot);

    return span_str(plan->via);
}

struct http1_forward_via proxy_service_forward_via(const struct daemon_snapshot *snapshot)
{
    const struct proxy_conf *conf = daemon_snapshot_conf(snapshot);
    const struct service_plan *plan = daemon_snapshot_attached(snapshot);
    struct http1_forward_via via = {.mode = HTTP1_FORWARD_VIA_OFF};

    switch (conf->via) {
    case PROXY_CONF_VIA_OFF: break;
    case PROXY_CONF_VIA_BLOCK: via.mode = HTTP1_FORWARD_VIA_BLOCK; break;
    case PROXY_CONF_VIA_ON:
    case PROXY_CONF_VIA_FULL:
        via.mode = HTTP1_FORWARD_VIA_ADD;
        via.pseudonym = span_str(plan->name);
        via.comment = conf->via == PROXY_CONF_VIA_FULL ? SPAN(VIA_COMMENT) : SPAN("");
        break;
    }
    return via;
}

/* ---- a configuration ---- */

/* ServerName, or what this host calls itself. */
static void make_via(const struct proxy_conf *conf, struct service_plan *plan)
{
    if (conf->server_name.len > 0) {
        snprintf(plan->name, sizeof plan->name, "%.*s", SPAN_ARG(conf->server_name));
    } else if (gethostname(plan->name, sizeof plan->name - 1) != 0 || plan->name[0] == '\0') {
        snprintf(plan->name, sizeof plan->name, "wayleave");
    }
    if (conf->via == PROXY_CONF_VIA_ON || conf->via == PROXY_CONF_VIA_FULL) {
        snprintf(plan->via, sizeof plan->via, "1.1 %s%s", plan->name,
                 conf->via == PROXY_CONF_VIA_FULL ? " (" VIA_COMMENT ")" : "");
    }
}

/* The workers are told of it with the configuration. */
static enum err open_loops(struct service_shared *shared, const struct proxy_conf *conf)
{
    if (conf->divert.listens.count == 0 || shared->loops != NULL) {
        return OK;
    }
    return proxy_loop_new(&shared->loops);
}

/* What may fail about a configuration that is read already. forget() gives it back, as far as
 * it came. */
static enum err plan_for(struct daemon *daemon, struct daemon_snapshot *snapshot,
                         const struct service_plan *old, struct diag *diag)
{
    const struct proxy_conf *conf = daemon_snapshot_conf(snapshot);
    struct service_plan *plan = calloc(1, sizeof *plan);

    if (plan == NULL) {
        return ERR_NOMEM;
    }
    daemon_snapshot_attach(snapshot, plan);
    proxy_logfiles_init(&plan->logs);
    make_via(conf, plan);
    TRY(open_loops(daemon_shared(daemon), conf));
    TRY(proxy_doors_bind(daemon, snapshot, old == NULL ? NULL : &old->doors, diag,
                         &plan->doors));
    return admin_bind(daemon, snapshot, old == NULL ? NULL : old->admin_listens, diag,
                      &plan->admin_listens);
}

static void forget(struct daemon_snapshot *snapshot)
{
    struct service_plan *plan = daemon_snapshot_attached(snapshot);

    proxy_doors_fini(&plan->doors);
    listen_set_free(plan->admin_listens);
    proxy_logfiles_fini(&plan->logs);
    free(plan);
}

static uint64_t descriptors(const void *opaque)
{
    const struct proxy_conf *conf = opaque;

    return 2 * conf->tunnels_max; /* a client's and a server's each */
}

/* TransparentSource client: bind() to an address that is not ours. Nothing else is kept. */
static uint64_t capabilities(const void *opaque)
{
    const struct proxy_conf *conf = opaque;

    return proxy_divert_conf_spoofs(&conf->divert) ? UINT64_C(1) << CAP_NET_RAW : 0;
}

/* ---- the daemon ---- */

static enum err prepare(struct daemon *daemon, struct diag *diag)
{
    struct service_shared *shared = calloc(1, sizeof *shared);

    if (shared == NULL) {
        return ERR_NOMEM;
    }
    daemon_set_shared(daemon, shared); /* release() takes it from here */
    TRY(proxy_limits_new(&shared->limits, LIMITS_MAX));
    return plan_for(daemon, daemon_snapshot(daemon), NULL, diag);
}

static enum err open_logs(struct daemon_snapshot *snapshot, struct diag *diag)
{
    const struct proxy_conf *conf = daemon_snapshot_conf(snapshot);
    struct service_plan *plan = daemon_snapshot_attached(snapshot);

    return proxy_logfiles_open(&plan->logs, &conf->accesslog, diag);
}

static enum err reopen(struct daemon *daemon, const void *conf, struct diag *diag)
{
    (void)conf;
    return open_logs(daemon_snapshot(daemon), diag);
}

static enum err reload(struct daemon *daemon, struct daemon_snapshot *next, struct diag *diag)
{
    TRY(plan_for(daemon, next, daemon_snapshot_attached(daemon_snapshot(daemon)), diag));
    return open_logs(next, diag);
}

static void release(struct daemon *daemon)
{
    struct service_shared *shared = daemon_shared(daemon);

    if (shared == NULL) {
        return;
    }
    auth_free(shared->auth);
    proxy_limits_free(shared->limits);
    proxy_loop_free(shared->loops);
    free(shared);
    daemon_set_shared(daemon, NULL);
}

static void describe_work(const struct daemon *daemon, char *room, size_t room_bytes)
{
    uint64_t tunnels = daemon_metric_sum(daemon, PROXY_METRICS_TUNNELS);
    uint64_t connections = daemon_metric_sum(daemon, PROXY_METRICS_CONNECTIONS);

    snprintf(room, room_bytes, "%" PRIu64 " connection%s (tunnels: %" PRIu64 ")", connections,
             connections == 1 ? "" : "s", tunnels);
}

/* ---- a worker ---- */

static const struct service_plan *plan_of(const struct worker *worker)
{
    return daemon_snapshot_attached(worker_snapshot(worker));
}

static void on_accepted(void *ctx, int fd, const struct addr *peer)
{
    proxy_accept(ctx, fd, peer);
}

static void on_accepted_transparent(void *ctx, int fd, const struct addr *peer)
{
    proxy_accept_transparent(ctx, fd, peer);
}

static size_t list_tunnels(struct worker *worker, uint64_t after, void *room, size_t room_count)
{
    struct admin_tunnel *rows = room;
    struct proxy_worker *state = worker->state;
    size_t count = 0;

    LIST_FOREACH (node, next, &state->conns) { /* in the order of their birth */
        const struct proxy_conn *conn = LIST_ENTRY(node, struct proxy_conn, node);

        if (count == room_count) {
            break;
        }
        if (conn->state == PROXY_CONN_RELAYING && conn->id > after) {
            proxy_tunnel_describe(conn, &rows[count++]);
        }
    }
    return count;
}

static const struct admin_source admin_source = {
    .name = "tunnels",
    .row_bytes = sizeof(struct admin_tunnel),
    .list = list_tunnels,
    .write = admin_tunnel_write,
};

static enum err open_rooms(struct proxy_worker *state, const struct proxy_conf *conf)
{
    pool_init(&state->pool, PROXY_WORKER_ROOM_BYTES, PROXY_WORKER_ROOMS_KEPT,
              conf->buffers_max);
    state->scratch = malloc(PROXY_WORKER_ROOM_BYTES);
    if (state->scratch == NULL) {
        return ERR_NOMEM;
    }
    state->relay_env = (struct relay_env){
        .loop = state->worker->loop,
        .pool = &state->pool,
        .scratch = mspan_of(state->scratch, PROXY_WORKER_ROOM_BYTES),
    };
    return OK;
}

/* What follows the configuration; what was before goes. On failure nothing has changed. */
static enum err follow_conf(struct service_worker *own)
{
    struct worker *worker = own->face.worker;
    const struct proxy_conf *conf = worker_conf(worker);
    struct proxy_accesslog *accesslog = NULL;
    struct proxy_route_block *block = NULL;
    enum err e = proxy_accesslog_new(&conf->accesslog, plan_of(worker)->logs.fds, worker->loop,
                                     worker->log, &accesslog);

    if (e == OK) {
        e = proxy_route_block_new(&block, worker->loop, worker->resolver, &conf->route);
    }
    if (e != OK) {
        proxy_accesslog_free(accesslog);
        return e;
    }
    proxy_accesslog_free(own->face.accesslog);
    proxy_route_block_free(own->face.block);
    daemon_snapshot_unref(own->adopted);
    own->face.accesslog = accesslog;
    own->face.block = block;
    own->adopted = daemon_snapshot_ref(worker_snapshot(worker));
    return OK;
}

/* Idle connections to servers were made by the rules of their time: after a reload they go. */
static void open_upstreams(struct service_worker *own)
{
    const struct worker *worker = own->face.worker;
    const struct proxy_conf *conf = worker_conf(worker);
    const struct proxy_pool_limits limits = {
        .per_key = conf->upstreams_per_host,
        .total = conf->upstreams_max,
        .idle_timeout = conf->upstreams_timeout,
    };

    proxy_pool_init(&own->face.upstreams, worker->loop, &limits);
    resolver_use_cache(worker->resolver, conf->route.dns_cache_entries,
                       conf->route.dns_cache_max);
}

static enum err open_desk(struct service_worker *own, struct service_shared *shared)
{
    struct worker *worker = own->face.worker;
    const struct proxy_conf *conf = worker_conf(worker);

    if (shared->auth == NULL) {
        TRY(auth_new(&shared->auth, conf->auth_threads, conf->auth_waiting_max));
    }
    return auth_desk_new(&own->face.desk, shared->auth, worker->mailbox,
                         conf->auth_cache_timeout, &worker->rng);
}

static enum err serve_listens(struct service_worker *own)
{
    struct worker *worker = own->face.worker;
    const struct proxy_doors *doors = &plan_of(worker)->doors;
    const struct service_shared *shared = daemon_shared(worker->daemon);
    enum err e = listen_set_serve(doors->listens, worker->index, worker->loop, on_accepted,
                                  &own->face, &own->listens);
    enum err e2 = listen_set_serve(doors->transparents, worker->index, worker->loop,
                                   on_accepted_transparent, &own->face, &own->transparents);

    own->face.loops = shared->loops;
    return e != OK ? e : e2;
}

static enum err open_doors(struct service_worker *own)
{
    struct worker *worker = own->face.worker;
    const struct service_plan *plan = plan_of(worker);

    TRY(serve_listens(own));
    if (worker->index > 0) {
        return OK;
    }
    return admin_new(&own->admin, worker, &admin_source, plan->admin_listens);
}

static enum err start(struct worker *worker, struct diag *diag)
{
    struct service_worker *own = calloc(1, sizeof *own);
    struct service_shared *shared = daemon_shared(worker->daemon);

    (void)diag;
    if (own == NULL) {
        return ERR_NOMEM;
    }
    worker->state = &own->face; /* stop() takes it from here */
    own->face.worker = worker;
    own->face.shared = &shared->face;
    list_init(&own->face.conns);
    open_upstreams(own);
    TRY(open_rooms(&own->face, worker_conf(worker)));
    TRY(open_desk(own, shared));
    TRY(follow_conf(own));
    return open_doors(own);
}

static struct service_worker *own_of(const struct worker *worker)
{
    struct proxy_worker *state = worker->state;

    return LIST_ENTRY(state, struct service_worker, face);
}

static void adopt(struct worker *worker)
{
    struct service_worker *own = own_of(worker);
    const struct service_plan *plan = plan_of(worker);
    const struct proxy_conf *conf = worker_conf(worker);

    own->face.pool.max_count = conf->buffers_max;
    proxy_pool_fini(&own->face.upstreams);
    open_upstreams(own);
    if (follow_conf(own) != OK) {
        log_error(worker->log, "out of memory: CustomLog and ProxyBlock stay as they were");
    }
    if (serve_listens(own) != OK) {
        log_error(worker->log, "Listen: a socket could not be opened: out of memory or file "
                               "descriptors");
    }
    if (own->admin != NULL) {
        admin_adopt(own->admin, plan->admin_listens);
    }
}

static void drain(struct worker *worker)
{
    struct service_worker *own = own_of(worker);

    listen_set_close(&own->listens);
    listen_set_close(&own->transparents);
    proxy_conn_drain_all(&own->face);
    if (own->face.conn_count == 0) {
        worker_idle(worker);
    }
}

static void stop(struct worker *worker)
{
    struct service_worker *own;

    if (worker->state == NULL) {
        return;
    }
    own = own_of(worker);
    listen_set_close(&own->listens);
    listen_set_close(&own->transparents);
    admin_free(own->admin);
    proxy_conn_close_all(&own->face);
    proxy_pool_fini(&own->face.upstreams);
    auth_desk_free(own->face.desk);
    proxy_route_block_free(own->face.block);
    proxy_accesslog_free(own->face.accesslog);
    daemon_snapshot_unref(own->adopted);
    pool_fini(&own->face.pool);
    free(own->face.scratch);
    free(own);
    worker->state = NULL;
}

/* Somebody gave a realm's file to the proxy: one sentence says more than "unknown". */
#define OF_A_REALM(directive, is_section)                                                   \
    {                                                                                       \
        .name = (directive), .type = CONF_REFUSED, .where = UINT32_MAX,                     \
        .section = (is_section),                                                            \
        .help =                                                                             \
            "a realm has it, and its file is for wayleave realm or wayleave config --realm" \
    }

static const struct directive realm_rows[] = {
    OF_A_REALM("Interface", false),
    OF_A_REALM("SSLCertificateMake", false),
    OF_A_REALM("Channel", true),
    OF_A_REALM("Queue", true),
    {.name = NULL},
};

static const struct service_rows more_rows[] = {
    {proxy_route_rows, offsetof(struct proxy_conf, route)},
    {proxy_divert_conf_rows, offsetof(struct proxy_conf, divert)},
    {realm_rows, 0},
    {NULL, 0},
};

const struct service proxy_service = {
    .name = "wayleave proxy",
    .summary = "forward proxy that understands WebSocket",
    .rows = proxy_conf_rows,
    .conf_bytes = sizeof(struct proxy_conf),
    .more_rows = more_rows,
    .leaves_root = true,
    .has_admin = true,
    .metrics = proxy_metrics_rows,
    .check = proxy_conf_check,
    .conf_fini = proxy_conf_fini,
    .descriptors = descriptors,
    .capabilities = capabilities,
    .prepare = prepare,
    .reopen = reopen,
    .start = start,
    .reload = reload,
    .adopt = adopt,
    .forget = forget,
    .drain = drain,
    .describe_work = describe_work,
    .stop = stop,
    .release = release,
};

int proxy_service_main(int argc, char **argv)
{
    return daemon_main(&proxy_service, argc, argv);
}
