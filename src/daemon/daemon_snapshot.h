/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * One whole configuration: read, checked, and never changed afterwards. Counted by its holders:
 * the daemon and each worker hold the current one, a connection that of its request or tunnel.
 * A reload makes another; the old one goes with its last holder, in whatever thread that is.
 */
#pragma once

#include "base/err.h"
#include "conf/diag.h"
#include "daemon/daemon_conf.h"

struct daemon_snapshot;
struct service;

enum {
    DAEMON_SNAPSHOT_TABLES_MAX = 11 /* SERVICE_ROWS_MAX, and three more */
};

/** All tables of a service's configuration: its own, those that every daemon has, and httpd's.
 *  `core` and `conf` are what they write to. Returns how many were written to `tables`, which
 *  has room for DAEMON_SNAPSHOT_TABLES_MAX. */
size_t daemon_snapshot_tables(const struct service *service, struct daemon_conf *core,
                              void *conf, struct conf_table *tables);

/**
 * Reads `file` for a service; NULL: the service's built-in configuration. `defines` are names
 * for <IfDefine>, NULL ends them. All that is to be said about it is in the diag afterwards.
 *
 * Returns OK         there may be warnings
 *         ERR_CONF   at least one error was said
 *         ERR_NOMEM
 */
must_check enum err daemon_snapshot_load(const struct service *service, const char *file,
                                         const char *const *defines, struct diag *diag,
                                         struct daemon_snapshot **ret_snapshot);

/** One more holder; returns its argument. From any thread that holds it already. */
struct daemon_snapshot *daemon_snapshot_ref(struct daemon_snapshot *snapshot);

/** One holder less. Takes NULL. From any thread. */
void daemon_snapshot_unref(struct daemon_snapshot *snapshot);

/** The service's configuration struct. */
const void *daemon_snapshot_conf(const struct daemon_snapshot *snapshot);

/** Directives that every daemon has. */
const struct daemon_conf *daemon_snapshot_core(const struct daemon_snapshot *snapshot);

/** Seconds since 1970 when it was read, for people. */
int64_t daemon_snapshot_loaded_at(const struct daemon_snapshot *snapshot);

/** What service->prepare() or service->reload() keeps with a configuration, such as sockets
 *  that were bound for it. service->forget() gives it back. Set once, before workers see it. */
void daemon_snapshot_attach(struct daemon_snapshot *snapshot, void *attached);
void *daemon_snapshot_attached(const struct daemon_snapshot *snapshot);

/** For the lines that say "ready" and "reloaded", and the status: "127.0.0.1:8080". Copied, cut
 *  when too many. Before workers see it. */
void daemon_snapshot_add_listening(struct daemon_snapshot *snapshot, const char *address);

/** "127.0.0.1:8080, [::1]:8080". */
const char *daemon_snapshot_listening(const struct daemon_snapshot *snapshot);
