/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Two realms on one disk, for the promises of sharing.
 */
#pragma once

#include "contract/store_contract_rig.h"

enum {
    STORE_CONTRACT_PAIR_LOG_BYTES = 16 * 1024,
    STORE_CONTRACT_PAIR_GONE_MAX = 16
};

/* One of the two, and what it was told: "+3:body " its own and others' events, "k=v " and "k! "
 * keys, "lock:theirs(value) " locks. */
struct store_contract_pair_realm {
    struct store *store;
    struct store_stream *stream; /* "/q" */
    char log[STORE_CONTRACT_PAIR_LOG_BYTES];
    bool gone[STORE_CONTRACT_PAIR_GONE_MAX]; /* EIDs that are stored no longer */
};

struct store_contract_pair {
    struct store_contract_rig *rig;
    struct store_contract_pair_realm realms[2]; /* the first has the rig's store */
};

/** Opens "/q" in both of them. The first realm is the rig's. */
void store_contract_pair_begin(struct store_contract_pair *pair, void **state,
                               enum store_keep keep);
void store_contract_pair_end(struct store_contract_pair *pair);

void store_contract_pair_turn(struct store_contract_pair *pair, size_t which);

/** Until the realm was told this, as the newest. */
void store_contract_pair_await(struct store_contract_pair *pair, size_t which,
                               const char *tail);

/** Into the realm's log, as if it had been told. */
void store_contract_pair_note_event(struct store_contract_pair_realm *realm,
                                    const struct event *event, uint64_t eid);

/** What the rig has under these names, done by one of the two. */
void store_contract_pair_submit(struct store_contract_pair *pair, size_t which,
                                const struct store_op *ops, size_t count,
                                struct store_contract_rig_told *told);
uint64_t store_contract_pair_append(struct store_contract_pair *pair, size_t which,
                                    const char *body);
void store_contract_pair_change(struct store_contract_pair *pair, size_t which,
                                enum store_op_type type, uint64_t eid);
void store_contract_pair_put(struct store_contract_pair *pair, size_t which, const char *key,
                             const char *value);
