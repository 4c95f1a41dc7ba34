/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * One connection of the admin listener: one request, one answer, then it is closed.
 */
#pragma once

#include "base/err.h"
#include "base/list.h"
#include "io/addr.h"

struct admin;

/** ERR_NOMEM, ERR_IO: the descriptor is still the caller's. */
must_check enum err admin_conn_accept(struct admin *admin, int *take_fd,
                                      const struct addr *peer);

/** By its node in admin->conns. */
void admin_conn_free(struct list *node);
