/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The addresses that clients come from: how many connections each holds, and how many of its
 * logins have failed a short while ago. A client is an IPv4 address, or the /64 that an IPv6
 * address is in: a host has a whole one to choose from. Belongs to one worker.
 *
 * An address is known as long as it has connections; one whose logins failed is remembered
 * behind that, at most REALM_CLIENTS_REMEMBERED_MAX of them, the longest gone forgotten first.
 */
#pragma once

#include "base/err.h"
#include "base/list.h"
#include "base/map.h"
#include "io/addr.h"
#include "realm/realm_rate.h"

enum {
    REALM_CLIENTS_REMEMBERED_MAX = 4096,
    REALM_CLIENTS_KEY_BYTES = 9, /* a letter, and 4 or 8 bytes */
};

struct realm_clients {
    struct map map;
    struct list remembered; /* without connections; the longest gone first */
    size_t remembered_count;
};

/** One address; the table's own. */
struct realm_clients_client {
    struct list node; /* in `remembered`, or alone */
    size_t connections;
    struct realm_rate failures; /* of logins; without a limit it was never begun */
    uint8_t key[REALM_CLIENTS_KEY_BYTES];
    size_t key_len;
};

/** What an address is known by: its four bytes, or the eight of its /64. */
struct span realm_clients_key(const struct addr *addr, uint8_t room[REALM_CLIENTS_KEY_BYTES]);

/** Takes no memory. */
void realm_clients_init(struct realm_clients *clients);

/** Every connection must be gone. Takes one that was zeroed. */
void realm_clients_fini(struct realm_clients *clients);

/** A connection more. ERR_LIMIT: the address has `max` already (0: no limit), ERR_NOMEM. */
must_check enum err realm_clients_enter(struct realm_clients *clients, const struct addr *addr,
                                        size_t max, struct realm_clients_client **ret_client);

/** One fewer; the client may be gone afterwards. */
void realm_clients_leave(struct realm_clients *clients, struct realm_clients_client *client);

/** Whether a login may be tried: fewer than `a_minute` have failed; 0: no limit. */
bool realm_clients_may_try(const struct realm_clients_client *client, size_t a_minute,
                           msec now);

/** A login has failed. True when no more may be tried for now, and could before: say so once.
 */
bool realm_clients_failed(struct realm_clients_client *client, size_t a_minute, msec now);
