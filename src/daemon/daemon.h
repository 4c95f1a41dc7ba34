/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The skeleton of both daemons: options, configuration, preparation, workers, signals, the end.
 *
 *   -f FILE   the configuration        -t        check it and leave
 *   -h        what this is             -V        version
 *
 * It stays in the foreground, logs to stderr, and says "ready" in one line once all workers
 * accept. SIGINT and SIGTERM end it at once and in order; the exit status is 0 then, 1 after a
 * fault that was said in a sentence, 2 for options that cannot be meant.
 */
#pragma once

#include "base/log.h"
#include "conf/diag.h"
#include "daemon/service.h"
#include "daemon/worker.h"

/** Runs a service to its end; the result is the process's exit status. */
int daemon_main(const struct service *service, int argc, char **argv);

/** The service's own configuration struct: complete, immutable, alive until release(). */
const void *daemon_conf(const struct daemon *daemon);

/** What the operator calls the configuration, for messages. */
const char *daemon_conf_file(const struct daemon *daemon);

/** What prepare() keeps for the workers: set once, read by all. */
void daemon_set_shared(struct daemon *daemon, void *shared);
void *daemon_shared(const struct daemon *daemon);

size_t daemon_worker_count(const struct daemon *daemon);

/** To be named in the line that says "ready": "127.0.0.1:8080". Copied; cut when too many. */
void daemon_add_listening(struct daemon *daemon, const char *address);

/** The daemon's log; lives as long as the daemon. */
const struct log *daemon_log(const struct daemon *daemon);
