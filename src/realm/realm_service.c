/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_service.h"

#include "admin/admin.h"
#include "auth/auth.h"
#include "daemon/daemon.h"
#include "daemon/listen_set.h"
#include "daemon/resources.h"
#include "io/sock.h"
#include "net/stream_tcp.h"
#include "net/stream_tls.h"
#include "net/tls_ctx.h"
#include "realm/realm_certificate.h"
#include "realm/realm_conf.h"
#include "realm/realm_conn.h"
#include "realm/realm_drain.h"
#include "realm/realm_metrics.h"
#include "realm/realm_status.h"
#include "realm/realm_worker.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    WHY_BYTES = 400
};

/* What belongs to one configuration. */
struct service_plan {
    struct listen_set *listens; /* owned, as are the next two */
    struct listen_set *admin_listens;
    struct tls_ctx *tls; /* NULL without an https interface */
};

struct service_worker {
    struct realm_worker face; /* what connections see of it: worker->state */
    struct worker *worker;
    struct listen_set_doors doors;
    struct realm_drain drain;
    struct realm_certificate certificate;
    struct admin *admin; /* of worker 0 */
    struct auth *auth;   /* its threads are unprivileged: begun with the worker */
    struct auth_desk *desk;
};

/* ---- a configuration ---- */

static bool wants_tls(const struct realm_conf *conf)
{
    for (size_t i = 0; i < conf->interface_count; i++) {
        if (conf->interfaces[i].is_tls) {
            return true;
        }
    }
    return false;
}

static enum err load_tls(const struct realm_conf *conf, const char *file, struct diag *diag,
                         struct tls_ctx **ret_tls)
{
    const char *certificate = (const char *)conf->certificate_file.ptr;
    const char *key = (const char *)conf->key_file.ptr;
    char why[WHY_BYTES] = "";

    if (conf->makes_certificate &&
        tls_ctx_make_localhost(certificate, key, mspan_of(why, sizeof why)) != OK) {
        diag_error(diag, file, 0, "SSLCertificateMake: %s", why);
        return ERR_CONF;
    }
    if (tls_ctx_server(certificate, key, mspan_of(why, sizeof why), ret_tls) != OK) {
        diag_error(diag, file, 0, "SSLCertificateFile: %s%s", why,
                   conf->makes_certificate ? ""
                                           : " (correct the files or their names; for a first "
                                             "try SSLCertificateMake On makes one)");
        return ERR_CONF;
    }
    return OK;
}

static enum err bind_interfaces(struct daemon *daemon, const struct realm_conf *conf,
                                const struct listen_set *old, struct diag *diag,
                                struct listen_set **ret_set)
{
    struct listen_set_want wants[REALM_CONF_INTERFACES_MAX];
    const struct listen_set_plan plan = {
        .directive = "Interface",
        .file = daemon_conf_file(daemon),
        .wants = wants,
        .count = conf->interface_count,
        .workers = daemon_worker_count(daemon),
        .inherited = daemon_inherited(daemon),
    };

    static_assert((int)REALM_CONF_INTERFACES_MAX <= (int)LISTEN_SET_MAX,
                  "a set holds them all");
    for (size_t i = 0; i < conf->interface_count; i++) {
        wants[i] = (struct listen_set_want){.addr = conf->interfaces[i].addr,
                                            .line = conf->interfaces[i].line};
    }
    return listen_set_bind(&plan, old, diag, ret_set);
}

static void name_interfaces(struct daemon_snapshot *snapshot, const struct listen_set *set)
{
    const struct realm_conf *conf = daemon_snapshot_conf(snapshot);
    char text[ADDR_TEXT_BYTES];
    char url[ADDR_TEXT_BYTES + sizeof "https://"];

    for (size_t i = 0; i < listen_set_count(set); i++) {
        snprintf(url, sizeof url, "%s://%s", conf->interfaces[i].is_tls ? "https" : "http",
                 addr_text(listen_set_addr(set, i), text));
        daemon_snapshot_add_listening(snapshot, url);
    }
}

/* What may fail about a configuration that is read already. forget() gives it back, as far as
 * it came. */
static enum err plan_for(struct daemon *daemon, struct daemon_snapshot *snapshot,
                         const struct service_plan *old, struct diag *diag)
{
    const struct realm_conf *conf = daemon_snapshot_conf(snapshot);
    struct service_plan *plan = calloc(1, sizeof *plan);

    if (plan == NULL) {
        return ERR_NOMEM;
    }
    daemon_snapshot_attach(snapshot, plan);
    if (wants_tls(conf)) {
        TRY(load_tls(conf, daemon_conf_file(daemon), diag, &plan->tls));
    }
    TRY(bind_interfaces(daemon, conf, old == NULL ? NULL : old->listens, diag, &plan->listens));
    name_interfaces(snapshot, plan->listens);
    return admin_bind(daemon, snapshot, old == NULL ? NULL : old->admin_listens, diag,
                      &plan->admin_listens);
}

static void forget(struct daemon_snapshot *snapshot)
{
    struct service_plan *plan = daemon_snapshot_attached(snapshot);

    listen_set_free(plan->listens);
    listen_set_free(plan->admin_listens);
    tls_ctx_free(plan->tls);
    free(plan);
}

static uint64_t descriptors(const void *opaque)
{
    const struct realm_conf *conf = opaque;

    return realm_seats_descriptors(conf->sessions_max);
}

/* ---- the daemon ---- */

static enum err prepare(struct daemon *daemon, struct diag *diag)
{
    return plan_for(daemon, daemon_snapshot(daemon), NULL, diag);
}

/* What channels were made with when the realm started: said, not done. */
static void warn_of_unchanged(const struct realm_conf *now, const struct realm_conf *then,
                              const char *file, struct diag *diag)
{
    const struct {
        const char *name;
        bool is_changed;
    } fixed[] = {
        {"ChannelsMax", now->channels_max != then->channels_max},
        {"DurablesMax", now->durables_max != then->durables_max},
        {"EventBytesMax", now->event_bytes != then->event_bytes},
        {"ViewBytesMax", now->view_bytes != then->view_bytes},
        {"Store", now->store != then->store || !span_equal(now->store_url, then->store_url)},
        {"StoreRealm", !span_equal(now->store_realm, then->store_realm)},
        {"StoreStreams", now->store_streams != then->store_streams},
        {"StoreReplicas", now->store_replicas != then->store_replicas},
        {"StoreTimeout", now->store_timeout != then->store_timeout},
        {"StorePath", !span_equal(now->store_path, then->store_path)},
        {"StoreSize", now->store_size != then->store_size},
        {"StorePendingBytesMax", now->store_pending_bytes != then->store_pending_bytes},
        {"AuthThreads", now->access.auth_threads != then->access.auth_threads},
        {"AuthWaitingMax", now->access.auth_waiting_max != then->access.auth_waiting_max},
        {"ViewBytesTotal", now->view_bytes_total != then->view_bytes_total},
    };

    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
        if (fixed[i].is_changed) {
            diag_warn(diag, file, 0, "%s has changed, which takes effect at the next start",
                      fixed[i].name);
        }
    }
}

static enum err reload(struct daemon *daemon, struct daemon_snapshot *next, struct diag *diag)
{
    struct daemon_snapshot *now = daemon_snapshot(daemon);

    TRY(plan_for(daemon, next, daemon_snapshot_attached(now), diag));
    warn_of_unchanged(daemon_snapshot_conf(now), daemon_snapshot_conf(next),
                      daemon_conf_file(daemon), diag);
    return OK;
}

static void release(struct daemon *daemon)
{
    (void)daemon; /* the snapshot has it all */
}

static void describe_work(const struct daemon *daemon, char *room, size_t room_bytes)
{
    uint64_t sessions = daemon_metric_sum(daemon, REALM_METRICS_SESSIONS);
    uint64_t connections = daemon_metric_sum(daemon, REALM_METRICS_CONNECTIONS);

    snprintf(room, room_bytes, "%" PRIu64 " connection%s (sessions: %" PRIu64 ")", connections,
             connections == 1 ? "" : "s", sessions);
}

/* ---- a worker ---- */

static const struct service_plan *plan_of(const struct worker *worker)
{
    return daemon_snapshot_attached(worker_snapshot(worker));
}

/* The socket is closed unless it became a connection. */
static enum realm_host_way way_of(const struct realm_conf_interface *interface,
                                  const struct addr *local)
{
    const struct addr plain = addr_unmapped(local);

    if (interface->is_tls) {
        return REALM_HOST_OVER_TLS;
    }
    return addr_is_loopback(&plain) ? REALM_HOST_OVER_LOOPBACK : REALM_HOST_OVER_NETWORK;
}

static enum err take_client(struct service_worker *own, int *fd, const struct addr *peer)
{
    const struct realm_conf *conf = own->face.era->conf;
    const struct realm_conf_interface *interface;
    struct stream *stream = NULL;
    struct addr local;
    enum err e;

    /* Which interface it came in by is asked of the socket: after a reload, one that stayed
     * open may be another line's. */
    TRY(sock_local_addr(*fd, &local));
    interface = realm_conf_interface_at(conf, &local);
    if (interface == NULL) {
        return ERR_CLOSED;
    }
    sock_tune(*fd);
    TRY(stream_tcp_new(&stream, own->worker->loop, fd));
    e = interface->is_tls ? stream_tls_accept(&stream, plan_of(own->worker)->tls) : OK;
    if (e == OK) {
        e = realm_conn_new(&own->face, peer, way_of(interface, &local), &stream);
    }
    if (e != OK) {
        stream_free(stream);
    }
    return e;
}

/* A sentence for the log where there is one to say. */
static const char *why_not(enum err e, bool has_room)
{
    if (!has_room) {
        return "the realm has as many connections as it may have (SessionsMax)";
    }
    return e == ERR_LIMIT
               ? "its address has as many connections as it may have (ConnectionsPerClient)"
               : err_text(e);
}

static void on_accepted(void *ctx, int fd, const struct addr *peer)
{
    struct service_worker *own = ctx;
    const struct addr client = addr_unmapped(peer);
    const bool has_room = own->face.conn_count < own->face.seats.all;
    enum err e = has_room ? take_client(own, &fd, &client) : ERR_LIMIT;
    char text[ADDR_TEXT_BYTES];

    if (e != OK) {
        log_info(own->worker->log, "client %s: not taken: %s", addr_text(&client, text),
                 why_not(e, has_room));
        metric_add(own->worker->metrics, REALM_METRICS_TURNED_AWAY, 1);
        sock_close(&fd);
    }
}

static struct service_worker *own_of(const struct worker *worker)
{
    struct realm_worker *face = worker->state;

    return LIST_ENTRY(face, struct service_worker, face);
}

static size_t list_sessions(struct worker *worker, uint64_t after, void *room,
                            size_t room_count)
{
    return realm_status_list(worker->state, after, room, room_count);
}

static enum err tell_channels(struct worker *worker, struct buf *out)
{
    return realm_status_channels(worker->state, out);
}

static const struct admin_source admin_source = {
    .name = "sessions",
    .row_bytes = sizeof(struct realm_status_session),
    .list = list_sessions,
    .write = realm_status_write,
    .more = tell_channels,
};

static void on_emptied(void *ctx)
{
    worker_idle(ctx);
}

static void watch_certificate(struct service_worker *own)
{
    const struct realm_conf *conf = worker_conf(own->worker);
    const struct tls_ctx *tls = plan_of(own->worker)->tls;
    struct tls_dates dates;

    if (tls != NULL) {
        tls_ctx_dates(tls, &dates);
    }
    realm_certificate_watch(&own->certificate, conf->certificate_file,
                            tls == NULL ? NULL : &dates);
}

static enum err open_doors(struct service_worker *own)
{
    struct worker *worker = own->worker;
    const struct service_plan *plan = plan_of(worker);

    TRY(listen_set_serve(plan->listens, worker->index, worker->loop, on_accepted, own,
                         &own->doors));
    return admin_new(&own->admin, worker, &admin_source, plan->admin_listens);
}

static enum err start(struct worker *worker, struct diag *diag)
{
    struct service_worker *own = calloc(1, sizeof *own);
    const struct realm_conf *conf = worker_conf(worker);
    const struct realm_conf_access *access = &conf->access;
    struct realm_worker_parts parts = {
        .conf = conf,
        .snapshot = worker_snapshot(worker),
        .loop = worker->loop,
        .log = worker->log,
        .metrics = worker->metrics,
        .emptied = on_emptied,
        .emptied_ctx = worker,
        .rng = worker->rng,
        .hands = worker->hands,
        .descriptors = resources_descriptors(),
        .file = daemon_conf_file(worker->daemon),
        .diag = diag,
    };

    if (own == NULL) {
        return ERR_NOMEM;
    }
    worker->state = &own->face; /* stop() takes it from here */
    own->worker = worker;
    TRY(auth_new(&own->auth, access->auth_threads, access->auth_waiting_max));
    TRY(auth_desk_new(&own->desk, own->auth, worker->mailbox, access->auth_cache_timeout,
                      &worker->rng));
    parts.desk = own->desk;
    TRY(realm_worker_init(&own->face, &parts));
    realm_certificate_begin(&own->certificate, worker->loop, worker->log);
    watch_certificate(own);
    return open_doors(own);
}

static void report_adoption(const struct worker *worker, enum err e)
{
    if (e == ERR_LIMIT) {
        log_error(worker->log, "ChannelsMax: not every channel that the configuration names "
                               "could be made: the realm has as many as it may have");
    } else if (e == ERR_NOMEM) {
        log_error(worker->log, "out of memory: sessions and channels may begin as they did "
                               "before the reload");
    } else if (e != OK) {
        log_error(worker->log,
                  "not every channel that the configuration names could be made: "
                  "%s",
                  err_text(e));
    }
}

static void adopt(struct worker *worker)
{
    struct service_worker *own = own_of(worker);
    const struct service_plan *plan = plan_of(worker);
    const struct realm_conf *conf = worker_conf(worker);

    auth_desk_set_ttl(own->desk, conf->access.auth_cache_timeout);
    report_adoption(
        worker, realm_worker_adopt(&own->face, worker_conf(worker), worker_snapshot(worker)));
    if (listen_set_serve(plan->listens, worker->index, worker->loop, on_accepted, own,
                         &own->doors) != OK) {
        log_error(worker->log, "Interface: a socket could not be opened: out of memory or file "
                               "descriptors");
    }
    admin_adopt(own->admin, plan->admin_listens);
    watch_certificate(own);
}

static void drain(struct worker *worker)
{
    struct service_worker *own = own_of(worker);
    const struct daemon_conf *core = daemon_snapshot_core(worker_snapshot(worker));

    listen_set_close(&own->doors);
    realm_drain_begin(&own->drain, &own->face, core->graceful_timeout);
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
    listen_set_close(&own->doors);
    admin_free(own->admin);
    realm_drain_end(&own->drain);
    realm_certificate_end(&own->certificate);
    realm_conn_close_all(&own->face);
    realm_worker_fini(&own->face);
    auth_desk_free(own->desk);
    auth_free(own->auth);
    free(own);
    worker->state = NULL;
}

/* Somebody gave a proxy's file to the realm: one sentence says more than "unknown". */
#define OF_A_PROXY(directive, is_section)                                                   \
    {                                                                                       \
        .name = (directive), .type = CONF_REFUSED, .where = UINT32_MAX,                     \
        .section = (is_section),                                                            \
        .help = "a proxy has it, and its file is for wayleave proxy; a realm has Interface" \
    }

static const struct directive proxy_rows[] = {
    OF_A_PROXY("Listen", false),     OF_A_PROXY("ProxyRequests", false),
    OF_A_PROXY("ProxyVia", false),   OF_A_PROXY("AllowCONNECT", false),
    OF_A_PROXY("LoadModule", false), OF_A_PROXY("TransparentListen", false),
    OF_A_PROXY("Proxy", true),       {.name = NULL},
};

static const struct service_rows more_rows[] = {{proxy_rows, 0}, {NULL, 0}};

const struct service realm_service = {
    .name = "wayleave realm",
    .summary = "messaging server: channels, events, STOMP over WebSocket",
    .rows = realm_conf_rows,
    .more_rows = more_rows,
    .conf_bytes = sizeof(struct realm_conf),
    .builtin_conf = realm_conf_builtin,
    .single_worker = true,
    .leaves_root = true,
    .has_admin = true,
    .metrics = realm_metrics_rows,
    .check = realm_conf_check,
    .descriptors = descriptors,
    .prepare = prepare,
    .start = start,
    .reload = reload,
    .adopt = adopt,
    .forget = forget,
    .drain = drain,
    .describe_work = describe_work,
    .stop = stop,
    .release = release,
};
