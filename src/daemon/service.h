/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What makes a daemon itself: a table of rows for its configuration and a few hooks whose
 * comments say what may be done in them. The order of things belongs to the skeleton, once:
 *
 *   start     check, prepare, User and Group, reopen, then start for each worker
 *   SIGHUP    check, reload, then adopt in each worker; reopen
 *   SIGUSR1   reopen
 *   SIGTERM   drain in each worker, until all are idle or the time is up; then stop, release
 *   SIGINT    stop, release
 */
#pragma once

#include "base/err.h"
#include "base/metric.h"
#include "conf/conf_schema.h"

struct daemon;
struct daemon_snapshot;
struct worker;

enum {
    SERVICE_ROWS_MAX = 8
};

enum service_place {
    SERVICE_IN_SERVER = 1u << 0, /* server level of a configuration file; a service's own
                                    sections take the flags above it */
};

/* Rows of another module, for a struct that lies inside the service's own. */
struct service_rows {
    const struct directive *rows; /* NULL ends the list */
    size_t offset;                /* in the service's configuration struct */
};

/* Hooks that say so may be NULL. */
struct service {
    const char *name;    /* "wayleave proxy" */
    const char *summary; /* half a sentence */

    /** The configuration: rows, and the size of the struct that they write to. */
    const struct directive *rows;
    size_t conf_bytes;
    const struct service_rows *more_rows; /* at most SERVICE_ROWS_MAX; NULL: none */
    /** Used when there is no -f; NULL: the daemon needs a file. */
    const char *builtin_conf;
    /** All of it lives on one loop: one worker, to which `Workers` gives threads that help it
     *  (worker->hands). */
    bool single_worker;
    /** As root without a User line: serve as nobody. False: as root, with a warning. */
    bool leaves_root;
    /** It opens the admin listener (admin/admin.h). False: AdminListen is refused. */
    bool has_admin;
    /** What each worker counts in worker->metrics; NULL: nothing. */
    const struct metric_row *metrics;

    /** Checks across rows, after a file was read without an error. Says all in the diag. */
    void (*check)(void *conf, const char *file, struct diag *diag);

    /** May be NULL. The configuration's last holder is gone, or it was refused: give back what
     *  rows and check() took outside of the arena. In any thread. */
    void (*conf_fini)(void *conf);

    /** May be NULL. File descriptors that a configuration may need at once; the skeleton raises
     *  the limit, and warns when it cannot. */
    uint64_t (*descriptors)(const void *conf);

    /** May be NULL. Capabilities (1 << CAP_NET_RAW ...) that a configuration needs for good:
     * they are kept when the daemon was started as root and becomes somebody else. */
    uint64_t (*capabilities)(const void *conf);

    /**
     * Once, in the main thread, before any worker, with the privileges that the daemon was
     * started with: bind ports, read keys. What cannot be done is said in the diag and is
     * ERR_CONF. Whatever was taken is given back by release().
     */
    enum err (*prepare)(struct daemon *daemon, struct diag *diag);

    /** May be NULL. In the main thread, unprivileged: open the files that are written to, or
     *  open them again (they were renamed, or a reload named others). At start ERR_CONF ends
     *  the daemon; later what cannot be opened stays as it was and is said in the diag. */
    enum err (*reopen)(struct daemon *daemon, const void *conf, struct diag *diag);

    /** For every worker, in the main thread before its loop runs: open what belongs to the
     * loop. */
    enum err (*start)(struct worker *worker, struct diag *diag);

    /**
     * NULL: this service is restarted, not reloaded. In the main thread, unprivileged; `next`
     * was read and checked, workers still serve the current one: take what it needs that may
     * fail (bind ports) and attach it. ERR_CONF with a sentence in the diag, ERR_NOMEM, ERR_IO:
     * `next` is dropped, nothing has changed.
     */
    enum err (*reload)(struct daemon *daemon, struct daemon_snapshot *next, struct diag *diag);

    /** With reload(). In the worker's thread: worker_conf() is the new one from now on.
     *  Connections that hold the old one keep it. Cannot fail, only log. */
    void (*adopt)(struct worker *worker);

    /** May be NULL. A snapshot's last holder is gone, in any thread: give back what is
     *  attached to it (which may be NULL). Before conf_fini(). */
    void (*forget)(struct daemon_snapshot *snapshot);

    /** NULL: stop at once. In the worker's thread: no new work, finish what is running, and
     *  worker_idle() when nothing is left (also from in here). */
    void (*drain)(struct worker *worker);

    /** May be NULL. How many pieces of work still run in all workers, for the log while
     *  draining: "12 tunnels". In the main thread; may only read metrics and atomics. */
    void (*describe_work)(const struct daemon *daemon, char *room, size_t room_bytes);

    /** In the worker's thread, or in the main thread when its loop never ran: close everything
     *  that start() opened and every connection. Also called after a start() that failed. */
    void (*stop)(struct worker *worker);

    /** Once, after the last stop(): give back what prepare() took, as far as it came. */
    void (*release)(struct daemon *daemon);
};
