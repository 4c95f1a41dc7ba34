/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "daemon/daemon_life.h"

#include "daemon/daemon_inside.h"
#include "daemon/daemon_log.h"
#include "daemon/daemon_reload.h"
#include "daemon/daemon_workers.h"
#include "daemon/resources.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

enum {
    TICK_MS = 1000,
    PROGRESS_MS = 5000, /* between two lines about the drain */
    TRIM_MS = 10000,    /* between two attempts to give memory back */
    WORK_BYTES = 128,
};

struct life {
    struct daemon *daemon;
    bool is_over;
    bool is_draining;
    msec drain_until; /* MSEC_NEVER: for ever */
    msec progress_at;
    msec trim_at;
};

static msec now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (msec)now.tv_sec * 1000 + (msec)now.tv_nsec / 1000000;
}

/* SIGUSR2 is worker_idle()'s: the last worker has nothing left. From elsewhere it means
 * nothing. */
void daemon_life_signals(sigset_t *ret_awaited)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2};

    sigemptyset(ret_awaited);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        sigaddset(ret_awaited, numbers[i]);
    }
}

/* ---- draining ---- */

static void describe_work(const struct daemon *daemon, char *room, size_t room_bytes)
{
    snprintf(room, room_bytes, "some work");
    if (daemon->service->describe_work != NULL) {
        daemon->service->describe_work(daemon, room, room_bytes);
    }
}

static void begin_drain(struct life *life)
{
    struct daemon *daemon = life->daemon;
    msec limit = daemon_snapshot_core(daemon->snapshot)->graceful_timeout;
    char work[WORK_BYTES];

    describe_work(daemon, work, sizeof work);
    life->is_draining = true;
    life->drain_until = limit == 0 ? MSEC_NEVER : now_ms() + limit;
    life->progress_at = now_ms() + PROGRESS_MS;
    if (limit == 0) {
        log_notice(&daemon->log, "%s drains: no new work, %s to finish, without a limit",
                   daemon->service->name, work);
    } else {
        log_notice(&daemon->log,
                   "%s drains: no new work, %s to finish, at most %llu ms "
                   "(GracefulShutdownTimeout; a second SIGTERM ends it at once)",
                   daemon->service->name, work, (unsigned long long)limit);
    }
    notify_send(&daemon->notify, "STOPPING=1\nSTATUS=draining: %s left", work);
    daemon_workers_drain(daemon);
}

static void watch_drain(struct life *life)
{
    struct daemon *daemon = life->daemon;
    char work[WORK_BYTES];
    msec now = now_ms();

    if (atomic_load(&daemon->busy_workers) == 0) {
        log_notice(&daemon->log, "%s stops: everything has finished", daemon->service->name);
        life->is_over = true;
        return;
    }
    if (now < life->drain_until && now < life->progress_at) {
        return;
    }
    describe_work(daemon, work, sizeof work);
    if (now >= life->drain_until) {
        log_warn(&daemon->log, "%s stops: the time to drain is up, %s cut",
                 daemon->service->name, work);
        life->is_over = true;
        return;
    }
    log_notice(&daemon->log, "%s drains: %s left", daemon->service->name, work);
    notify_send(&daemon->notify, "STATUS=draining: %s left", work);
    life->progress_at = now + PROGRESS_MS;
}

/* ---- memory ---- */

static void watch_memory(struct life *life)
{
    struct daemon *daemon = life->daemon;
    uint64_t max = daemon_snapshot_core(daemon->snapshot)->memory_max;
    bool was_over = atomic_load(&daemon->is_over_memory);
    uint64_t used = max == 0 ? 0 : resources_resident_bytes();
    bool is_over = max != 0 && used > max;

    /* What connections gave back may lie with the allocator: only then it is really gone. */
    if (is_over && now_ms() >= life->trim_at) {
        life->trim_at = now_ms() + TRIM_MS;
        resources_trim();
        used = resources_resident_bytes();
        is_over = used > max;
    }
    if (is_over != was_over) {
        atomic_store(&daemon->is_over_memory, is_over);
        log_warn(&daemon->log, "%s (%llu of %llu bytes, MemoryMax)",
                 is_over ? "too much memory is in use: new work is refused"
                         : "there is memory again: new work is taken",
                 (unsigned long long)used, (unsigned long long)max);
    }
}

/* ---- signals ---- */

static void reopen_logs(struct daemon *daemon)
{
    struct diag diag;
    enum err e;

    diag_init(&diag);
    e = daemon_reload_logs(daemon, &diag);
    daemon_log_diag(&daemon->log, &diag);
    diag_fini(&diag);
    log_notice(&daemon->log, "%s %s", daemon->service->name,
               e == OK ? "has opened its logs again"
                       : "could not open all logs again: they go on where they were");
}

static void end_now(struct life *life, const char *why)
{
    log_notice(&life->daemon->log, "%s stops: %s", life->daemon->service->name, why);
    notify_send(&life->daemon->notify, "STOPPING=1\nSTATUS=stopping");
    life->is_over = true;
}

static void on_signal(struct life *life, int number)
{
    struct daemon *daemon = life->daemon;

    switch (number) {
    case SIGINT: end_now(life, "interrupted"); return;
    case SIGTERM:
        if (life->is_draining) {
            end_now(life, "asked to a second time");
        } else if (daemon->service->drain == NULL) {
            end_now(life, "asked to");
        } else {
            begin_drain(life);
        }
        return;
    case SIGHUP:
        if (life->is_draining) {
            log_notice(&daemon->log, "%s drains: it is not reloaded any more",
                       daemon->service->name);
        } else {
            daemon_reload(daemon);
        }
        return;
    case SIGUSR1: reopen_logs(daemon); return;
    default: return;
    }
}

/* The next signal, or 0 when it is time to look at something. */
static int next_signal(const struct life *life, const sigset_t *awaited)
{
    const struct daemon *daemon = life->daemon;
    msec now = now_ms();
    msec wait = TICK_MS;
    struct timespec tick;

    if (!life->is_draining && daemon_snapshot_core(daemon->snapshot)->memory_max == 0 &&
        !atomic_load(&daemon->is_over_memory)) {
        return sigwaitinfo(awaited, NULL);
    }
    if (life->is_draining) {
        wait = life->drain_until <= now ? 0 : msec_min(wait, life->drain_until - now);
    }
    tick = (struct timespec){.tv_sec = (time_t)(wait / 1000),
                             .tv_nsec = (long)(wait % 1000) * 1000000};
    return sigtimedwait(awaited, NULL, &tick);
}

void daemon_life_run(struct daemon *daemon, const sigset_t *awaited)
{
    struct life life = {.daemon = daemon};

    while (!life.is_over) {
        int number = next_signal(&life, awaited);

        if (number > 0) {
            on_signal(&life, number);
        }
        if (!life.is_over && life.is_draining) {
            watch_drain(&life);
        }
        watch_memory(&life);
    }
}
