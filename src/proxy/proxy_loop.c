/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_loop.h"

#include "io/sock.h"

#include <stdatomic.h>
#include <stdlib.h>

enum {
    BUCKETS = 16 * 1024, /* more connections than that are rarely open at once, */
    SLOTS = 4,           /* and then the last four of a bucket are known */
};

struct proxy_loop {
    atomic_int slots[BUCKETS][SLOTS]; /* descriptors and one more: 0 is empty */
};

enum err proxy_loop_new(struct proxy_loop **ret_loop)
{
    struct proxy_loop *loop = calloc(1, sizeof *loop);

    if (loop == NULL) {
        return ERR_NOMEM;
    }
    *ret_loop = loop;
    return OK;
}

void proxy_loop_free(struct proxy_loop *loop)
{
    free(loop);
}

/* FNV-1a. Who chooses ports and addresses so that they meet in a bucket makes the proxy forget
 * about loops, which only the administrator's rules can make. */
static uint32_t mix(uint32_t digest, const struct addr *addr)
{
    struct addr plain = addr_unmapped(addr);
    struct span bytes = plain.sa.any.sa_family == AF_INET6
                            ? span_of(&plain.sa.v6.sin6_addr, sizeof plain.sa.v6.sin6_addr)
                            : span_of(&plain.sa.v4.sin_addr, sizeof plain.sa.v4.sin_addr);
    uint16_t port = addr_port(&plain);

    for (size_t i = 0; i < bytes.len; i++) {
        digest = (digest ^ bytes.ptr[i]) * 16777619u;
    }
    digest = (digest ^ (port & 0xffu)) * 16777619u;
    return (digest ^ (uint32_t)(port >> 8)) * 16777619u;
}

static uint32_t bucket_of(const struct addr *local, const struct addr *remote)
{
    return mix(mix(2166136261u, local), remote) % BUCKETS;
}

static bool leads(int fd, const struct addr *local, const struct addr *remote)
{
    struct addr from, to;

    return sock_local_addr(fd, &from) == OK && sock_peer_addr(fd, &to) == OK &&
           addr_equal(&from, local) && addr_equal(&to, remote);
}

/* Whether a slot may be overwritten: empty, closed, or another connection's by now. */
static bool is_stale(int slot, uint32_t bucket)
{
    struct addr from, to;

    return slot == 0 || sock_local_addr(slot - 1, &from) != OK ||
           sock_peer_addr(slot - 1, &to) != OK || bucket_of(&from, &to) != bucket;
}

void proxy_loop_note(struct proxy_loop *loop, int fd, const struct addr *remote)
{
    struct addr local;
    uint32_t bucket;
    size_t chosen = (size_t)fd % SLOTS; /* when none is free */

    if (sock_local_addr(fd, &local) != OK) {
        return;
    }
    bucket = bucket_of(&local, remote);
    for (size_t i = 0; i < SLOTS; i++) {
        if (is_stale(atomic_load_explicit(&loop->slots[bucket][i], memory_order_relaxed),
                     bucket)) {
            chosen = i;
            break;
        }
    }
    atomic_store_explicit(&loop->slots[bucket][chosen], fd + 1, memory_order_relaxed);
}

bool proxy_loop_has(const struct proxy_loop *loop, const struct addr *client,
                    const struct addr *origin)
{
    uint32_t bucket = bucket_of(client, origin);

    for (size_t i = 0; i < SLOTS; i++) {
        int slot = atomic_load_explicit(&loop->slots[bucket][i], memory_order_relaxed);

        if (slot != 0 && leads(slot - 1, client, origin)) {
            return true;
        }
    }
    return false;
}
