/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Keys of "events", and the numbers of a stream as "streams" has them.
 */
#pragma once

#include "pubsub/store.h"

enum {
    STORE_LMDB_DATA_KEY_BYTES = 16,
    STORE_LMDB_DATA_NUMBERS_BYTES = 56,
};

/** A stream's numbers; see struct store_stream. */
struct store_lmdb_data_numbers {
    uint64_t id; /* in keys: names are long, and keys are many */
    uint64_t epoch;
    uint64_t first_eid; /* records below it are rubbish */
    uint64_t next_eid;
    uint64_t count;
    uint64_t bytes;
};

/** The id and the EID with their highest byte first, so that LMDB's order is theirs. */
void store_lmdb_data_key(uint64_t id, uint64_t eid, uint8_t key[STORE_LMDB_DATA_KEY_BYTES]);

/** False when it is no such key. */
bool store_lmdb_data_read_key(struct span key, uint64_t *ret_id, uint64_t *ret_eid);

/** With a checksum: a stream whose numbers are wrong would give out EIDs twice. */
void store_lmdb_data_write(const struct store_lmdb_data_numbers *numbers,
                           uint8_t room[STORE_LMDB_DATA_NUMBERS_BYTES]);

/** False when they cannot be right. */
bool store_lmdb_data_read(struct span bytes, struct store_lmdb_data_numbers *ret_numbers);
