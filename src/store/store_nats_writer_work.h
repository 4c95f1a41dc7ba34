/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What a batch of store_nats_writer says, done on its thread.
 */
#pragma once

#include "store/store_nats_writer_inside.h"

/** The answer to the writer's batch, which is filled in; see there for the errors. */
must_check enum err store_nats_writer_work(struct store_nats_writer *writer);
