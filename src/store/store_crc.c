/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "store/store_crc.h"

#include <pthread.h>

enum {
    SLICES = 8, /* bytes that one step takes: replay reads every byte of a store */
};

#define POLYNOMIAL 0x82f63b78u /* 0x1edc6f41 with its bits reversed */

/* tables[n][b]: what byte b does when n zero bytes follow it. */
static uint32_t tables[SLICES][256];
static pthread_once_t made = PTHREAD_ONCE_INIT;

/* Processors that know this polynomial take a third of the time. */
#if defined(__x86_64__) && defined(__GNUC__)
static bool has_instruction;

static void look_for_instruction(void)
{
    has_instruction = __builtin_cpu_supports("sse4.2");
}

__attribute__((target("sse4.2"))) static uint32_t by_instruction(uint32_t crc,
                                                                 struct span bytes)
{
    const uint8_t *at = bytes.ptr;
    size_t left = bytes.len;
    uint64_t state = crc;

    for (; left >= SLICES; left -= SLICES, at += SLICES) {
        uint64_t word;

        memcpy(&word, at, sizeof word);
        state = __builtin_ia32_crc32di(state, word);
    }
    crc = (uint32_t)state;
    for (; left > 0; left--, at++) {
        crc = __builtin_ia32_crc32qi(crc, *at);
    }
    return crc;
}
#else
static const bool has_instruction = false;

static void look_for_instruction(void)
{
}

static uint32_t by_instruction(uint32_t crc, struct span bytes)
{
    (void)bytes;
    return crc;
}
#endif

static void make_tables(void)
{
    look_for_instruction();
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;

        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ ((crc & 1) != 0 ? POLYNOMIAL : 0);
        }
        tables[0][byte] = crc;
    }
    for (int slice = 1; slice < SLICES; slice++) {
        for (int byte = 0; byte < 256; byte++) {
            uint32_t before = tables[slice - 1][byte];

            tables[slice][byte] = (before >> 8) ^ tables[0][before & 0xff];
        }
    }
}

static uint32_t by_tables(uint32_t crc, struct span bytes)
{
    const uint8_t *at = bytes.ptr;
    size_t left = bytes.len;

    for (; left >= SLICES; left -= SLICES, at += SLICES) {
        crc ^= (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
               (uint32_t)at[3] << 24;
        crc = tables[7][crc & 0xff] ^ tables[6][crc >> 8 & 0xff] ^ tables[5][crc >> 16 & 0xff] ^
              tables[4][crc >> 24] ^ tables[3][at[4]] ^ tables[2][at[5]] ^ tables[1][at[6]] ^
              tables[0][at[7]];
    }
    for (; left > 0; left--, at++) {
        crc = (crc >> 8) ^ tables[0][(crc ^ *at) & 0xff];
    }
    return crc;
}

uint32_t store_crc(uint32_t crc, struct span bytes)
{
    pthread_once(&made, make_tables);
    return ~(has_instruction ? by_instruction(~crc, bytes) : by_tables(~crc, bytes));
}

uint32_t store_crc_by_tables(uint32_t crc, struct span bytes)
{
    pthread_once(&made, make_tables);
    return ~by_tables(~crc, bytes);
}
