/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What makes a daemon itself: a table of rows for its configuration and a few hooks whose
 * comments say what may be done in them. The order of things belongs to daemon.c, once.
 */
#pragma once

#include "base/err.h"
#include "conf/conf_schema.h"

struct daemon;
struct worker;

enum service_place {
    SERVICE_IN_SERVER = 1u << 0, /* server level of a configuration file; a service's own
                                    sections take the flags above it */
};

struct service {
    const char *name;    /* "wayleave proxy" */
    const char *summary; /* half a sentence */

    /** The configuration: rows, and the size of the struct that they write to. */
    const struct directive *rows;
    size_t conf_bytes;
    /** Used when there is no -f; NULL: the daemon needs a file. */
    const char *builtin_conf;
    /** All of it lives on one loop: one worker, whatever `Workers` says. */
    bool single_worker;

    /** Checks across rows, after a file was read without an error. Says all in the diag. */
    void (*check)(void *conf, const char *file, struct diag *diag);

    /**
     * Once, in the main thread, before any worker: bind ports, read keys. What cannot be done
     * is said in the diag and is ERR_CONF. Whatever was taken is given back by release().
     */
    enum err (*prepare)(struct daemon *daemon, struct diag *diag);

    /** For every worker, in the main thread before its loop runs: open what belongs to the
     * loop. */
    enum err (*start)(struct worker *worker, struct diag *diag);

    /** In the worker's thread, or in the main thread when its loop never ran: close everything
     *  that start() opened and every connection. Also called after a start() that failed. */
    void (*stop)(struct worker *worker);

    /** Once, after the last stop(): give back what prepare() took, as far as it came. */
    void (*release)(struct daemon *daemon);
};
