/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * client ===== client_end [relay] server_end ===== server
 *
 * The test speaks at both outer ends; the relay moves whenever the loop turns.
 */
#pragma once

#include "net/relay.h"

#include "lib/loopback.h"

#include <stdlib.h>

enum {
    SCRATCH_BYTES = 16384,
    ROOM_BYTES = 16384,
};

struct rig {
    struct loop *loop;
    struct pool pool;
    struct relay_env env;
    struct relay relay;
    struct stream *client;
    struct stream *client_end;
    struct stream *server_end;
    struct stream *server;
    unsigned ended_count;
    enum relay_end end;
    uint8_t scratch[SCRATCH_BYTES];
};

static inline void on_ended(void *ctx, enum relay_end end)
{
    struct rig *rig = ctx;

    rig->ended_count++;
    rig->end = end;
}

static inline void init_relay(struct rig *rig)
{
    relay_init(&rig->relay, &rig->env, rig->client_end, rig->server_end, on_ended, rig);
}

/* Everything but relay_start(). */
static inline struct rig *set_up(void (*make_pair)(int ret_fds[2]), size_t max_rooms)
{
    struct rig *rig = calloc(1, sizeof *rig);
    int fds[2];

    assert_non_null(rig);
    assert_ok(loop_new(&rig->loop));
    pool_init(&rig->pool, ROOM_BYTES, 0, max_rooms);
    rig->env = (struct relay_env){
        .loop = rig->loop, .pool = &rig->pool, .scratch = {rig->scratch, SCRATCH_BYTES}};
    make_pair(fds);
    loopback_streams(rig->loop, fds, &rig->client, &rig->client_end);
    make_pair(fds);
    loopback_streams(rig->loop, fds, &rig->server, &rig->server_end);
    init_relay(rig);
    return rig;
}

static inline struct rig *start(void (*make_pair)(int ret_fds[2]), size_t max_rooms)
{
    struct rig *rig = set_up(make_pair, max_rooms);

    relay_start(&rig->relay);
    return rig;
}

static inline void tear_down(struct rig *rig)
{
    relay_fini(&rig->relay);
    stream_free(rig->client);
    stream_free(rig->client_end);
    stream_free(rig->server_end);
    stream_free(rig->server);
    pool_fini(&rig->pool); /* asserts that no room is out */
    loop_free(rig->loop);
    free(rig);
}

static inline bool has_ended(void *ctx)
{
    return ((struct rig *)ctx)->ended_count > 0;
}

static inline void expect_end(struct rig *rig, enum relay_end end)
{
    loopback_turn_until(rig->loop, has_ended, rig);
    loopback_settle(rig->loop);
    assert_int_equal(rig->ended_count, 1); /* once, and nothing after it */
    assert_int_equal(rig->end, end);
}

static inline void reset_by(struct stream **stream)
{
    stream_abort(*stream);
    stream_free(*stream);
    *stream = NULL;
}
