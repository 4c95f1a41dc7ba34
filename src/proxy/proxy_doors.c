/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_doors.h"

#include "daemon/daemon.h"
#include "daemon/listen_set.h"
#include "io/sock.h"
#include "proxy/proxy_conf.h"

#include <errno.h>
#include <stdio.h>

static enum err bind_listens(struct daemon *daemon, const char *directive,
                             const struct proxy_listen_list *listens,
                             const struct listen_set *old, struct diag *diag,
                             struct listen_set **ret_set)
{
    struct listen_set_want wants[PROXY_LISTEN_MAX];
    const struct listen_set_plan plan = {
        .directive = directive,
        .file = daemon_conf_file(daemon),
        .wants = wants,
        .count = listens->count,
        .workers = daemon_worker_count(daemon),
        .inherited = daemon_inherited(daemon),
    };

    static_assert((int)PROXY_LISTEN_MAX <= (int)LISTEN_SET_MAX, "a set holds them all");
    for (size_t i = 0; i < listens->count; i++) {
        wants[i] = (struct listen_set_want){.addr = listens->ptr[i].addr,
                                            .line = listens->ptr[i].line,
                                            .is_optional = listens->ptr[i].is_optional,
                                            .is_transparent = listens->ptr[i].is_tproxy};
    }
    return listen_set_bind(&plan, old, diag, ret_set);
}

/* "0.0.0.0:3129 tproxy" for those that are not for everybody. */
static void tell_listening(struct daemon_snapshot *snapshot, const struct proxy_doors *doors)
{
    char text[ADDR_TEXT_BYTES + 16];

    for (size_t i = 0; i < listen_set_count(doors->listens); i++) {
        daemon_snapshot_add_listening(snapshot,
                                      addr_text(listen_set_addr(doors->listens, i), text));
    }
    for (size_t i = 0; i < listen_set_count(doors->transparents); i++) {
        addr_text(listen_set_addr(doors->transparents, i), text);
        strcat(text,
               listen_set_is_transparent(doors->transparents, i) ? " tproxy" : " redirect");
        daemon_snapshot_add_listening(snapshot, text);
    }
}

/* What TransparentSource client takes, asked for while it can still be refused in a sentence.
 */
static enum err check_spoofing(const struct daemon *daemon, const struct proxy_conf *conf,
                               struct diag *diag)
{
    if (!proxy_divert_conf_spoofs(&conf->divert) || sock_may_be_transparent(AF_INET) == OK) {
        return OK;
    }
    diag_error(
        diag, daemon_conf_file(daemon), conf->divert.source_line,
        "TransparentSource client: this proxy may not use its clients' addresses: %s (it "
        "needs the capability CAP_NET_RAW when it starts: start as root, or write "
        "AmbientCapabilities=CAP_NET_RAW in the systemd unit; a reload cannot get it back)",
        strerror(errno));
    return ERR_CONF;
}

enum err proxy_doors_bind(struct daemon *daemon, struct daemon_snapshot *snapshot,
                          const struct proxy_doors *old, struct diag *diag,
                          struct proxy_doors *doors)
{
    const struct proxy_conf *conf = daemon_snapshot_conf(snapshot);

    TRY(check_spoofing(daemon, conf, diag));
    TRY(bind_listens(daemon, "Listen", &conf->listens, old == NULL ? NULL : old->listens, diag,
                     &doors->listens));
    TRY(bind_listens(daemon, "TransparentListen", &conf->divert.listens,
                     old == NULL ? NULL : old->transparents, diag, &doors->transparents));
    tell_listening(snapshot, doors);
    return OK;
}

void proxy_doors_fini(struct proxy_doors *doors)
{
    listen_set_free(doors->listens);
    listen_set_free(doors->transparents);
    *doors = (struct proxy_doors){NULL, NULL};
}
