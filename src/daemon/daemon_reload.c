/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "daemon/daemon_reload.h"

#include "daemon/daemon_inside.h"
#include "daemon/daemon_log.h"
#include "daemon/daemon_workers.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

enum err daemon_reload_logs(struct daemon *daemon, struct diag *diag)
{
    const struct daemon_conf *core = daemon_snapshot_core(daemon->snapshot);
    enum err e =
        logfile_open(&daemon->log_file, core->error_log, STDERR_FILENO, "ErrorLog", diag);

    if (daemon->service->reopen != NULL) {
        enum err also = daemon->service->reopen(daemon, daemon_conf(daemon), diag);

        e = e == OK ? also : e;
    }
    return e;
}

/* What cannot change while we run is said, not done. */
static void warn_of_unchanged(const struct daemon *daemon, const struct daemon_snapshot *next,
                              struct diag *diag)
{
    const struct daemon_conf *now = daemon_snapshot_core(daemon->snapshot);
    const struct daemon_conf *then = daemon_snapshot_core(next);
    const struct {
        const char *name;
        bool is_changed;
    } fixed[] = {
        {"Workers", now->workers != then->workers},
        {"User", !span_equal(now->user.name, then->user.name)},
        {"Group", !span_equal(now->group.name, then->group.name)},
        {"PidFile", !span_equal(now->pid_file, then->pid_file)},
    };

    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
        if (fixed[i].is_changed) {
            diag_warn(diag, daemon_conf_file(daemon), 0,
                      "%s has changed, which takes effect at the next start", fixed[i].name);
        }
    }
}

/* Everything that may fail comes before the exchange. */
static enum err exchange(struct daemon *daemon, struct daemon_snapshot *next, struct diag *diag)
{
    struct daemon_snapshot *old = daemon->snapshot;
    enum err e;

    TRY(logfile_check(daemon_snapshot_core(next)->error_log, "ErrorLog", diag));
    TRY(daemon->service->reload(daemon, next, diag));
    warn_of_unchanged(daemon, next, diag);
    daemon->snapshot = next;
    e = daemon_workers_adopt(daemon);
    if (e != OK) {
        daemon->snapshot = old;
        return e;
    }
    daemon->log.level = daemon_snapshot_core(next)->log_level;
    daemon_snapshot_unref(old);
    return OK;
}

static enum err try_reload(struct daemon *daemon, struct diag *diag)
{
    struct daemon_snapshot *next;
    enum err e;

    TRY(daemon_snapshot_load(daemon->service, daemon->file, daemon->defines, diag, &next));
    e = exchange(daemon, next, diag);
    if (e != OK) {
        daemon_snapshot_unref(next);
    }
    return e;
}

static void say_outcome(struct daemon *daemon, enum err e, int error, struct diag *diag)
{
    daemon_log_diag(&daemon->log, diag);
    if (e == OK) {
        log_notice(&daemon->log, "%s reloaded %s, now on %s", daemon->service->name,
                   daemon_conf_file(daemon), daemon_snapshot_listening(daemon->snapshot));
        return;
    }
    if (e != ERR_CONF) {
        log_error(&daemon->log, "the configuration could not be taken: %s",
                  e == ERR_IO ? strerror(error) : err_text(e));
    }
    log_error(&daemon->log, "%s was not reloaded: %s stays in force as it was",
              daemon->service->name, daemon_conf_file(daemon));
}

void daemon_reload(struct daemon *daemon)
{
    struct diag diag;
    int error;
    enum err e;

    if (daemon->service->reload == NULL || daemon->file == NULL) {
        log_warn(&daemon->log, "%s %s: nothing was changed", daemon->service->name,
                 daemon->file == NULL ? "has no configuration file to reload"
                                      : "cannot be reloaded, only restarted");
        return;
    }
    notify_reloading(&daemon->notify);
    diag_init(&diag);
    e = try_reload(daemon, &diag);
    error = errno;
    if (e == OK) {
        atomic_fetch_add(&daemon->reloads, 1);
        atomic_store(&daemon->failed_reload_at, 0);
        if (daemon_reload_logs(daemon, &diag) != OK) {
            diag_warn(&diag, NULL, 0, "the logs go on where they were");
        }
    } else {
        atomic_store(&daemon->failed_reload_at, (int64_t)time(NULL));
    }
    say_outcome(daemon, e, error, &diag);
    diag_fini(&diag);
    notify_send(&daemon->notify, "READY=1\nSTATUS=%s",
                e == OK ? "serving" : "serving; the last reload was refused, the log says why");
}
