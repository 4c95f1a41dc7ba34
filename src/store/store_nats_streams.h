/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The streams that this realm or another has used, each over one of the mirror.
 */
#pragma once

#include "store/store_nats_inside.h"

/** Made when there is none. ERR_NOMEM, ERR_IO. */
must_check enum err store_nats_streams_get(struct store_nats *nats, struct span name,
                                           struct store_nats_stream **ret_stream);

/** After the mirror was opened again. ERR_NOMEM, ERR_IO. */
must_check enum err store_nats_streams_reopen(struct store_nats *nats);

/** The numbers that the realm sees become the mirror's. */
void store_nats_streams_show(struct store_nats *nats, struct store_nats_stream *stream);

/** One event more, which is told before others that the mirror has already. */
void store_nats_streams_show_event(struct store_nats *nats, struct store_nats_stream *stream,
                                   uint64_t eid, uint64_t bytes);

void store_nats_streams_fini(struct store_nats *nats);
