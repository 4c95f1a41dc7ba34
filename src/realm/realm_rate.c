/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_rate.h"

void realm_rate_init(struct realm_rate *rate, uint64_t count, msec period, uint64_t burst,
                     msec now)
{
    int64_t max = (int64_t)(burst * period);

    *rate = (struct realm_rate){count, period, max, max, now};
}

static int64_t level_at(const struct realm_rate *rate, msec now)
{
    uint64_t room = (uint64_t)(rate->level_max - rate->level);
    msec passed = now > rate->at ? now - rate->at : 0;

    if (passed >= room / rate->count + 1) { /* also what a product would not hold */
        return rate->level_max;
    }
    return rate->level + (int64_t)(passed * rate->count);
}

void realm_rate_take(struct realm_rate *rate, msec now)
{
    if (rate->count > 0) {
        rate->level = level_at(rate, now) - (int64_t)rate->period;
        rate->at = now > rate->at ? now : rate->at;
    }
}

bool realm_rate_is_over(const struct realm_rate *rate, msec now)
{
    return rate->count > 0 && level_at(rate, now) < 0;
}

msec realm_rate_ready_at(const struct realm_rate *rate, msec now)
{
    uint64_t missing;

    if (!realm_rate_is_over(rate, now)) {
        return MSEC_NEVER;
    }
    missing = (uint64_t)-level_at(rate, now);
    return now + (missing + rate->count - 1) / rate->count;
}
