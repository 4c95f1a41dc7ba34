/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_seats.h"

enum {
    EXTRA_MAX = 256, /* clients that are told that there is no room */
    OWN_MAX = 128,   /* descriptors for everything else: files, listeners, administrators */
};

static uint64_t at_most(uint64_t count, uint64_t max)
{
    return count < max ? count : max;
}

uint64_t realm_seats_descriptors(size_t sessions_max)
{
    return (uint64_t)sessions_max + EXTRA_MAX + OWN_MAX;
}

void realm_seats_set(struct realm_seats *seats, size_t sessions_max, uint64_t descriptors)
{
    uint64_t usable = descriptors - at_most(OWN_MAX, descriptors / 4);
    uint64_t extra = at_most(EXTRA_MAX, usable / 8);

    seats->descriptors = descriptors;
    seats->sessions = (size_t)at_most(sessions_max, usable - extra);
    seats->all = seats->sessions + (size_t)extra;
}

bool realm_seats_tell(struct realm_seats *seats)
{
    bool is_news = !seats->is_told;

    seats->is_told = true;
    return is_news;
}

void realm_seats_left(struct realm_seats *seats, size_t taken)
{
    if (taken < seats->sessions - seats->sessions / 10) {
        seats->is_told = false;
    }
}
