/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_clients.h"

#include <stdlib.h>

enum {
    NETWORK_BYTES = 8, /* a /64 */
    MINUTE_MS = 60000,
};

void realm_clients_init(struct realm_clients *clients)
{
    *clients = (struct realm_clients){.remembered_count = 0};
    map_init(&clients->map, SIZE_MAX); /* as many as connections, which others bound */
    list_init(&clients->remembered);
}

static void forget(struct realm_clients *clients, struct realm_clients_client *client)
{
    if (!list_is_empty(&client->node)) {
        list_remove(&client->node);
        clients->remembered_count--;
    }
    map_remove(&clients->map, span_of(client->key, client->key_len));
    free(client);
}

void realm_clients_fini(struct realm_clients *clients)
{
    if (clients->map.max == 0) {
        return;
    }
    LIST_FOREACH (node, after, &clients->remembered) {
        forget(clients, LIST_ENTRY(node, struct realm_clients_client, node));
    }
    assert(map_count(&clients->map) == 0);
    map_fini(&clients->map);
}

struct span realm_clients_key(const struct addr *addr, uint8_t room[REALM_CLIENTS_KEY_BYTES])
{
    const struct addr plain = addr_unmapped(addr);
    bool is_v4 = plain.sa.any.sa_family == AF_INET;
    size_t len = is_v4 ? sizeof plain.sa.v4.sin_addr : NETWORK_BYTES;

    room[0] = is_v4 ? '4' : '6';
    if (is_v4) {
        memcpy(room + 1, &plain.sa.v4.sin_addr, len);
    } else {
        memcpy(room + 1, &plain.sa.v6.sin6_addr, len);
    }
    return span_of(room, 1 + len);
}

static enum err client_new(struct realm_clients *clients, const struct addr *addr,
                           struct realm_clients_client **ret_client)
{
    struct realm_clients_client *client = calloc(1, sizeof *client);
    struct span key;
    enum err e;

    if (client == NULL) {
        return ERR_NOMEM;
    }
    list_init(&client->node);
    key = realm_clients_key(addr, client->key);
    client->key_len = key.len;
    e = map_insert(&clients->map, key, client);
    if (e != OK) {
        free(client);
        return e;
    }
    *ret_client = client;
    return OK;
}

enum err realm_clients_enter(struct realm_clients *clients, const struct addr *addr, size_t max,
                             struct realm_clients_client **ret_client)
{
    uint8_t room[REALM_CLIENTS_KEY_BYTES];
    struct realm_clients_client *client =
        map_find(&clients->map, realm_clients_key(addr, room));

    if (client == NULL) {
        TRY(client_new(clients, addr, &client));
    } else if (max > 0 && client->connections >= max) {
        return ERR_LIMIT;
    }
    if (!list_is_empty(&client->node)) { /* it has come back */
        list_remove(&client->node);
        clients->remembered_count--;
    }
    client->connections++;
    *ret_client = client;
    return OK;
}

void realm_clients_leave(struct realm_clients *clients, struct realm_clients_client *client)
{
    assert(client->connections > 0);
    if (--client->connections > 0) {
        return;
    }
    if (client->failures.count == 0) {
        forget(clients, client);
        return;
    }
    if (clients->remembered_count == REALM_CLIENTS_REMEMBERED_MAX) {
        forget(clients,
               LIST_ENTRY(clients->remembered.next, struct realm_clients_client, node));
    }
    list_append(&clients->remembered, &client->node);
    clients->remembered_count++;
}

bool realm_clients_may_try(const struct realm_clients_client *client, size_t a_minute, msec now)
{
    return a_minute == 0 || !realm_rate_is_over(&client->failures, now);
}

/* For the first failure, and after a reload has changed the limit: what has failed before that
 * still counts, as connections with the old limit and the new may come by turns. */
static void set_limit(struct realm_rate *failures, size_t a_minute, msec now)
{
    const struct realm_rate old = *failures;

    realm_rate_init(failures, a_minute, MINUTE_MS, a_minute - 1, now);
    if (old.count > 0 && old.level < failures->level) {
        failures->level = old.level;
        failures->at = old.at;
    }
}

bool realm_clients_failed(struct realm_clients_client *client, size_t a_minute, msec now)
{
    bool could = realm_clients_may_try(client, a_minute, now);

    if (a_minute == 0) {
        return false;
    }
    if (client->failures.count != a_minute) {
        set_limit(&client->failures, a_minute, now);
    }
    realm_rate_take(&client->failures, now);
    return could && !realm_clients_may_try(client, a_minute, now);
}
