/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * CRC-32C (Castagnoli; RFC 3720 appendix B.4), which finds what a disk or a cable changed by
 * accident. It stops no enemy.
 */
#pragma once

#include "base/span.h"

/** The checksum of what `crc` is that of, followed by `bytes`. Begin with 0. Any thread. */
uint32_t store_crc(uint32_t crc, struct span bytes);

/** The same, without what the processor may know by itself: for tests. */
uint32_t store_crc_by_tables(uint32_t crc, struct span bytes);
