/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What store_nats has of its own: a server that goes and comes back, a log that snapshots
 * bound, mirrors that are left behind, messages of others.
 */
#include "lib/testing.h"

#include "contract/store_nats_scene.h"
#include "store/store_lmdb.h"
#include "store/store_nats.h"

#include <nats/nats.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- the server ---- */

static void what_was_submitted_while_the_server_was_away_is_stored_once(void **state)
{
    struct store_nats_scene *scene = *state;
    struct store_nats_scene_told told[50];

    store_nats_scene_open(scene, 0);
    store_nats_scene_open(scene, 1);
    store_nats_scene_append(scene, 0, SPAN("before"));
    store_nats_rig_kill(scene->server);
    for (size_t i = 0; i < 50; i++) {
        told[i] = (struct store_nats_scene_told){.times = 0};
        assert_ok(store_nats_scene_submit(&scene->realms[i % 2], SPAN("away"), &told[i]));
    }
    store_nats_scene_await_line(scene,
                                "store: the NATS server is lost; what is published waits\n");
    store_nats_rig_again(scene->server);
    for (size_t i = 0; i < 50; i++) {
        store_nats_scene_await(scene, &told[i]);
    }
    store_nats_scene_await_line(scene, "store: the NATS server is back\n");
    while (scene->realms[0].stream->next_eid < 52 || scene->realms[1].stream->next_eid < 52) {
        store_nats_scene_turn(scene);
    }
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(scene->realms[i].stream->count, 51);
    }
}

static void on_locked(void *ctx, enum err e, struct span value)
{
    (void)value;
    store_nats_scene_on_done(ctx, e, &(uint64_t){0});
}

static void lock(struct store_nats_scene *scene, size_t which, struct span key)
{
    struct store_nats_scene_told told = {.times = 0};

    while (store_lock(scene->realms[which].store, key, on_locked, &told) != OK) {
        store_nats_scene_turn(scene);
    }
    store_nats_scene_await(scene, &told);
}

/* With a word on its way that nobody is told of. */
static void lose_server(struct store_nats_scene *scene)
{
    lock(scene, 0, SPAN("l"));
    store_nats_rig_kill(scene->server);
    store_unlock(scene->realms[0].store, SPAN("l"), SPAN(""));
}

static void what_waits_too_long_for_the_server_is_told(void **state)
{
    struct store_nats_scene *scene = *state;
    struct store_nats_scene_told told = {.times = 0};

    scene->timeout = 1000;
    store_nats_scene_open(scene, 0);
    store_nats_scene_append(scene, 0, SPAN("before"));
    lose_server(scene);
    assert_ok(store_nats_scene_submit(&scene->realms[0], SPAN("lost"), &told));
    store_nats_scene_await_any(scene, &told);
    assert_int_equal(told.e, ERR_CLOSED);
    assert_string_equal(store_nats_scene_stored(&scene->realms[0]), "1:before ");
    store_nats_rig_again(scene->server);
    store_nats_scene_await_line(scene, "store: the NATS server is back\n");
    store_nats_scene_append(scene, 0, SPAN("after"));
}

static void a_realm_ends_without_the_server(void **state)
{
    struct store_nats_scene *scene = *state;
    struct store_nats_scene_told told = {.times = 0};

    scene->timeout = 600000;
    store_nats_scene_open(scene, 0);
    lose_server(scene);
    assert_ok(store_nats_scene_submit(&scene->realms[0], SPAN("lost"), &told));
    store_nats_scene_close(&scene->realms[0]);
    assert_int_equal(told.e, ERR_CLOSED);
    store_nats_rig_again(scene->server);
}

static void a_realm_ends_while_the_server_takes_nothing(void **state)
{
    static uint8_t body[3 * 1024 * 1024];
    struct store_nats_scene *scene = *state;
    struct store_nats_scene_told told = {.times = 0};

    scene->timeout = 600000;
    store_nats_scene_open(scene, 0);
    store_nats_scene_append(scene, 0, SPAN("before"));
    store_nats_rig_pause(scene->server);
    assert_ok(store_nats_scene_submit(&scene->realms[0], span_of(body, sizeof body), &told));
    store_nats_scene_close(&scene->realms[0]);
    assert_int_equal(told.e, ERR_CLOSED);
    store_nats_rig_resume(scene->server);
}

static void who_is_cut_off_for_long_has_no_locks(void **state)
{
    struct store_nats_scene *scene = *state;

    store_nats_scene_open(scene, 0);
    lock(scene, 0, SPAN("l"));
    store_nats_rig_kill(scene->server);
    while (scene->realms[0].locks_lost == 0) {
        store_nats_scene_turn(scene);
    }
    assert_int_equal(store_lock_state(scene->realms[0].store, SPAN("l"), NULL),
                     STORE_LOCK_FREE);
    assert_int_equal(store_lock(scene->realms[0].store, SPAN("m"), on_locked, NULL),
                     ERR_CLOSED);
    store_nats_rig_again(scene->server);
    lock(scene, 0, SPAN("l"));
    assert_int_equal(scene->realms[0].locks_lost, 1);
    store_nats_scene_append(scene, 0, SPAN("x")); /* it takes part again */
}

/* ---- snapshots ---- */

static void fill(struct store_nats_scene *scene, size_t which, size_t count)
{
    static uint8_t body[40 * 1024];

    memset(body, 'x', sizeof body);
    for (size_t i = 0; i < count; i++) {
        store_nats_scene_append(scene, which, span_of(body, sizeof body));
    }
}

/* As somebody else who knows the server. */
static void ask(struct store_nats_scene *scene, natsConnection **nats, jsCtx **js,
                char name[64])
{
    (void)snprintf(name, 64, "%s-log", scene->name);
    assert_int_equal(natsConnection_ConnectTo(nats, scene->server->url), NATS_OK);
    assert_int_equal(natsConnection_JetStream(js, *nats, NULL), NATS_OK);
}

static uint64_t oldest_in_log(struct store_nats_scene *scene)
{
    natsConnection *nats = NULL;
    jsCtx *js = NULL;
    jsStreamInfo *info = NULL;
    char name[64];
    uint64_t first;

    ask(scene, &nats, &js, name);
    assert_int_equal(js_GetStreamInfo(&info, js, name, NULL, NULL), NATS_OK);
    first = info->State.FirstSeq;
    jsStreamInfo_Destroy(info);
    jsCtx_Destroy(js);
    natsConnection_Destroy(nats);
    return first;
}

static void a_snapshot_stands_for_what_the_log_has_forgotten(void **state)
{
    const struct store_op put = {.type = STORE_PUT, .key = SPAN("k"), .value = SPAN("v")};
    struct store_nats_scene *scene = *state;
    struct store_op remove = {.type = STORE_REMOVE, .eid = 3};
    struct buf value;
    bool found;
    char expected[8192];

    scene->log_bytes_max = 1024 * 1024;
    store_nats_scene_open(scene, 0);
    store_nats_scene_open(scene, 1);
    store_nats_scene_change(scene, 0, &put);
    fill(scene, 0, 20);
    remove.stream = scene->realms[0].stream;
    store_nats_scene_change(scene, 0, &remove);
    fill(scene, 1, 20);
    store_nats_scene_await_line(scene, "store: a snapshot was written\n");
    fill(scene, 0, 3);
    while (oldest_in_log(scene) == 1) {
        store_nats_scene_turn(scene);
    }
    while (scene->realms[1].stream->next_eid < 44) {
        store_nats_scene_turn(scene);
    }
    store_nats_scene_open(scene, 2); /* it has the snapshot, and the log from then on */
    memcpy(expected, store_nats_scene_stored(&scene->realms[0]), sizeof expected);
    assert_non_null(strstr(expected, "2:xxxxxxxx 4:xxxxxxxx "));
    for (size_t i = 1; i < STORE_NATS_SCENE_REALMS; i++) {
        assert_string_equal(store_nats_scene_stored(&scene->realms[i]), expected);
        assert_int_equal(scene->realms[i].stream->count, 42);
        assert_int_equal(scene->realms[i].stream->bytes, scene->realms[0].stream->bytes);
        assert_int_equal(scene->realms[i].stream->epoch, scene->realms[0].stream->epoch);
        buf_init(&value, 1);
        assert_ok(store_get(scene->realms[i].store, SPAN("k"), &value, &found));
        assert_bytes(buf_span(&value), SPAN("v"));
        buf_fini(&value);
    }
    assert_int_equal(store_nats_scene_append(scene, 2, SPAN("new")), 44);
}

static void snapshots_follow_one_another(void **state)
{
    struct store_nats_scene *scene = *state;
    struct store_op trim = {.type = STORE_TRIM};
    uint64_t first = 1;

    scene->log_bytes_max = 512 * 1024;
    store_nats_scene_open(scene, 0);
    trim.stream = scene->realms[0].stream;
    for (int round = 0; round < 3; round++) {
        scene->said[0] = '\0';
        fill(scene, 0, 20);
        trim.eid = scene->realms[0].stream->next_eid - 5;
        store_nats_scene_change(scene, 0, &trim);
        store_nats_scene_await_line(scene, "store: a snapshot was written\n");
        while (oldest_in_log(scene) == first) {
            store_nats_scene_turn(scene);
        }
        first = oldest_in_log(scene);
    }
    store_nats_scene_close(&scene->realms[0]);
    store_nats_scene_open(scene, 0);
    assert_int_equal(scene->realms[0].stream->next_eid, 61);
    assert_int_equal(scene->realms[0].stream->first_eid, 56);
    assert_int_equal(scene->realms[0].stream->count, 5);
}

static void a_log_that_is_gone_is_said_and_nothing_more_is_stored(void **state)
{
    struct store_nats_scene *scene = *state;
    struct store_nats_scene_told told = {.times = 0};
    natsConnection *nats = NULL;
    jsCtx *js = NULL;
    char name[64];

    store_nats_scene_open(scene, 0);
    store_nats_scene_append(scene, 0, SPAN("before"));
    ask(scene, &nats, &js, name);
    assert_int_equal(js_DeleteStream(js, name, NULL, NULL), NATS_OK);
    jsCtx_Destroy(js);
    natsConnection_Destroy(nats);
    assert_ok(store_nats_scene_submit(&scene->realms[0], SPAN("lost"), &told));
    store_nats_rig_kill(scene->server); /* so that it looks at once */
    store_nats_rig_again(scene->server);
    store_nats_scene_await_line(
        scene, "store: the log is not on the server any more: nothing is stored any "
               "more (start this realm again)\n");
    store_nats_scene_await_any(scene, &told);
    assert_int_equal(told.e, ERR_CLOSED);
    assert_string_equal(store_nats_scene_stored(&scene->realms[0]), "1:before ");
    assert_int_equal(store_nats_scene_submit(&scene->realms[0], SPAN("x"), &told), ERR_CLOSED);
}

/* ---- mirrors ---- */

static void a_mirror_that_is_behind_the_log_is_made_anew(void **state)
{
    struct store_nats_scene *scene = *state;
    char expected[8192];

    scene->log_bytes_max = 512 * 1024;
    store_nats_scene_give_directory(&scene->realms[1]);
    store_nats_scene_open(scene, 0);
    store_nats_scene_open(scene, 1);
    store_nats_scene_append(scene, 1, SPAN("old"));
    store_nats_scene_close(&scene->realms[1]);
    fill(scene, 0, 20);
    store_nats_scene_await_line(scene, "store: a snapshot was written\n");
    while (oldest_in_log(scene) == 1) {
        store_nats_scene_turn(scene);
    }
    store_nats_scene_open(scene, 1);
    assert_non_null(strstr(scene->said, "is made again from the NATS server: the log that "
                                        "follows on it has been forgotten meanwhile\n"));
    memcpy(expected, store_nats_scene_stored(&scene->realms[0]), sizeof expected);
    assert_string_equal(store_nats_scene_stored(&scene->realms[1]), expected);
    store_nats_scene_close(&scene->realms[1]);
    store_nats_scene_append(scene, 0, SPAN("new"));
    store_nats_scene_open(scene, 1); /* as it was left this time, and what came since */
    assert_int_equal(scene->realms[1].stream->next_eid, scene->realms[0].stream->next_eid);
}

static void the_store_of_another_kind_is_not_taken_for_a_mirror(void **state)
{
    struct store_nats_scene *scene = *state;
    struct store_nats_scene_realm *realm = &scene->realms[0];
    struct store_lmdb_conf conf = {.path = realm->dir,
                                   .bytes_max = 4 * 1024 * 1024,
                                   .streams_max = 10,
                                   .pending_bytes_max = 1024 * 1024,
                                   .log = &scene->log,
                                   .rng = &scene->rng};
    char fault[STORE_NATS_FAULT_BYTES];
    struct store *own;

    store_nats_scene_give_directory(realm);
    assert_ok(loop_new(&realm->loop));
    assert_ok(mailbox_new(&realm->mailbox, realm->loop));
    conf.mailbox = realm->mailbox;
    assert_ok(store_lmdb_open(&conf, &own, fault));
    store_close(own);
    store_nats_scene_close(realm);
    assert_int_equal(store_nats_scene_try_open(scene, 0, fault), ERR_CONF);
    assert_non_null(strstr(fault, "is a store of its own, and no mirror of a NATS server (give "
                                  "the realm an empty directory)"));
}

static void the_subjects_of_another_stream_are_not_taken(void **state)
{
    struct store_nats_scene *scene = *state;
    char fault[STORE_NATS_FAULT_BYTES];
    char name[64], subject[64], said[STORE_NATS_FAULT_BYTES];
    const char *subjects[] = {subject};
    jsStreamConfig conf;
    natsConnection *nats = NULL;
    jsStreamInfo *info = NULL;
    jsCtx *js = NULL;

    ask(scene, &nats, &js, name);
    (void)snprintf(subject, sizeof subject, "%s.>", scene->name);
    (void)jsStreamConfig_Init(&conf);
    conf.Name = "another";
    conf.Subjects = subjects;
    conf.SubjectsLen = 1;
    assert_int_equal(js_AddStream(&info, js, &conf, NULL, NULL), NATS_OK);
    jsStreamInfo_Destroy(info);
    jsCtx_Destroy(js);
    natsConnection_Destroy(nats);
    assert_int_equal(store_nats_scene_try_open(scene, 0, fault), ERR_CONF);
    (void)snprintf(said, sizeof said,
                   "another JetStream stream has the subjects of the stream %s-snap (choose "
                   "another StoreRealm, or remove that one)",
                   scene->name);
    assert_string_equal(fault, said);
}

static void messages_of_others_are_named_and_skipped(void **state)
{
    struct store_nats_scene *scene = *state;
    natsConnection *nats = NULL;
    char subject[64];

    store_nats_scene_open(scene, 0);
    store_nats_scene_append(scene, 0, SPAN("one"));
    (void)snprintf(subject, sizeof subject, "%s.log", scene->name);
    assert_int_equal(natsConnection_ConnectTo(&nats, scene->server->url), NATS_OK);
    for (int i = 0; i < 9; i++) {
        assert_int_equal(natsConnection_PublishString(nats, subject, "hello"), NATS_OK);
    }
    assert_int_equal(natsConnection_Flush(nats), NATS_OK);
    natsConnection_Destroy(nats);
    assert_int_equal(store_nats_scene_append(scene, 0, SPAN("two")), 2);
    assert_string_equal(store_nats_scene_stored(&scene->realms[0]), "1:one 2:two ");
    assert_non_null(strstr(scene->said, "is not a realm's, or is damaged: it is skipped\n"));
    assert_non_null(strstr(scene->said, "is skipped; more are only counted\n"));
    assert_int_equal(scene->realms[0].store->corrupt_count, 9);
}

static void an_event_of_many_parts_is_whole_in_both(void **state)
{
    static uint8_t body[3 * 1024 * 1024];
    struct store_nats_scene *scene = *state;

    for (size_t i = 0; i < sizeof body; i++) {
        body[i] = (uint8_t)('a' + i % 25);
    }
    store_nats_scene_open(scene, 0);
    store_nats_scene_open(scene, 1);
    store_nats_scene_append(scene, 0, span_of(body, sizeof body));
    store_nats_scene_append(scene, 1, SPAN("small"));
    assert_string_equal(store_nats_scene_stored(&scene->realms[1]), "1:abcdefgh 2:small ");
    assert_true(scene->realms[1].stream->bytes > sizeof body);
    assert_int_equal(scene->realms[1].events, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_NATS_SCENE_TEST(what_was_submitted_while_the_server_was_away_is_stored_once),
        STORE_NATS_SCENE_TEST(what_waits_too_long_for_the_server_is_told),
        STORE_NATS_SCENE_TEST(a_realm_ends_without_the_server),
        STORE_NATS_SCENE_TEST(a_realm_ends_while_the_server_takes_nothing),
        STORE_NATS_SCENE_TEST(who_is_cut_off_for_long_has_no_locks),
        STORE_NATS_SCENE_TEST(a_snapshot_stands_for_what_the_log_has_forgotten),
        STORE_NATS_SCENE_TEST(snapshots_follow_one_another),
        STORE_NATS_SCENE_TEST(a_log_that_is_gone_is_said_and_nothing_more_is_stored),
        STORE_NATS_SCENE_TEST(a_mirror_that_is_behind_the_log_is_made_anew),
        STORE_NATS_SCENE_TEST(the_store_of_another_kind_is_not_taken_for_a_mirror),
        STORE_NATS_SCENE_TEST(the_subjects_of_another_stream_are_not_taken),
        STORE_NATS_SCENE_TEST(messages_of_others_are_named_and_skipped),
        STORE_NATS_SCENE_TEST(an_event_of_many_parts_is_whole_in_both),
    };

    return cmocka_run_group_tests(tests, store_nats_scene_start, store_nats_scene_stop);
}
