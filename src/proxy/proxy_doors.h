/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The listening sockets of one configuration: those of Listen, and those of TransparentListen
 * with what they need.
 */
#pragma once

#include "base/err.h"
#include "conf/diag.h"

struct daemon;
struct daemon_snapshot;
struct listen_set;

struct proxy_doors {
    struct listen_set *listens;      /* owned, as is the next; NULL before they are bound */
    struct listen_set *transparents; /* TransparentListen */
};

/**
 * Binds what the snapshot's configuration asks for and `old` does not have (NULL: there is
 * none), and tells the snapshot where it listens. Errors as listen_set_bind();
 * proxy_doors_fini() is due in any case.
 */
must_check enum err proxy_doors_bind(struct daemon *daemon, struct daemon_snapshot *snapshot,
                                     const struct proxy_doors *old, struct diag *diag,
                                     struct proxy_doors *doors);

/** Takes a zeroed one as well. */
void proxy_doors_fini(struct proxy_doors *doors);
