/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * PublishRate for who publishes without a session, over HTTP: all requests of a user, or of an
 * address of anonymous clients, count together, whatever connections they come on. At most
 * REALM_PUBLISHERS_MAX are known, the one that published longest ago is forgotten first.
 * Belongs to one worker.
 */
#pragma once

#include "base/list.h"
#include "base/map.h"
#include "realm/realm_rate.h"

enum {
    REALM_PUBLISHERS_MAX = 4096,
    REALM_PUBLISHERS_SECOND_MS = 1000,
};

struct realm_publishers {
    struct map map;
    struct list order; /* owned; who published longest ago is first */
};

/** Takes no memory. */
void realm_publishers_init(struct realm_publishers *publishers);

/** Takes one that was zeroed. */
void realm_publishers_fini(struct realm_publishers *publishers);

/**
 * One event more of the key's, `rate` in a second and `burst` at once.
 *
 * Returns OK         it may be published
 *         ERR_AGAIN  not before *ret_wait milliseconds have passed
 *         ERR_NOMEM
 */
must_check enum err realm_publishers_count(struct realm_publishers *publishers, struct span key,
                                           uint64_t rate, uint64_t burst, msec now,
                                           msec *ret_wait);
