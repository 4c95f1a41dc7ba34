/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "admin/admin.h"

#include "admin/admin_conn.h"
#include "admin/admin_inside.h"
#include "io/sock.h"

#include <stdlib.h>

static bool has_addr(const struct listen_set *set, const struct addr *addr)
{
    for (size_t i = 0; set != NULL && i < listen_set_count(set); i++) {
        if (addr_equal(listen_set_addr(set, i), addr)) {
            return true;
        }
    }
    return false;
}

/* What is new, and so not known from an earlier line. */
static void say_listening(const struct daemon *daemon, const struct listen_set *set,
                          const struct listen_set *old)
{
    char text[ADDR_TEXT_BYTES];

    for (size_t i = 0; i < listen_set_count(set); i++) {
        const struct addr *addr = listen_set_addr(set, i);

        if (!has_addr(old, addr)) {
            log_notice(daemon_log(daemon), "%s: admin listener on %s",
                       daemon_service(daemon)->name, addr_text(addr, text));
        }
    }
}

enum err admin_bind(struct daemon *daemon, const struct daemon_snapshot *snapshot,
                    const struct listen_set *old, struct diag *diag,
                    struct listen_set **ret_set)
{
    const struct daemon_conf_admin *conf = &daemon_snapshot_core(snapshot)->admin;
    struct listen_set_want wants[DAEMON_CONF_ADMIN_LISTENS_MAX];
    const struct listen_set_plan plan = {
        .directive = "AdminListen",
        .file = daemon_conf_file(daemon),
        .wants = wants,
        .count = conf->listen_count,
        .workers = 1,
        .inherited = daemon_inherited(daemon),
    };

    for (size_t i = 0; i < conf->listen_count; i++) {
        wants[i] = (struct listen_set_want){.addr = conf->listens[i].addr,
                                            .line = conf->listens[i].line};
    }
    TRY(listen_set_bind(&plan, old, diag, ret_set));
    say_listening(daemon, *ret_set, old);
    return OK;
}

static void on_accepted(void *ctx, int fd, const struct addr *peer)
{
    struct admin *admin = ctx;

    if (admin->conn_count == ADMIN_CONNS_MAX || admin_conn_accept(admin, &fd, peer) != OK) {
        sock_close(&fd);
    }
}

enum err admin_new(struct admin **ret_admin, struct worker *worker,
                   const struct admin_source *source, struct listen_set *set)
{
    struct admin *admin = calloc(1, sizeof *admin);
    enum err e;

    if (admin == NULL) {
        return ERR_NOMEM;
    }
    admin->worker = worker;
    admin->source = source;
    list_init(&admin->conns);
    e = listen_set_serve(set, 0, worker->loop, on_accepted, admin, &admin->doors);
    if (e != OK) {
        admin_free(admin);
        return e;
    }
    *ret_admin = admin;
    return OK;
}

void admin_adopt(struct admin *admin, struct listen_set *set)
{
    if (listen_set_serve(set, 0, admin->worker->loop, on_accepted, admin, &admin->doors) !=
        OK) {
        log_error(admin->worker->log, "AdminListen: a socket could not be opened: out of "
                                      "memory or file descriptors");
    }
}

void admin_free(struct admin *admin)
{
    if (admin == NULL) {
        return;
    }
    listen_set_close(&admin->doors);
    while (!list_is_empty(&admin->conns)) {
        admin_conn_free(admin->conns.next);
    }
    free(admin);
}
