/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "daemon/daemon_snapshot.h"

#include "daemon/service.h"
#include "lib/oom.h"
#include "lib/testing.h"

#include <pthread.h>

struct inner {
    uint64_t deep;
};

struct outer {
    struct span name;
    struct inner inner;
};

static const struct directive outer_rows[] = {
    {.name = "Name",
     .type = CONF_TEXT,
     CONF_SCHEMA_FIELD(struct outer, name),
     .min = 1,
     .max = 100,
     .where = SERVICE_IN_SERVER,
     .help = "A."},
    {.name = NULL},
};

static const struct directive inner_rows[] = {
    {.name = "Deep",
     .type = CONF_NUMBER,
     CONF_SCHEMA_FIELD(struct inner, deep),
     .initial = "7",
     .where = SERVICE_IN_SERVER,
     .help = "B."},
    {.name = NULL},
};

static const struct service_rows more_rows[] = {
    {inner_rows, offsetof(struct outer, inner)},
    {NULL, 0},
};

static int forgotten;
static int ended;

static void check(void *conf, const char *file, struct diag *diag)
{
    if (((struct outer *)conf)->inner.deep == 13) {
        diag_error(diag, file, 0, "bad luck");
    }
}

static void forget(struct daemon_snapshot *snapshot)
{
    (void)snapshot;
    forgotten++;
}

static void conf_fini(void *conf)
{
    (void)conf;
    ended++;
}

static struct service service = {
    .name = "test",
    .rows = outer_rows,
    .conf_bytes = sizeof(struct outer),
    .more_rows = more_rows,
    .check = check,
    .forget = forget,
    .conf_fini = conf_fini,
};

static enum err load(const char *text, struct diag *diag, struct daemon_snapshot **ret_snapshot)
{
    service.builtin_conf = text;
    return daemon_snapshot_load(&service, NULL, NULL, diag, ret_snapshot);
}

static void all_tables_are_read(void **state)
{
    struct daemon_snapshot *snapshot;
    const struct outer *conf;
    struct diag diag;

    (void)state;
    diag_init(&diag);
    assert_ok(load("Name anna\nDeep 9\nWorkers 3\n", &diag, &snapshot));
    conf = daemon_snapshot_conf(snapshot);
    assert_bytes(conf->name, SPAN("anna"));
    assert_int_equal(conf->inner.deep, 9);
    assert_int_equal(daemon_snapshot_core(snapshot)->workers, 3);
    daemon_snapshot_unref(snapshot);
    diag_fini(&diag);
}

static void what_is_wrong_leaves_nothing_behind(void **state)
{
    static const char *const texts[] = {"Deep x\n", "Deep 13\n", "Nonsense\n",
                                        "AdminListen 127.0.0.1:9180\n"};
    struct daemon_snapshot *snapshot = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct diag diag;

        diag_init(&diag);
        assert_int_equal(load(texts[i], &diag, &snapshot), ERR_CONF);
        assert_null(snapshot);
        assert_true(diag_count(&diag, DIAG_ERROR) > 0);
        diag_fini(&diag);
    }
}

static void *hold_and_let_go(void *snapshot)
{
    for (int i = 0; i < 10000; i++) {
        daemon_snapshot_unref(daemon_snapshot_ref(snapshot));
    }
    daemon_snapshot_unref(snapshot);
    return NULL;
}

static void the_last_holder_of_any_thread_ends_it_once(void **state)
{
    struct daemon_snapshot *snapshot;
    pthread_t threads[4];
    struct diag diag;

    (void)state;
    diag_init(&diag);
    forgotten = ended = 0;
    assert_ok(load("", &diag, &snapshot));
    daemon_snapshot_attach(snapshot, &diag);
    daemon_snapshot_add_listening(snapshot, "127.0.0.1:1");
    daemon_snapshot_add_listening(snapshot, "[::1]:1");
    assert_string_equal(daemon_snapshot_listening(snapshot), "127.0.0.1:1, [::1]:1");
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(
            pthread_create(&threads[i], NULL, hold_and_let_go, daemon_snapshot_ref(snapshot)),
            0);
    }
    daemon_snapshot_unref(snapshot);
    for (size_t i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(forgotten, 1);
    assert_int_equal(ended, 1);
    diag_fini(&diag);
}

static void load_once(void)
{
    struct daemon_snapshot *snapshot = NULL;
    struct diag diag;

    diag_init(&diag);
    if (load("Name anna\n", &diag, &snapshot) != OK) {
        assert_null(snapshot);
    }
    daemon_snapshot_unref(snapshot);
    diag_fini(&diag);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(load_once);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_tables_are_read),
        cmocka_unit_test(what_is_wrong_leaves_nothing_behind),
        cmocka_unit_test(the_last_holder_of_any_thread_ends_it_once),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
