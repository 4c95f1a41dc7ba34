/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_service.h"

#include "daemon/daemon.h"
#include "io/sock.h"
#include "net/listener.h"
#include "net/stream_tcp.h"
#include "net/stream_tls.h"
#include "net/tls_ctx.h"
#include "realm/realm_conf.h"
#include "realm/realm_conn.h"
#include "realm/realm_worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    BACKLOG = 1024,
    WHY_BYTES = 400,
    EXTRA_CONNS_MAX = 256, /* clients beyond SessionsMax that are told so */
};

/** Made before the worker, gone after it. */
struct shared {
    struct tls_ctx *tls; /* owned; NULL without an https interface */
    int fds[REALM_CONF_INTERFACES_MAX];
};

/* ---- before the worker ---- */

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
                                           : " (SSLCertificateMake On makes one for "
                                             "localhost)");
        return ERR_CONF;
    }
    return OK;
}

static void say_bind_failed(const struct realm_conf_interface *interface, const char *file,
                            struct diag *diag)
{
    char text[ADDR_TEXT_BYTES];
    const char *remedy = "check the address";

    if (errno == EADDRINUSE) {
        remedy = "another program listens there: stop it, or choose another port";
    } else if (errno == EACCES) {
        remedy = "ports below 1024 need root, or choose a port above";
    } else if (errno == EADDRNOTAVAIL) {
        remedy = "this host has no such address";
    }
    diag_error(diag, file, interface->line, "Interface: %s cannot be listened on: %s (%s)",
               addr_text(&interface->addr, text), strerror(errno), remedy);
}

static void name_listening(struct daemon *daemon, int fd, bool is_tls)
{
    struct addr addr;
    char text[ADDR_TEXT_BYTES];
    char url[ADDR_TEXT_BYTES + sizeof "https://"];

    if (sock_local_addr(fd, &addr) == OK) {
        snprintf(url, sizeof url, "%s://%s", is_tls ? "https" : "http", addr_text(&addr, text));
        daemon_add_listening(daemon, url);
    }
}

static enum err prepare(struct daemon *daemon, struct diag *diag)
{
    const struct realm_conf *conf = daemon_conf(daemon);
    const char *file = daemon_conf_file(daemon);
    struct shared *shared = calloc(1, sizeof *shared);

    if (shared == NULL) {
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < REALM_CONF_INTERFACES_MAX; i++) {
        shared->fds[i] = -1;
    }
    daemon_set_shared(daemon, shared); /* release() takes it from here */
    if (wants_tls(conf)) {
        TRY(load_tls(conf, file, diag, &shared->tls));
    }
    for (size_t i = 0; i < conf->interface_count; i++) {
        const struct realm_conf_interface *interface = &conf->interfaces[i];
        enum err e = listener_bind(&interface->addr, BACKLOG, false, 1, &shared->fds[i]);

        if (e == ERR_IO) {
            say_bind_failed(interface, file, diag);
            return ERR_CONF;
        }
        TRY(e);
        name_listening(daemon, shared->fds[i], interface->is_tls);
    }
    return OK;
}

static void release(struct daemon *daemon)
{
    struct shared *shared = daemon_shared(daemon);

    if (shared == NULL) {
        return;
    }
    for (size_t i = 0; i < REALM_CONF_INTERFACES_MAX; i++) {
        sock_close(&shared->fds[i]);
    }
    tls_ctx_free(shared->tls);
    free(shared);
    daemon_set_shared(daemon, NULL);
}

/* ---- the worker ---- */

struct door {
    struct realm_worker *worker;
    struct tls_ctx *tls; /* NULL: plain */
    struct listener *listener;
};

struct state {
    struct realm_worker worker;
    struct door doors[REALM_CONF_INTERFACES_MAX];
};

/* The socket is closed unless it became a connection. */
static enum err take_client(const struct door *door, int *fd, const struct addr *peer)
{
    struct realm_worker *worker = door->worker;
    struct stream *stream = NULL;
    enum err e;

    if (worker->conn_count >= worker->conf->sessions_max + EXTRA_CONNS_MAX) {
        return ERR_LIMIT;
    }
    sock_tune(*fd);
    TRY(stream_tcp_new(&stream, worker->loop, fd));
    e = door->tls == NULL ? OK : stream_tls_accept(&stream, door->tls);
    if (e == OK) {
        e = realm_conn_new(worker, peer, door->tls != NULL, &stream);
    }
    if (e != OK) {
        stream_free(stream);
    }
    return e;
}

static void on_accepted(void *ctx, int fd, const struct addr *peer)
{
    const struct door *door = ctx;
    enum err e = take_client(door, &fd, peer);
    char text[ADDR_TEXT_BYTES];

    if (e != OK) {
        log_info(door->worker->log, "client %s: not taken: %s", addr_text(peer, text),
                 err_text(e));
        sock_close(&fd);
    }
}

static enum err start(struct worker *worker, struct diag *diag)
{
    const struct realm_conf *conf = daemon_conf(worker->daemon);
    struct shared *shared = daemon_shared(worker->daemon);
    const struct realm_worker_parts parts = {conf, worker->loop, worker->log, worker->rng};
    struct state *state = calloc(1, sizeof *state);

    (void)diag;
    if (state == NULL) {
        return ERR_NOMEM;
    }
    worker->state = state; /* stop() takes it from here */
    TRY(realm_worker_init(&state->worker, &parts));
    for (size_t i = 0; i < conf->interface_count; i++) {
        struct door *door = &state->doors[i];

        door->worker = &state->worker;
        door->tls = conf->interfaces[i].is_tls ? shared->tls : NULL;
        TRY(listener_open(&door->listener, worker->loop, &shared->fds[i], on_accepted, door));
    }
    return OK;
}

static void stop(struct worker *worker)
{
    struct state *state = worker->state;

    if (state == NULL) {
        return;
    }
    for (size_t i = 0; i < REALM_CONF_INTERFACES_MAX; i++) {
        listener_close(state->doors[i].listener);
    }
    realm_conn_close_all(&state->worker);
    realm_worker_fini(&state->worker);
    free(state);
    worker->state = NULL;
}

const struct service realm_service = {
    .name = "wayleave realm",
    .summary = "messaging server: channels, events, STOMP over WebSocket",
    .rows = realm_conf_rows,
    .conf_bytes = sizeof(struct realm_conf),
    .builtin_conf = realm_conf_builtin,
    .single_worker = true,
    .leaves_root = true,
    .check = realm_conf_check,
    .prepare = prepare,
    .start = start,
    .stop = stop,
    .release = release,
};
