/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The mirror at the start: as it was left, when the log still has all that came after; else
 * from the last snapshot; else empty, when the log is whole.
 */
#pragma once

#include "store/store_nats_inside.h"

/** Waits. ERR_CONF, ERR_IO, ERR_CLOSED, ERR_NOMEM: `fault` has a sentence. */
must_check enum err store_nats_restore_mirror(struct store_nats *nats,
                                              char fault[STORE_NATS_FAULT_BYTES]);
