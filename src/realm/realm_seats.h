/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * How many connections a worker takes: SessionsMax, or as many as the system gives descriptors
 * for. A few more are taken only to be told so, which is kinder than silence: a client that is
 * not accepted waits until it gives up. Knows no connections; they are counted by the owner.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct realm_seats {
    uint64_t descriptors; /* that the process may have */
    size_t sessions;      /* connections that may become sessions */
    size_t all;           /* with those that are told that there is no room */
    bool is_told;         /* that it is full is in the log */
};

/** Another SessionsMax; `descriptors` is for good. */
void realm_seats_set(struct realm_seats *seats, size_t sessions_max, uint64_t descriptors);

/** What the process needs for that SessionsMax. */
uint64_t realm_seats_descriptors(size_t sessions_max);

/** A client has come who may not become a session. True when that is worth a line in the log:
 *  the first time, and after there was room again. */
bool realm_seats_tell(struct realm_seats *seats);

/** A connection has gone; there are `taken` now. */
void realm_seats_left(struct realm_seats *seats, size_t taken);
