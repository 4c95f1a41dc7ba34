/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Which connections are this proxy's own: to notice when one of them is diverted back to it, by
 * a rule that does not leave out the proxy's traffic. Otherwise each such connection would open
 * the next one, until something is exhausted.
 *
 * One table for all workers, of a fixed size and without a lock: descriptors by a digest of
 * both addresses. An entry is believed only after the system has said that this very descriptor
 * leads from there to there, so what is out of date does no harm, nothing is ever taken out,
 * and of two workers that write at once one is forgotten.
 */
#pragma once

#include "base/err.h"
#include "io/addr.h"

struct proxy_loop;

/** ERR_NOMEM. */
must_check enum err proxy_loop_new(struct proxy_loop **ret_loop);

/** After the last worker. Takes NULL. */
void proxy_loop_free(struct proxy_loop *loop);

/** A connection of ours to `remote` has been begun. Any thread. */
void proxy_loop_note(struct proxy_loop *loop, int fd, const struct addr *remote);

/** Whether a connection from `client` that was going to `origin` is one of ours. Any thread. */
bool proxy_loop_has(const struct proxy_loop *loop, const struct addr *client,
                    const struct addr *origin);
