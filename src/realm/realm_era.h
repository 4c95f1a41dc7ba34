/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What was configured when a connection was born: it keeps that for its life, whatever a reload
 * changes for those who come later. Counted by its holders, all on the worker's thread: the
 * worker holds the present one, each connection that of its birth.
 */
#pragma once

#include "daemon/daemon_snapshot.h"
#include "realm/realm_conf.h"
#include "realm/realm_login.h"
#include "realm/realm_session.h"

struct realm_era {
    const struct realm_conf *conf; /* of the snapshot */
    struct realm_session_env env;  /* what its sessions are made with */
    struct realm_login_env login;  /* how its clients log in */

    /* realm_era.c's own. */
    struct daemon_snapshot *snapshot; /* held; NULL: the conf outlives the era (in tests) */
    size_t holders;
};

/** What does not change with a configuration; borrowed for the era's life. */
struct realm_era_parts {
    struct router *router;
    struct queue_set *queues;
    struct datagroup_set *groups;
    struct transaction_hall *hall;
    struct realm_stomp_forms *forms;
    struct buf *answers;
    struct rng *rng;
    struct metric_sheet *metrics;
    struct auth_desk *desk; /* NULL: nobody can log in */
    const struct log *log;
    void (*on_news)(void *owner); /* as struct realm_stomp_env has it */
    size_t event_bytes;           /* the router's: fixed at start */
};

/** With one holder. `snapshot` gets one holder more. ERR_NOMEM. */
must_check enum err realm_era_new(struct realm_era **ret_era, const struct realm_conf *conf,
                                  struct daemon_snapshot *snapshot,
                                  const struct realm_era_parts *parts);

/** One holder more; returns its argument. */
struct realm_era *realm_era_ref(struct realm_era *era);

/** One fewer; the last one frees it. Takes NULL. */
void realm_era_unref(struct realm_era *era);
