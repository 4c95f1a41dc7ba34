/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Who holds how much of what lasts longer than a session and is bounded for all together, so
 * that no one client takes it all. An account belongs to whoever its key names, a user or an
 * address: the owner's to choose. It is there as long as something is counted in it. What was
 * there when the realm started is in nobody's.
 */
#pragma once

#include "base/map.h"

enum account_thing {
    ACCOUNT_CHANNELS, /* channels and queues made by their first use */
    ACCOUNT_DURABLES, /* names of durable subscriptions */
    ACCOUNT_THINGS,
};

struct account_set {
    struct map map; /* by key; owned */
};

struct account {
    struct account_set *set; /* borrowed */
    size_t counts[ACCOUNT_THINGS];
    size_t key_len;
    uint8_t key[];
};

/** Takes no memory. */
void account_set_init(struct account_set *set);

/** Everything must have been given back. */
void account_set_fini(struct account_set *set);

/** How many the key holds. */
size_t account_count(const struct account_set *set, struct span key, enum account_thing thing);

/** Whether somebody who holds `count` may have one more: at most `max`; where that is 0, as
 * many as are `free` afterwards, so that whoever comes next finds no less than was taken. */
bool account_may(size_t count, size_t max, size_t free);

/** One more for the key. ERR_NOMEM. */
must_check enum err account_take(struct account_set *set, struct span key,
                                 enum account_thing thing, struct account **ret_account);

/** One fewer. Takes NULL. */
void account_give(struct account *account, enum account_thing thing);
