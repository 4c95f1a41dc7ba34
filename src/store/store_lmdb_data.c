/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "store/store_lmdb_data.h"

#include "store/store_crc.h"

static void put_u64(uint8_t *to, uint64_t number)
{
    for (int i = 7; i >= 0; i--, number >>= 8) {
        to[i] = (uint8_t)number;
    }
}

static uint64_t get_u64(const uint8_t *from)
{
    uint64_t number = 0;

    for (int i = 0; i < 8; i++) {
        number = number << 8 | from[i];
    }
    return number;
}

void store_lmdb_data_key(uint64_t id, uint64_t eid, uint8_t key[STORE_LMDB_DATA_KEY_BYTES])
{
    put_u64(key, id);
    put_u64(key + 8, eid);
}

bool store_lmdb_data_read_key(struct span key, uint64_t *ret_id, uint64_t *ret_eid)
{
    if (key.len != STORE_LMDB_DATA_KEY_BYTES) {
        return false;
    }
    *ret_id = get_u64(key.ptr);
    *ret_eid = get_u64(key.ptr + 8);
    return true;
}

void store_lmdb_data_write(const struct store_lmdb_data_numbers *numbers,
                           uint8_t room[STORE_LMDB_DATA_NUMBERS_BYTES])
{
    const uint64_t all[] = {numbers->id,       numbers->epoch, numbers->first_eid,
                            numbers->next_eid, numbers->count, numbers->bytes};

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        put_u64(room + 8 * i, all[i]);
    }
    put_u64(room + sizeof all, store_crc(0, span_of(room, sizeof all)));
}

bool store_lmdb_data_read(struct span bytes, struct store_lmdb_data_numbers *ret_numbers)
{
    const size_t crc_at = STORE_LMDB_DATA_NUMBERS_BYTES - 8;
    const uint8_t *from = bytes.ptr;

    if (bytes.len != STORE_LMDB_DATA_NUMBERS_BYTES ||
        get_u64(from + crc_at) != store_crc(0, span_head(bytes, crc_at))) {
        return false;
    }
    *ret_numbers = (struct store_lmdb_data_numbers){
        .id = get_u64(from),
        .epoch = get_u64(from + 8),
        .first_eid = get_u64(from + 16),
        .next_eid = get_u64(from + 24),
        .count = get_u64(from + 32),
        .bytes = get_u64(from + 40),
    };
    return ret_numbers->first_eid <= ret_numbers->next_eid;
}
