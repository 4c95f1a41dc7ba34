/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * How often something may happen: so many times in a period on the average, so many at once.
 * What has happened may pass the mark; then it must wait until the average is right again.
 */
#pragma once

#include "base/clock.h"

#include <stdbool.h>
#include <stdint.h>

struct realm_rate {
    uint64_t count; /* 0: as often as it likes. Also what each millisecond brings */
    msec period;    /* also what each time costs */
    int64_t level;  /* what is left; below 0: too many */
    int64_t level_max;
    msec at; /* when level was that */
};

/** `count` in each `period`, `burst` at once; it has that many at first. The product of period
 *  and burst is at most INT64_MAX / 2. */
void realm_rate_init(struct realm_rate *rate, uint64_t count, msec period, uint64_t burst,
                     msec now);

/** It has happened. */
void realm_rate_take(struct realm_rate *rate, msec now);

/** Whether it may happen no more for now. */
bool realm_rate_is_over(const struct realm_rate *rate, msec now);

/** When it may again; MSEC_NEVER when it may already. */
msec realm_rate_ready_at(const struct realm_rate *rate, msec now);
