/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A test of store_nats: a NATS server, which all tests of a program share, and up to three
 * stores at it, each with a loop of its own.
 */
#pragma once

#include "base/log.h"
#include "base/rng.h"
#include "contract/store_nats_rig.h"
#include "io/loop.h"
#include "io/mailbox.h"
#include "pubsub/store.h"

enum {
    STORE_NATS_SCENE_SAID_BYTES = 16 * 1024,
    STORE_NATS_SCENE_REALMS = 3,
};

struct store_nats_scene_realm {
    struct store *store;
    struct store_stream *stream;
    struct loop *loop;
    struct mailbox *mailbox;
    char dir[32];        /* of the mirror; empty: in memory */
    unsigned events;     /* that it was told of as another's */
    unsigned locks_lost; /* on_lock, free */
};

struct store_nats_scene {
    struct store_nats_rig *server; /* borrowed */
    char name[32];                 /* of the StoreRealm */
    struct store_nats_scene_realm realms[STORE_NATS_SCENE_REALMS];
    struct rng rng;
    struct log log;
    char said[STORE_NATS_SCENE_SAID_BYTES]; /* to the log, by all of them */
    uint64_t log_bytes_max;
    msec timeout;
};

/** What came of a submission. */
struct store_nats_scene_told {
    unsigned times;
    enum err e;
    uint64_t eid;
};

/** For cmocka: of the group, with its server as the state; and of a test, which has a scene. */
int store_nats_scene_start(void **state);
int store_nats_scene_stop(void **state);
int store_nats_scene_begin(void **state);
int store_nats_scene_end(void **state);

#define STORE_NATS_SCENE_TEST(test) \
    cmocka_unit_test_setup_teardown(test, store_nats_scene_begin, store_nats_scene_end)

/* ---- realms ---- */

/** Its mirror is on the disk. Before it is opened. */
void store_nats_scene_give_directory(struct store_nats_scene_realm *realm);

must_check enum err store_nats_scene_try_open(struct store_nats_scene *scene, size_t which,
                                              char *fault);

void store_nats_scene_open(struct store_nats_scene *scene, size_t which);

void store_nats_scene_close(struct store_nats_scene_realm *realm);

/** One turn of each loop. */
void store_nats_scene_turn(struct store_nats_scene *scene);

/** Until one of them has said this to the log. */
void store_nats_scene_await_line(struct store_nats_scene *scene, const char *line);

/* ---- submissions ---- */

/** A store_done: `ctx` is a struct store_nats_scene_told. */
void store_nats_scene_on_done(void *ctx, enum err e, const uint64_t *eids);

/** An event of the stream /a. */
must_check enum err store_nats_scene_submit(struct store_nats_scene_realm *realm,
                                            struct span body,
                                            struct store_nats_scene_told *told);

/** Until something came of it. */
void store_nats_scene_await_any(struct store_nats_scene *scene,
                                const struct store_nats_scene_told *told);

/** Until it is stored. Its EID. */
uint64_t store_nats_scene_await(struct store_nats_scene *scene,
                                const struct store_nats_scene_told *told);

/** Both. */
uint64_t store_nats_scene_append(struct store_nats_scene *scene, size_t which,
                                 struct span body);

void store_nats_scene_change(struct store_nats_scene *scene, size_t which,
                             const struct store_op *op);

/** What the stream has: "EID:BODY " each, eight bytes of the body. Until the next call. */
const char *store_nats_scene_stored(struct store_nats_scene_realm *realm);
