/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What the reference has for simulations, beyond the contract.
 */
#include "store/store_mem.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_happens_before_it_is_run),
        cmocka_unit_test(a_crash_forgets_what_is_pending_and_tells_nobody),
        cmocka_unit_test(a_fault_that_is_asked_for_comes_until_it_is_taken_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
