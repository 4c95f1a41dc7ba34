/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A message that comes in pieces and is wanted whole; at rest it takes no memory.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"

/** One piece more; *message is made with the first, which finds NULL there, and is the
 * caller's. ERR_NOMEM; ERR_LIMIT: it comes to more than so many bytes. */
must_check enum err realm_message_keep(struct buf **message, size_t bytes_max,
                                       struct span piece);

/** Frees what came; NULL stands there then. Takes NULL there. */
void realm_message_forget(struct buf **message);
