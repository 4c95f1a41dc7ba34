/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Masking, RFC 6455 section 5.3. Masking twice is unmasking, so there is one function.
 */
#pragma once

#include "base/span.h"

enum {
    WS_MASK_BYTES = 4
};

/**
 * Mask or unmask in place. `offset` is how far into the payload `bytes` begins, so a payload
 * may be done in pieces of any size; any alignment will do.
 */
void ws_mask(struct mspan bytes, const uint8_t key[WS_MASK_BYTES], uint64_t offset);
