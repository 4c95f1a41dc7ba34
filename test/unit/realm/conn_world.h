/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A realm on a real loop for the tests of its connections: a configuration that suits most of
 * them, a worker, clients over socket pairs, and a store that others have filled.
 */
#pragma once

#include "io/sock.h"
#include "lib/loopback.h"
#include "lib/testing.h"
#include "net/stream_tcp.h"
#include "realm/realm_conn.h"
#include "realm/realm_worker.h"
#include "store/store_mem.h"

struct conn_world {
    struct realm_conf conf;
    struct loop *loop;
    struct log log;
    struct realm_worker worker;
};

/** Small, and open to everybody; the rules are borrowed. */
static inline struct realm_conf conn_world_conf(struct router_rule *rules, size_t count)
{
    return (struct realm_conf){
        .access = {.allows_anonymous = true},
        .rules = rules,
        .rule_count = count,
        .channels_max = 10,
        .store_bytes_total = 1 << 28,
        .view_bytes_total = 1 << 28,
        .sessions_max = 8,
        .subscriptions_max = 10,
        .transactions_max = 2,
        .transactions = {.remembered_max = 2,
                         .remembered = 1000,
                         .items_max = 2,
                         .bytes_max = 4096},
        .publish_ids_max = 2,
        .event_bytes = 1 << 16,
        .outbox_bytes = 1 << 17,
        .view_bytes = 1 << 18,
        .heart_beat = 20000,
        .handshake_timeout = 10000,
        .keep_alive_timeout = 10000,
        .line_bytes = 1000,
        .field_count = 50,
        .field_bytes = 1000,
    };
}

/** Stays where it is until its end: the worker points into it. `sink` may be NULL. What an
 * error leaves behind is conn_world_end()'s, too. */
static inline enum err conn_world_begin(struct conn_world *world, const struct realm_conf *conf,
                                        const struct log *log)
{
    struct realm_worker_parts parts;

    *world = (struct conn_world){.conf = *conf, .log = *log};
    TRY(loop_new(&world->loop));
    parts = (struct realm_worker_parts){.hands = 3,
                                        .descriptors = UINT64_MAX,
                                        .conf = &world->conf,
                                        .loop = world->loop,
                                        .log = &world->log,
                                        .rng = rng_seeded(1)};
    return realm_worker_init(&world->worker, &parts);
}

static inline void conn_world_end(struct conn_world *world)
{
    if (world->loop != NULL && world->worker.loop != NULL) {
        if (world->worker.era != NULL) {
            realm_conn_close_all(&world->worker);
        }
        realm_worker_fini(&world->worker);
    }
    loop_free(world->loop);
}

/** A client's end, which is the caller's whatever comes of the realm's. *ret_server_fd, unless
 *  NULL, is only to be looked at. */
static inline enum err conn_world_connect(struct conn_world *world, int *ret_fd,
                                          int *ret_server_fd)
{
    struct stream *stream = NULL;
    struct addr addr;
    int fds[2];
    enum err e;

    assert_true(addr_parse(SPAN("127.0.0.1"), 1, &addr));
    loopback_tcp_pair(fds);
    *ret_fd = fds[0];
    if (ret_server_fd != NULL) {
        *ret_server_fd = fds[1];
    }
    e = stream_tcp_new(&stream, world->loop, &fds[1]);
    if (e == OK) {
        e = realm_conn_new(&world->worker, &addr, REALM_HOST_OVER_NETWORK, &stream);
    }
    stream_free(stream);
    sock_close(&fds[1]);
    return e;
}

/* ---- a store that has no room ---- */

struct conn_world_store {
    struct store_mem_disk *disk;
    struct store *store;
};

static inline void conn_world_on_room(void *worker)
{
    realm_worker_wake(worker);
}

static inline void conn_world_on_stored(void *ctx, enum err e, const uint64_t *eids)
{
    (void)ctx;
    (void)eids;
    assert_ok(e);
}

static inline void conn_world_store_begin(struct conn_world *world,
                                          struct conn_world_store *store)
{
    const struct store_mem_conf conf = {.bytes_max = 1 << 16,
                                        .streams_max = 1,
                                        .pending_bytes_max = 1000,
                                        .rng = &world->worker.rng};

    assert_ok(store_mem_disk_new(&store->disk));
    assert_ok(store_mem_open(&conf, store->disk, &store->store));
    store->store->on_room = conn_world_on_room;
    store->store->on_room_ctx = &world->worker;
    world->worker.router.conf.store = store->store;
}

/** Somebody else submits as much as may be pending, until store_mem_run(). */
static inline void conn_world_store_fill(struct conn_world_store *store)
{
    static uint8_t large[800];
    const struct store_op op = {
        .type = STORE_PUT, .key = SPAN("k"), .value = span_of(large, sizeof large)};

    assert_ok(store_submit(store->store, &op, 1, conn_world_on_stored, NULL));
}

static inline void conn_world_store_end(struct conn_world *world,
                                        struct conn_world_store *store)
{
    store_close(store->store);
    world->worker.router.conf.store = NULL;
    store_mem_disk_free(store->disk);
}
