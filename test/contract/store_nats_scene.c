/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "contract/store_nats_scene.h"

#include "lib/testing.h"

#include "store/store_nats.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    MOMENT = 20, /* ms */
    TIMEOUT = 20000,
};

/* ---- the server ---- */

int store_nats_scene_start(void **state)
{
    struct store_nats_rig *server = calloc(1, sizeof *server);

    assert_non_null(server);
    store_nats_rig_start(server);
    *state = server;
    return 0;
}

int store_nats_scene_stop(void **state)
{
    store_nats_rig_end(*state);
    free(*state);
    return 0;
}

/* ---- realms ---- */

static void remember(void *ctx, enum log_level level, const char *line)
{
    struct store_nats_scene *scene = ctx;
    size_t used = strlen(scene->said);

    (void)level;
    (void)snprintf(scene->said + used, STORE_NATS_SCENE_SAID_BYTES - used, "%s\n", line);
}

int store_nats_scene_begin(void **state)
{
    static unsigned scenes;
    struct store_nats_scene *scene = calloc(1, sizeof *scene);

    assert_non_null(scene);
    (void)snprintf(scene->name, sizeof scene->name, "life-%u", ++scenes);
    scene->rng = rng_seeded(scenes);
    scene->log = (struct log){.sink = remember, .sink_ctx = scene, .level = LOG_INFO};
    scene->timeout = TIMEOUT;
    scene->server = *state;
    *state = scene;
    return 0;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *where)
{
    (void)status, (void)type, (void)where;
    return remove(path);
}

void store_nats_scene_close(struct store_nats_scene_realm *realm)
{
    store_close(realm->store);
    mailbox_free(realm->mailbox);
    loop_free(realm->loop);
    realm->mailbox = NULL;
    realm->loop = NULL;
    realm->store = NULL;
}

int store_nats_scene_end(void **state)
{
    struct store_nats_scene *scene = *state;

    for (size_t i = 0; i < STORE_NATS_SCENE_REALMS; i++) {
        struct store_nats_scene_realm *realm = &scene->realms[i];

        store_nats_scene_close(realm);
        if (realm->dir[0] != '\0') {
            assert_int_equal(nftw(realm->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
        }
    }
    free(scene);
    return 0;
}

static void on_event(void *ctx, struct event *event)
{
    struct store_nats_scene_realm *realm = ctx;

    (void)event;
    realm->events++;
}

static void on_gone(void *ctx, uint64_t first_eid, uint64_t last_eid)
{
    (void)ctx, (void)first_eid, (void)last_eid;
}

static void on_key(void *ctx, struct span key, const struct span *value)
{
    (void)ctx, (void)key, (void)value;
}

static void on_lock(void *ctx, struct span key, enum store_lock_state state, struct span value)
{
    struct store_nats_scene_realm *realm = ctx;

    (void)key, (void)value;
    realm->locks_lost += state == STORE_LOCK_FREE;
}

enum err store_nats_scene_try_open(struct store_nats_scene *scene, size_t which, char *fault)
{
    static const struct store_stream_watch stream_watch = {on_event, on_gone};
    static const struct store_watch watch = {on_key, on_lock};
    struct store_nats_scene_realm *realm = &scene->realms[which];
    struct store_nats_conf conf = {
        .url = span_str(scene->server->url),
        .realm = span_str(scene->name),
        .path = realm->dir[0] == '\0' ? NULL : realm->dir,
        .bytes_max = 64 * 1024 * 1024,
        .streams_max = 100,
        .pending_bytes_max = 4 * 1024 * 1024,
        .replicas = 1,
        .timeout = scene->timeout,
        .log_bytes_max = scene->log_bytes_max,
        .log = &scene->log,
        .rng = &scene->rng,
    };

    assert_ok(loop_new(&realm->loop));
    assert_ok(mailbox_new(&realm->mailbox, realm->loop));
    conf.loop = realm->loop;
    conf.mailbox = realm->mailbox;
    TRY(store_nats_open(&conf, &realm->store, fault));
    realm->store->watch = &watch;
    realm->store->watch_ctx = realm;
    assert_ok(store_open_stream(realm->store, SPAN("/a"), STORE_KEEP_ALL, &realm->stream));
    realm->stream->watch = &stream_watch;
    realm->stream->watch_ctx = realm;
    return OK;
}

void store_nats_scene_open(struct store_nats_scene *scene, size_t which)
{
    char fault[STORE_NATS_FAULT_BYTES];

    if (store_nats_scene_try_open(scene, which, fault) != OK) {
        fail_msg("%s", fault);
    }
}

void store_nats_scene_give_directory(struct store_nats_scene_realm *realm)
{
    memcpy(realm->dir, "/tmp/wl-store-XXXXXX", 21);
    assert_non_null(mkdtemp(realm->dir));
}

void store_nats_scene_turn(struct store_nats_scene *scene)
{
    for (size_t i = 0; i < STORE_NATS_SCENE_REALMS; i++) {
        if (scene->realms[i].store != NULL) {
            assert_ok(loop_turn(scene->realms[i].loop, MOMENT));
        }
    }
}

/* ---- submissions ---- */

void store_nats_scene_on_done(void *ctx, enum err e, const uint64_t *eids)
{
    struct store_nats_scene_told *told = ctx;

    told->times++;
    told->e = e;
    told->eid = e == OK ? eids[0] : 0;
}

enum err store_nats_scene_submit(struct store_nats_scene_realm *realm, struct span body,
                                 struct store_nats_scene_told *told)
{
    const struct event_parts parts = {.body = body};
    struct store_op op = {.type = STORE_APPEND, .stream = realm->stream};
    enum err e;

    assert_ok(event_new(0, &parts, &op.event));
    e = store_submit(realm->store, &op, 1, store_nats_scene_on_done, told);
    event_unref(op.event);
    return e;
}

void store_nats_scene_await_any(struct store_nats_scene *scene,
                                const struct store_nats_scene_told *told)
{
    while (told->times == 0) {
        store_nats_scene_turn(scene);
    }
}

uint64_t store_nats_scene_await(struct store_nats_scene *scene,
                                const struct store_nats_scene_told *told)
{
    store_nats_scene_await_any(scene, told);
    assert_ok(told->e);
    return told->eid;
}

uint64_t store_nats_scene_append(struct store_nats_scene *scene, size_t which, struct span body)
{
    struct store_nats_scene_told told = {.times = 0};

    assert_ok(store_nats_scene_submit(&scene->realms[which], body, &told));
    return store_nats_scene_await(scene, &told);
}

void store_nats_scene_change(struct store_nats_scene *scene, size_t which,
                             const struct store_op *op)
{
    struct store_nats_scene_told told = {.times = 0};

    assert_ok(store_submit(scene->realms[which].store, op, 1, store_nats_scene_on_done, &told));
    store_nats_scene_await(scene, &told);
}

static bool add_body(void *ctx, const struct event *event)
{
    char *text = ctx;
    struct span body = event_body(event);

    (void)sprintf(text + strlen(text), "%llu:%.*s ", (unsigned long long)event->eid,
                  SPAN_ARG(span_head(body, 8)));
    return true;
}

const char *store_nats_scene_stored(struct store_nats_scene_realm *realm)
{
    static char text[8192];
    uint64_t next;

    text[0] = '\0';
    assert_ok(store_read(realm->stream, 0, add_body, text, &next));
    assert_int_equal(next, realm->stream->next_eid);
    return text;
}

void store_nats_scene_await_line(struct store_nats_scene *scene, const char *line)
{
    while (strstr(scene->said, line) == NULL) {
        store_nats_scene_turn(scene);
    }
}
