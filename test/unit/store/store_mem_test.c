/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What the reference has for simulations, beyond the contract.
 */
#include "store/store_mem.h"

#include "lib/oom.h"
#include "lib/testing.h"

struct scene {
    struct store_mem_disk *disk;
    struct store *store;
    struct store_stream *stream;
    struct rng rng;
    unsigned woken;
    unsigned told;
    enum err e;
};

static void on_pending(void *ctx)
{
    ((struct scene *)ctx)->woken++;
}

static void open_store(struct scene *scene)
{
    const struct store_mem_conf conf = {.bytes_max = 1000,
                                        .streams_max = 1,
                                        .pending_bytes_max = 100000,
                                        .rng = &scene->rng,
                                        .on_pending = on_pending,
                                        .ctx = scene};

    assert_ok(store_mem_open(&conf, scene->disk, &scene->store));
    assert_ok(store_open_stream(scene->store, SPAN("/fx"), STORE_KEEP_ALL, &scene->stream));
}

static void on_done(void *ctx, enum err e, const uint64_t *eids)
{
    struct scene *scene = ctx;

    (void)eids;
    scene->told++;
    scene->e = e;
}

static void submit_event(struct scene *scene)
{
    const struct event_parts parts = {.body = SPAN("x")};
    struct store_op op = {.type = STORE_APPEND, .stream = scene->stream};

    assert_ok(event_new(0, &parts, &op.event));
    assert_ok(store_submit(scene->store, &op, 1, on_done, scene));
    event_unref(op.event);
}

static void nothing_happens_before_it_is_run(void **state)
{
    struct scene scene = {.rng = rng_seeded(1)};

    (void)state;
    assert_ok(store_mem_disk_new(&scene.disk));
    open_store(&scene);
    for (int i = 0; i < 5; i++) {
        submit_event(&scene);
    }
    assert_int_equal(scene.woken, 1); /* once for all that wait */
    assert_int_equal(scene.told, 0);
    store_mem_run(scene.store, 2);
    assert_int_equal(scene.told, 2);
    assert_int_equal(scene.stream->count, 2);
    store_mem_run(scene.store, SIZE_MAX);
    assert_int_equal(scene.told, 5);
    submit_event(&scene);
    assert_int_equal(scene.woken, 2);
    store_close(scene.store);
    assert_int_equal(scene.told, 6);
    store_mem_disk_free(scene.disk);
}

static void a_crash_forgets_what_is_pending_and_tells_nobody(void **state)
{
    struct scene scene = {.rng = rng_seeded(1)};

    (void)state;
    assert_ok(store_mem_disk_new(&scene.disk));
    open_store(&scene);
    submit_event(&scene);
    submit_event(&scene);
    store_mem_run(scene.store, 1);
    store_mem_kill(scene.store);
    assert_int_equal(scene.told, 1);
    open_store(&scene);
    assert_int_equal(scene.stream->count, 1);
    assert_int_equal(scene.stream->next_eid, 2);
    store_mem_kill(scene.store);
    store_mem_kill(NULL);
    store_mem_disk_free(scene.disk);
    store_mem_disk_free(NULL);
}

static void a_fault_that_is_asked_for_comes_until_it_is_taken_back(void **state)
{
    struct scene scene = {.rng = rng_seeded(1)};

    (void)state;
    assert_ok(store_mem_disk_new(&scene.disk));
    open_store(&scene);
    store_mem_fail(scene.store, ERR_IO);
    submit_event(&scene);
    submit_event(&scene);
    store_mem_run(scene.store, SIZE_MAX);
    assert_int_equal(scene.told, 2);
    assert_int_equal(scene.e, ERR_IO);
    assert_int_equal(scene.store->refused_count, 2);
    store_mem_fail(scene.store, OK);
    submit_event(&scene);
    store_close(scene.store);
    assert_int_equal(scene.e, OK);
    store_mem_disk_free(scene.disk);
}

/* ---- shared ---- */

struct realm {
    struct store *store;
    unsigned woken;
    enum err asked;
    enum store_lock_state state; /* the last that was told */
};

static void on_letter(void *ctx)
{
    ((struct realm *)ctx)->woken++;
}

static void on_lock(void *ctx, struct span key, enum store_lock_state state, struct span value)
{
    assert_bytes(key, SPAN("l"));
    assert_bytes(value, SPAN(""));
    ((struct realm *)ctx)->state = state;
}

static void on_locked(void *ctx, enum err e, struct span value)
{
    (void)value;
    ((struct realm *)ctx)->asked = e;
}

static void join(struct realm *realm, struct store_mem_disk *disk, struct rng *rng)
{
    static const struct store_watch watch = {.on_lock = on_lock};
    const struct store_mem_conf conf = {.bytes_max = 1000,
                                        .streams_max = 1,
                                        .pending_bytes_max = 100000,
                                        .is_shared = true,
                                        .rng = rng,
                                        .on_pending = on_letter,
                                        .ctx = realm};

    *realm = (struct realm){.asked = ERR_AGAIN};
    assert_ok(store_mem_open(&conf, disk, &realm->store));
    realm->store->watch = &watch;
    realm->store->watch_ctx = realm;
}

static void a_store_that_was_cut_off_too_long_loses_its_locks(void **state)
{
    struct rng rng = rng_seeded(1);
    struct store_mem_disk *disk;
    struct realm a, b;

    (void)state;
    assert_ok(store_mem_disk_new(&disk));
    join(&a, disk, &rng);
    join(&b, disk, &rng);
    assert_ok(store_lock(a.store, SPAN("l"), on_locked, &a));
    assert_int_equal(a.woken, 1);
    store_mem_run(a.store, 0); /* sent, and not told */
    assert_int_equal(a.asked, ERR_AGAIN);
    assert_int_equal(b.woken, 1);
    store_mem_run(a.store, 1);
    assert_ok(a.asked);
    store_mem_lose_locks(a.store);
    assert_int_equal(store_lock_state(a.store, SPAN("l"), NULL), STORE_LOCK_OURS);
    store_mem_run(b.store, SIZE_MAX); /* knows it before the loser does */
    assert_int_equal(b.state, STORE_LOCK_FREE);
    assert_ok(store_lock(b.store, SPAN("l"), on_locked, &b));
    store_mem_run(b.store, SIZE_MAX);
    assert_ok(b.asked);
    store_unlock(a.store, SPAN("l"), SPAN("not its own any more"));
    store_mem_run(a.store, SIZE_MAX);
    assert_int_equal(a.state, STORE_LOCK_THEIRS);
    store_mem_kill(b.store);
    store_mem_run(a.store, 1);
    assert_int_equal(a.state, STORE_LOCK_FREE);
    store_close(a.store);
    store_mem_disk_free(disk);
}

/* Two realms meet over a lock and a stream, whichever allocation fails. */
static void meet(void)
{
    struct rng rng = rng_seeded(1);
    struct store_mem_conf conf = {.bytes_max = 1000,
                                  .streams_max = 1,
                                  .pending_bytes_max = 100000,
                                  .is_shared = true,
                                  .rng = &rng};
    struct realm realms[2] = {{.store = NULL}, {.store = NULL}};
    struct store_mem_disk *disk;

    if (store_mem_disk_new(&disk) != OK) {
        return;
    }
    for (int i = 0; i < 8; i++) {
        struct realm *realm = &realms[i % 2];
        struct scene scene = {.e = OK};
        const struct event_parts parts = {.body = SPAN("x"), .publish_id = SPAN("p")};
        struct store_op op = {.type = STORE_APPEND};

        if (realm->store == NULL && store_mem_open(&conf, disk, &realm->store) != OK) {
            continue;
        }
        if (store_lock_state(realm->store, SPAN("l"), NULL) == STORE_LOCK_OURS) {
            store_unlock(realm->store, SPAN("l"), SPAN("v"));
        } else {
            (void)!store_lock(realm->store, SPAN("l"), on_locked, realm);
        }
        if (store_open_stream(realm->store, SPAN("/fx"), STORE_KEEP_ALL, &op.stream) == OK &&
            event_new(0, &parts, &op.event) == OK) {
            (void)!store_submit(realm->store, &op, 1, on_done, &scene);
            event_unref(op.event);
        }
        store_mem_run(realm->store, SIZE_MAX);
        assert_true(scene.e == OK || scene.e == ERR_NOMEM);
    }
    store_close(realms[0].store);
    store_mem_kill(realms[1].store);
    store_mem_disk_free(disk);
}

static void realms_that_run_out_of_memory_leak_nothing(void **state)
{
    (void)state;
    every_oom(meet);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_happens_before_it_is_run),
        cmocka_unit_test(a_crash_forgets_what_is_pending_and_tells_nobody),
        cmocka_unit_test(a_fault_that_is_asked_for_comes_until_it_is_taken_back),
        cmocka_unit_test(a_store_that_was_cut_off_too_long_loses_its_locks),
        cmocka_unit_test(realms_that_run_out_of_memory_leak_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
