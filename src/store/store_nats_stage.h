/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What an entry of the log changes. First all memory is taken and nothing is changed; then all
 * is changed and nothing can fail.
 */
#pragma once

#include "store/store_nats_inside.h"

/** A lot without operations. ERR_NOMEM. */
must_check enum err store_nats_stage_new(struct store_nats *nats,
                                         struct store_nats_lot **ret_lot);

/** The operations of the body, and memory for what they change. ERR_PROTO: the body is none;
 *  ERR_NOMEM, ERR_IO. */
must_check enum err store_nats_stage_read(struct store_nats_lot *lot, struct span body);

/** Changes what all realms agree on, and gathers what the mirror is to change. */
void store_nats_stage_do(struct store_nats_lot *lot);

/** Takes NULL. */
void store_nats_stage_free(struct store_nats_lot *lot);
