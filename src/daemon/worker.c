/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "daemon/worker.h"

#include "daemon/daemon_inside.h"

#include <signal.h>

const void *worker_conf(const struct worker *worker)
{
    return daemon_snapshot_conf(worker->snapshot);
}

struct daemon_snapshot *worker_snapshot(const struct worker *worker)
{
    return worker->snapshot;
}

void worker_idle(struct worker *worker)
{
    if (!worker->is_draining || worker->is_idle) {
        return;
    }
    worker->is_idle = true;
    if (atomic_fetch_sub(&worker->daemon->busy_workers, 1) == 1) {
        pthread_kill(worker->daemon->main_thread, SIGUSR2); /* see daemon_life.c */
    }
}
