/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_service.h"

#include "daemon/daemon.h"
#include "io/sock.h"
#include "net/listener.h"
#include "proxy/proxy_conn.h"
#include "proxy/proxy_worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    BACKLOG = 1024
};

/* ---- before the workers ---- */

static void make_via(struct proxy_shared *shared, const struct proxy_conf *conf)
{
    char host[256] = "wayleave";
    struct span name = conf->server_name;

    if (conf->via != PROXY_CONF_VIA_ON && conf->via != PROXY_CONF_VIA_FULL) {
        return;
    }
    if (name.len == 0) {
        if (gethostname(host, sizeof host - 1) != 0 || host[0] == '\0') {
            snprintf(host, sizeof host, "wayleave");
        }
        name = span_str(host);
    }
    snprintf(shared->via_on, sizeof shared->via_on, "1.1 %.*s%s", SPAN_ARG(name),
             conf->via == PROXY_CONF_VIA_FULL ? " (wayleave/" WAYLEAVE_VERSION ")" : "");
}

static void say_bind_failed(const struct proxy_conf_listen *listen, const char *file,
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
    diag_error(diag, file, listen->line, "Listen: %s cannot be listened on: %s (%s)",
               addr_text(&listen->addr, text), strerror(errno), remedy);
}

static void name_listening(struct daemon *daemon, int fd)
{
    struct addr addr;
    char text[ADDR_TEXT_BYTES];

    if (sock_local_addr(fd, &addr) == OK) {
        daemon_add_listening(daemon, addr_text(&addr, text));
    }
}

static enum err bind_all(struct daemon *daemon, struct proxy_shared *shared, int *fds,
                         struct diag *diag)
{
    const struct proxy_conf *conf = daemon_conf(daemon);
    size_t workers = daemon_worker_count(daemon);

    for (size_t i = 0; i < conf->listen_count; i++) {
        const struct proxy_conf_listen *listen = &conf->listens[i];
        enum err e = listener_bind(&listen->addr, BACKLOG, workers, fds);

        if (e == ERR_IO && listen->is_optional &&
            (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL)) {
            continue;
        }
        if (e == ERR_IO) {
            say_bind_failed(listen, daemon_conf_file(daemon), diag);
            return ERR_CONF;
        }
        TRY(e);
        name_listening(daemon, fds[0]);
        for (size_t w = 0; w < workers; w++) {
            shared->fds[w][i] = fds[w];
        }
    }
    return OK;
}

static enum err prepare(struct daemon *daemon, struct diag *diag)
{
    size_t workers = daemon_worker_count(daemon);
    struct proxy_shared *shared = calloc(1, sizeof *shared);
    int *fds;
    enum err e;

    if (shared == NULL) {
        return ERR_NOMEM;
    }
    daemon_set_shared(daemon, shared); /* release() takes it from here */
    shared->fds = calloc(workers, sizeof *shared->fds);
    if (shared->fds == NULL) {
        return ERR_NOMEM;
    }
    for (size_t w = 0; w < workers; w++) {
        for (size_t i = 0; i < PROXY_CONF_LISTENS_MAX; i++) {
            shared->fds[w][i] = -1;
        }
    }
    make_via(shared, daemon_conf(daemon));

    fds = calloc(workers, sizeof *fds);
    if (fds == NULL) {
        return ERR_NOMEM;
    }
    e = bind_all(daemon, shared, fds, diag);
    free(fds);
    return e;
}

static void release(struct daemon *daemon)
{
    struct proxy_shared *shared = daemon_shared(daemon);

    if (shared == NULL) {
        return;
    }
    for (size_t w = 0; shared->fds != NULL && w < daemon_worker_count(daemon); w++) {
        for (size_t i = 0; i < PROXY_CONF_LISTENS_MAX; i++) {
            sock_close(&shared->fds[w][i]);
        }
    }
    free(shared->fds);
    free(shared);
    daemon_set_shared(daemon, NULL);
}

/* ---- a worker ---- */

static void on_accepted(void *ctx, int fd, const struct addr *peer)
{
    proxy_conn_accept(ctx, fd, peer);
}

static enum err start(struct worker *worker, struct diag *diag)
{
    struct proxy_worker *state = calloc(1, sizeof *state);

    (void)diag;
    if (state == NULL) {
        return ERR_NOMEM;
    }
    worker->state = state; /* stop() takes it from here */
    state->worker = worker;
    state->conf = daemon_conf(worker->daemon);
    state->shared = daemon_shared(worker->daemon);
    list_init(&state->conns);
    pool_init(&state->pool, PROXY_WORKER_ROOM_BYTES, PROXY_WORKER_ROOMS_KEPT,
              state->conf->buffers_max);
    state->scratch = malloc(PROXY_WORKER_ROOM_BYTES);
    if (state->scratch == NULL) {
        return ERR_NOMEM;
    }
    state->relay_env = (struct relay_env){
        .loop = worker->loop,
        .pool = &state->pool,
        .scratch = mspan_of(state->scratch, PROXY_WORKER_ROOM_BYTES),
    };
    for (size_t i = 0; i < state->conf->listen_count; i++) {
        int *fd = &state->shared->fds[worker->index][i];

        if (*fd != -1) {
            TRY(listener_open(&state->listeners[i], worker->loop, fd, on_accepted, state));
        }
    }
    return OK;
}

static void stop(struct worker *worker)
{
    struct proxy_worker *state = worker->state;

    if (state == NULL) {
        return;
    }
    for (size_t i = 0; i < PROXY_CONF_LISTENS_MAX; i++) {
        listener_close(state->listeners[i]);
    }
    proxy_conn_close_all(state);
    pool_fini(&state->pool);
    free(state->scratch);
    free(state);
    worker->state = NULL;
}

const struct service proxy_service = {
    .name = "wayleave proxy",
    .summary = "forward proxy that understands WebSocket",
    .rows = proxy_conf_rows,
    .conf_bytes = sizeof(struct proxy_conf),
    .check = proxy_conf_check,
    .prepare = prepare,
    .start = start,
    .stop = stop,
    .release = release,
};

int proxy_service_main(int argc, char **argv)
{
    return daemon_main(&proxy_service, argc, argv);
}
