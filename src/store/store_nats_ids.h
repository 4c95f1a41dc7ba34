/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The publish ids of the newest events, of all streams: part of what all realms agree on. Two
 * realms may have accepted the same event while neither knew of the other's; the log has it
 * twice then, and only the first counts.
 */
#pragma once

#include "base/err.h"
#include "base/span.h"

enum {
    STORE_NATS_IDS_MAX = 16384, /* ids that are remembered */
    STORE_NATS_IDS_SUM_BYTES = 32,
};

/** As it is kept in the mirror. */
struct store_nats_ids_slot {
    uint8_t sum[STORE_NATS_IDS_SUM_BYTES]; /* of the stream's name and the id */
    uint64_t eid;                          /* 0: the slot is free */
    uint64_t turn;                         /* how many were before it */
};

struct store_nats_ids {
    struct store_nats_ids_slot *slots; /* owned, as are the next; taken with the first id */
    uint32_t *heads;                   /* by a part of the sum: a place in `slots`, and one */
    uint32_t *followers;               /* the next with the same part */
    uint64_t turn;                     /* of the next id */
};

void store_nats_ids_init(struct store_nats_ids *ids);
void store_nats_ids_fini(struct store_nats_ids *ids);

/** ERR_NOMEM. */
must_check enum err store_nats_ids_sum(struct span stream, struct span id,
                                       uint8_t ret_sum[STORE_NATS_IDS_SUM_BYTES]);

/** Sees to it that store_nats_ids_add() has memory. ERR_NOMEM. */
must_check enum err store_nats_ids_prepare(struct store_nats_ids *ids);

/** The EID of the event with this id; 0: it is not remembered. */
uint64_t store_nats_ids_find(const struct store_nats_ids *ids,
                             const uint8_t sum[STORE_NATS_IDS_SUM_BYTES]);

/** Instead of the oldest. Which slot it has is the same in every realm. */
const struct store_nats_ids_slot *store_nats_ids_add(
    struct store_nats_ids *ids, const uint8_t sum[STORE_NATS_IDS_SUM_BYTES], uint64_t eid);

/** The number of a slot, below STORE_NATS_IDS_MAX. */
uint32_t store_nats_ids_place(const struct store_nats_ids *ids,
                              const struct store_nats_ids_slot *slot);

/** Puts back what was kept, in any order. False: it is none. */
bool store_nats_ids_restore(struct store_nats_ids *ids, struct span kept);
