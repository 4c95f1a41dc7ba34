/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "store/store_nats_ids.h"

#include "base/digest.h"

#include <stdlib.h>

void store_nats_ids_init(struct store_nats_ids *ids)
{
    *ids = (struct store_nats_ids){.turn = 0};
}

void store_nats_ids_fini(struct store_nats_ids *ids)
{
    free(ids->slots);
    free(ids->heads);
    free(ids->followers);
    store_nats_ids_init(ids);
}

enum err store_nats_ids_sum(struct span stream, struct span id,
                            uint8_t ret_sum[STORE_NATS_IDS_SUM_BYTES])
{
    static_assert((int)STORE_NATS_IDS_SUM_BYTES == (int)DIGEST_SHA256_BYTES,
                  "a sum is SHA-256");
    return digest_hmac_sha256(stream, id, ret_sum);
}

enum err store_nats_ids_prepare(struct store_nats_ids *ids)
{
    if (ids->slots == NULL) {
        ids->slots = calloc(STORE_NATS_IDS_MAX, sizeof *ids->slots);
    }
    if (ids->heads == NULL) {
        ids->heads = calloc(STORE_NATS_IDS_MAX, sizeof *ids->heads);
    }
    if (ids->followers == NULL) {
        ids->followers = calloc(STORE_NATS_IDS_MAX, sizeof *ids->followers);
    }
    return ids->slots == NULL || ids->heads == NULL || ids->followers == NULL ? ERR_NOMEM : OK;
}

static uint32_t *head_of(const struct store_nats_ids *ids,
                         const uint8_t sum[STORE_NATS_IDS_SUM_BYTES])
{
    uint32_t part;

    memcpy(&part, sum, sizeof part);
    return &ids->heads[part % STORE_NATS_IDS_MAX];
}

uint64_t store_nats_ids_find(const struct store_nats_ids *ids,
                             const uint8_t sum[STORE_NATS_IDS_SUM_BYTES])
{
    uint32_t at = ids->followers == NULL || ids->heads == NULL || ids->slots == NULL
                      ? 0
                      : *head_of(ids, sum);

    while (at != 0) {
        const struct store_nats_ids_slot *slot = &ids->slots[at - 1];

        if (memcmp(slot->sum, sum, STORE_NATS_IDS_SUM_BYTES) == 0) {
            return slot->eid;
        }
        at = ids->followers[at - 1];
    }
    return 0;
}

static void unlink_slot(struct store_nats_ids *ids, uint32_t place)
{
    uint32_t *at = head_of(ids, ids->slots[place].sum);

    if (ids->slots[place].eid == 0) {
        return;
    }
    while (*at != place + 1) {
        at = &ids->followers[*at - 1];
    }
    *at = ids->followers[place];
}

static void fill_slot(struct store_nats_ids *ids, uint32_t place,
                      const struct store_nats_ids_slot *slot)
{
    uint32_t *head;

    unlink_slot(ids, place);
    ids->slots[place] = *slot;
    head = head_of(ids, slot->sum);
    ids->followers[place] = *head;
    *head = place + 1;
}

const struct store_nats_ids_slot *store_nats_ids_add(
    struct store_nats_ids *ids, const uint8_t sum[STORE_NATS_IDS_SUM_BYTES], uint64_t eid)
{
    struct store_nats_ids_slot slot = {.eid = eid, .turn = ids->turn};
    uint32_t place = (uint32_t)(ids->turn++ % STORE_NATS_IDS_MAX);

    memcpy(slot.sum, sum, sizeof slot.sum);
    fill_slot(ids, place, &slot);
    return &ids->slots[place];
}

uint32_t store_nats_ids_place(const struct store_nats_ids *ids,
                              const struct store_nats_ids_slot *slot)
{
    return (uint32_t)(slot - ids->slots);
}

bool store_nats_ids_restore(struct store_nats_ids *ids, struct span kept)
{
    struct store_nats_ids_slot slot;

    if (kept.len != sizeof slot) {
        return false;
    }
    memcpy(&slot, kept.ptr, sizeof slot);
    if (slot.eid == 0) {
        return false;
    }
    fill_slot(ids, (uint32_t)(slot.turn % STORE_NATS_IDS_MAX), &slot);
    if (slot.turn >= ids->turn) {
        ids->turn = slot.turn + 1;
    }
    return true;
}
