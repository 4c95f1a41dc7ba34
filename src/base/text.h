/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Numbers, durations and sizes as people and protocols write them. Strict: the whole text or
 * nothing, no sign, no space, no wrap.
 */
#pragma once

#include "base/clock.h"
#include "base/span.h"

/** Decimal digits only. False when empty, anything else stands there, or it is over `max`. */
bool text_u64(struct span text, uint64_t max, uint64_t *ret_number);

/** "500ms", "10s", "2m", "1h"; a bare number is in units of `bare` (1000 for seconds). */
bool text_duration(struct span text, msec bare, msec *ret_duration);

/** "512", "64k", "16m", "1g": bytes, in powers of 1024. */
bool text_size(struct span text, uint64_t *ret_bytes);

/** "*" stands for any number of characters, also none and also slashes; ASCII case counts. */
bool text_glob(struct span pattern, struct span text);

/** Copies what a log line can show; other bytes become \xNN. Always ends with a zero. */
const char *text_printable(struct span bytes, char *room, size_t room_bytes);
