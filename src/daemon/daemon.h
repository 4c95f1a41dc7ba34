/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The skeleton of both daemons: options, configuration, preparation, workers, signals, the end.
 *
 *   -f FILE   the configuration        -t        check it and leave
 *   -D NAME   for <IfDefine NAME>      -u NAME   who serves, instead of User
 *   -h        what this is             -V        version
 *
 * It stays in the foreground and says "ready" in one line of its log once all workers accept.
 *
 *   SIGHUP    reads the configuration again; a wrong one changes nothing and is said in the log
 *   SIGUSR1   opens the logs again
 *   SIGTERM   no new work; ends when what is running has finished, at the latest after
 *             GracefulShutdownTimeout. A second one ends it at once
 *   SIGINT    ends it at once and in order
 *
 * The exit status is 0 then, 1 after a fault that was said in a sentence, 2 for options that
 * cannot be meant.
 */
#pragma once

#include "base/log.h"
#include "conf/diag.h"
#include "daemon/daemon_snapshot.h"
#include "daemon/service.h"
#include "daemon/worker.h"

struct inherited;

/** Runs a service to its end; the result is the process's exit status. */
int daemon_main(const struct service *service, int argc, char **argv);

/* ---- in the main thread: prepare(), reopen(), start(), reload(), release() ---- */

/** The service's own configuration struct: complete and immutable. In a worker's thread it is
 *  worker_conf(). */
const void *daemon_conf(const struct daemon *daemon);

/** The current configuration; in prepare() the first one. In a worker: worker_snapshot(). */
struct daemon_snapshot *daemon_snapshot(const struct daemon *daemon);

/** To be named in the line that says "ready": daemon_snapshot_add_listening() on the first
 *  configuration. */
void daemon_add_listening(struct daemon *daemon, const char *address);

/** Sockets that systemd handed over: for listen_set_bind() in prepare(). */
struct inherited *daemon_inherited(struct daemon *daemon);

/* ---- in any thread ---- */

/** What the operator calls the configuration, for messages. */
const char *daemon_conf_file(const struct daemon *daemon);

const struct service *daemon_service(const struct daemon *daemon);

/** What prepare() keeps for the workers: set once, read by all. */
void daemon_set_shared(struct daemon *daemon, void *shared);
void *daemon_shared(const struct daemon *daemon);

size_t daemon_worker_count(const struct daemon *daemon);

/** Threads that serve, in all workers together: what `Workers` has come to. */
size_t daemon_hand_count(const struct daemon *daemon);

/** The daemon's log; lives as long as the daemon. For the main thread: a worker has its own. */
const struct log *daemon_log(const struct daemon *daemon);

/** A letter to the worker with that index; see io/mailbox.h. From start() on, until the last
 *  worker has stopped. A worker that has stopped opens what is left with worker->state NULL. */
void daemon_post(struct daemon *daemon, size_t index, struct mailbox_letter *letter);

/** The worker with that index: for a letter that is opened there. Not to be touched elsewhere.
 */
struct worker *daemon_worker(const struct daemon *daemon, size_t index);

/** What that worker counts: to be read; NULL when there is nothing. */
const struct metric_sheet *daemon_metrics(const struct daemon *daemon, size_t index);

/** The sum of a counter or gauge over all workers. */
uint64_t daemon_metric_sum(const struct daemon *daemon, size_t row);

/** Whether the process is over MemoryMax, as of a second ago: new work is to be told 503. */
bool daemon_is_over_memory(const struct daemon *daemon);

bool daemon_is_draining(const struct daemon *daemon);

/* For people to read. */
struct daemon_facts {
    int64_t started_at;       /* seconds since 1970 */
    int64_t failed_reload_at; /* the last reload that was refused, if none came after; or 0 */
    uint64_t reloads;
    uint64_t memory_bytes; /* resident now */
};

struct daemon_facts daemon_facts(const struct daemon *daemon);
