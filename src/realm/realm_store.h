/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The store that the configuration names, opened for one worker, with the mailbox that its
 * thread answers by.
 */
#pragma once

#include "conf/diag.h"
#include "io/mailbox.h"
#include "realm/realm_conf.h"

struct realm_store {
    struct store *store; /* owned, as is the next; NULL: Store memory */
    struct mailbox *mailbox;
};

struct realm_store_parts {
    const struct realm_conf *conf;
    struct loop *loop;
    const struct log *log; /* borrowed for the store's life, as is the next */
    struct rng *rng;
    const char *file;  /* the configuration's, for a sentence; may be NULL */
    struct diag *diag; /* may be NULL: nobody reads it */
};

/** ERR_CONF: the diag says what the operator can do; ERR_IO likewise; ERR_NOMEM. In any case
 *  realm_store_close(). */
must_check enum err realm_store_open(struct realm_store *store,
                                     const struct realm_store_parts *parts);

/** What was accepted is stored and told first. */
void realm_store_close(struct realm_store *store);
