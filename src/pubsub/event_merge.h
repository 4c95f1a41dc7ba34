/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * An event that holds only what has changed, laid over the one before it: doc/wire.md, "Events
 * that hold changes". Members of the dictionary take the place of those with their name, others
 * stay; data and tag stay where the change has none. A null is a value like others: nothing is
 * ever taken out.
 */
#pragma once

#include "base/buf.h"
#include "pubsub/event.h"

/**
 * Appends the body of the merged event, which is of type application/vnd.wayleave.event+json.
 *
 * Returns OK
 *         ERR_CONF   one of the two has no dictionary: there is nothing to merge
 *         ERR_LIMIT  `out` is full, or the dictionary is larger than EVENT_SOURCE_DICT_...
 *         ERR_NOMEM
 * What was appended before an error stays.
 */
must_check enum err event_merge(const struct event *base, const struct event *change,
                                struct buf *out);
