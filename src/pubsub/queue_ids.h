/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The newest publish ids of a queue and what became of them. An event leaves its queue when it
 * is consumed, which may be sooner than its publisher learns that it was taken and asks again;
 * so ids are remembered for their own sake.
 */
#pragma once

#include "base/list.h"
#include "base/map.h"

struct queue_ids {
    struct map map;    /* id to entry */
    struct list order; /* oldest first; owned */
    size_t max;        /* ids */
};

void queue_ids_init(struct queue_ids *ids, size_t max);
void queue_ids_fini(struct queue_ids *ids);

/** The EID that was published under this id; 0: none that is remembered. */
uint64_t queue_ids_find(const struct queue_ids *ids, struct span id);

/** Remember a new one; the oldest is forgotten past the maximum. ERR_NOMEM. */
must_check enum err queue_ids_add(struct queue_ids *ids, struct span id, uint64_t eid);
