/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What store_nats has of its own: a server that goes and comes back, a log that snapshots
 * bound, mirrors that are left behind, messages of others.
 */
#include "lib/testing.h"

#include "contract/store_nats_rig.h"
#include "store/store_lmdb.h"
#include "store/store_nats.h"

#include <ftw.h>
#include <nats/nats.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    MOMENT = 20, /* ms */
    TIMEOUT = 20000,
    SAID_BYTES = 16 * 1024,
    REALMS = 3,
};

static struct store_nats_rig server;

struct realm {
    struct store *store;
    struct store_stream *stream;
    struct loop *loop;
    struct mailbox *mailbox;
    char dir[32];        /* of the mirror; empty: in memory */
    unsigned events;     /* that it was told of as another's */
    unsigned locks_lost; /* on_lock, free */
};

struct scene {
    char name[32];
    struct realm realms[REALMS];
    struct rng rng;
    struct log log;
    char said[SAID_BYTES];
    uint64_t log_bytes_max;
    msec timeout;
};

/* ---- realms ---- */

static void remember(void *ctx, enum log_level level, const char *line)
{
    struct scene *scene = ctx;
    size_t used = strlen(scene->said);

    (void)level;
    (void)snprintf(scene->said + used, SAID_BYTES - used, "%s\n", line);
}

static int begin(void **state)
{
    static unsigned scenes;
    struct scene *scene = calloc(1, sizeof *scene);

    assert_non_null(scene);
    (void)snprintf(scene->name, sizeof scene->name, "life-%u", ++scenes);
    scene->rng = rng_seeded(scenes);
    scene->log = (struct log){.sink = remember, .sink_ctx = scene, .level = LOG_INFO};
    scene->timeout = TIMEOUT;
    *state = scene;
    return 0;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *where)
{
    (void)status, (void)type, (void)where;
    return remove(path);
}

static void close_realm(struct realm *realm)
{
    store_close(realm->store);
    mailbox_free(realm->mailbox);
    loop_free(realm->loop);
    realm->mailbox = NULL;
    realm->loop = NULL;
    realm->store = NULL;
}

static int end(void **state)
{
    struct scene *scene = *state;

    for (size_t i = 0; i < REALMS; i++) {
        struct realm *realm = &scene->realms[i];

        close_realm(realm);
        if (realm->dir[0] != '\0') {
            assert_int_equal(nftw(realm->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
        }
    }
    free(scene);
    return 0;
}

static void on_event(void *ctx, struct event *event)
{
    struct realm *realm = ctx;

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
    struct realm *realm = ctx;

    (void)key, (void)value;
    realm->locks_lost += state == STORE_LOCK_FREE;
}

static enum err try_open(struct scene *scene, size_t which, char *fault)
{
    static const struct store_stream_watch stream_watch = {on_event, on_gone};
    static const struct store_watch watch = {on_key, on_lock};
    struct realm *realm = &scene->realms[which];
    struct store_nats_conf conf = {
        .url = span_str(server.url),
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

static void open_realm(struct scene *scene, size_t which)
{
    char fault[STORE_NATS_FAULT_BYTES];

    if (try_open(scene, which, fault) != OK) {
        fail_msg("%s", fault);
    }
}

static void give_directory(struct realm *realm)
{
    memcpy(realm->dir, "/tmp/wl-store-XXXXXX", 21);
    assert_non_null(mkdtemp(realm->dir));
}

static void turn(struct scene *scene)
{
    for (size_t i = 0; i < REALMS; i++) {
        if (scene->realms[i].store != NULL) {
            assert_ok(loop_turn(scene->realms[i].loop, MOMENT));
        }
    }
}

/* ---- submissions ---- */

struct told {
    unsigned times;
    enum err e;
    uint64_t eid;
};

static void on_done(void *ctx, enum err e, const uint64_t *eids)
{
    struct told *told = ctx;

    told->times++;
    told->e = e;
    told->eid = e == OK ? eids[0] : 0;
}

static enum err submit(struct realm *realm, struct span body, struct told *told)
{
    const struct event_parts parts = {.body = body};
    struct store_op op = {.type = STORE_APPEND, .stream = realm->stream};
    enum err e;

    assert_ok(event_new(0, &parts, &op.event));
    e = store_submit(realm->store, &op, 1, on_done, told);
    event_unref(op.event);
    return e;
}

static void await_any(struct scene *scene, const struct told *told)
{
    while (told->times == 0) {
        turn(scene);
    }
}

static uint64_t await(struct scene *scene, const struct told *told)
{
    await_any(scene, told);
    assert_ok(told->e);
    return told->eid;
}

static uint64_t append(struct scene *scene, size_t which, struct span body)
{
    struct told told = {.times = 0};

    assert_ok(submit(&scene->realms[which], body, &told));
    return await(scene, &told);
}

static void change(struct scene *scene, size_t which, const struct store_op *op)
{
    struct told told = {.times = 0};

    assert_ok(store_submit(scene->realms[which].store, op, 1, on_done, &told));
    await(scene, &told);
}

static bool add_body(void *ctx, const struct event *event)
{
    char *text = ctx;
    struct span body = event_body(event);

    (void)sprintf(text + strlen(text), "%llu:%.*s ", (unsigned long long)event->eid,
                  SPAN_ARG(span_head(body, 8)));
    return true;
}

static const char *stored(struct realm *realm)
{
    static char text[8192];
    uint64_t next;

    text[0] = '\0';
    assert_ok(store_read(realm->stream, 0, add_body, text, &next));
    assert_int_equal(next, realm->stream->next_eid);
    return text;
}

static void await_line(struct scene *scene, const char *line)
{
    while (strstr(scene->said, line) == NULL) {
        turn(scene);
    }
}

/* ---- the server ---- */

static void what_was_submitted_while_the_server_was_away_is_stored_once(void **state)
{
    struct scene *scene = *state;
    struct told told[50];

    open_realm(scene, 0);
    open_realm(scene, 1);
    append(scene, 0, SPAN("before"));
    store_nats_rig_kill(&server);
    for (size_t i = 0; i < 50; i++) {
        told[i] = (struct told){.times = 0};
        assert_ok(submit(&scene->realms[i % 2], SPAN("away"), &told[i]));
    }
    await_line(scene, "store: the NATS server is lost; what is published waits\n");
    store_nats_rig_again(&server);
    for (size_t i = 0; i < 50; i++) {
        await(scene, &told[i]);
    }
    await_line(scene, "store: the NATS server is back\n");
    while (scene->realms[0].stream->next_eid < 52 || scene->realms[1].stream->next_eid < 52) {
        turn(scene);
    }
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(scene->realms[i].stream->count, 51);
    }
}

static void on_locked(void *ctx, enum err e, struct span value)
{
    (void)value;
    on_done(ctx, e, &(uint64_t){0});
}

static void lock(struct scene *scene, size_t which, struct span key)
{
    struct told told = {.times = 0};

    while (store_lock(scene->realms[which].store, key, on_locked, &told) != OK) {
        turn(scene);
    }
    await(scene, &told);
}

/* With a word on its way that nobody is told of. */
static void lose_server(struct scene *scene)
{
    lock(scene, 0, SPAN("l"));
    store_nats_rig_kill(&server);
    store_unlock(scene->realms[0].store, SPAN("l"), SPAN(""));
}

static void what_waits_too_long_for_the_server_is_told(void **state)
{
    struct scene *scene = *state;
    struct told told = {.times = 0};

    scene->timeout = 1000;
    open_realm(scene, 0);
    append(scene, 0, SPAN("before"));
    lose_server(scene);
    assert_ok(submit(&scene->realms[0], SPAN("lost"), &told));
    await_any(scene, &told);
    assert_int_equal(told.e, ERR_CLOSED);
    assert_string_equal(stored(&scene->realms[0]), "1:before ");
    store_nats_rig_again(&server);
    await_line(scene, "store: the NATS server is back\n");
    append(scene, 0, SPAN("after"));
}

static void a_realm_ends_without_the_server(void **state)
{
    struct scene *scene = *state;
    struct told told = {.times = 0};

    scene->timeout = 600000;
    open_realm(scene, 0);
    lose_server(scene);
    assert_ok(submit(&scene->realms[0], SPAN("lost"), &told));
    close_realm(&scene->realms[0]);
    assert_int_equal(told.e, ERR_CLOSED);
    store_nats_rig_again(&server);
}

static void who_is_cut_off_for_long_has_no_locks(void **state)
{
    struct scene *scene = *state;

    open_realm(scene, 0);
    lock(scene, 0, SPAN("l"));
    store_nats_rig_kill(&server);
    while (scene->realms[0].locks_lost == 0) {
        turn(scene);
    }
    assert_int_equal(store_lock_state(scene->realms[0].store, SPAN("l"), NULL),
                     STORE_LOCK_FREE);
    assert_int_equal(store_lock(scene->realms[0].store, SPAN("m"), on_locked, NULL),
                     ERR_CLOSED);
    store_nats_rig_again(&server);
    lock(scene, 0, SPAN("l"));
    assert_int_equal(scene->realms[0].locks_lost, 1);
    append(scene, 0, SPAN("x")); /* it takes part again */
}

/* ---- snapshots ---- */

static void fill(struct scene *scene, size_t which, size_t count)
{
    static uint8_t body[40 * 1024];

    memset(body, 'x', sizeof body);
    for (size_t i = 0; i < count; i++) {
        append(scene, which, span_of(body, sizeof body));
    }
}

/* As somebody else who knows the server. */
static void ask(struct scene *scene, natsConnection **nats, jsCtx **js, char name[64])
{
    (void)snprintf(name, 64, "%s-log", scene->name);
    assert_int_equal(natsConnection_ConnectTo(nats, server.url), NATS_OK);
    assert_int_equal(natsConnection_JetStream(js, *nats, NULL), NATS_OK);
}

static uint64_t oldest_in_log(struct scene *scene)
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
    struct scene *scene = *state;
    struct store_op remove = {.type = STORE_REMOVE, .eid = 3};
    struct buf value;
    bool found;
    char expected[8192];

    scene->log_bytes_max = 1024 * 1024;
    open_realm(scene, 0);
    open_realm(scene, 1);
    change(scene, 0, &put);
    fill(scene, 0, 20);
    remove.stream = scene->realms[0].stream;
    change(scene, 0, &remove);
    fill(scene, 1, 20);
    await_line(scene, "store: a snapshot was written\n");
    fill(scene, 0, 3);
    while (oldest_in_log(scene) == 1) {
        turn(scene);
    }
    while (scene->realms[1].stream->next_eid < 44) {
        turn(scene);
    }
    open_realm(scene, 2); /* it has the snapshot, and the log from then on */
    memcpy(expected, stored(&scene->realms[0]), sizeof expected);
    assert_non_null(strstr(expected, "2:xxxxxxxx 4:xxxxxxxx "));
    for (size_t i = 1; i < REALMS; i++) {
        assert_string_equal(stored(&scene->realms[i]), expected);
        assert_int_equal(scene->realms[i].stream->count, 42);
        assert_int_equal(scene->realms[i].stream->bytes, scene->realms[0].stream->bytes);
        assert_int_equal(scene->realms[i].stream->epoch, scene->realms[0].stream->epoch);
        buf_init(&value, 1);
        assert_ok(store_get(scene->realms[i].store, SPAN("k"), &value, &found));
        assert_bytes(buf_span(&value), SPAN("v"));
        buf_fini(&value);
    }
    assert_int_equal(append(scene, 2, SPAN("new")), 44);
}

static void snapshots_follow_one_another(void **state)
{
    struct scene *scene = *state;
    struct store_op trim = {.type = STORE_TRIM};
    uint64_t first = 1;

    scene->log_bytes_max = 512 * 1024;
    open_realm(scene, 0);
    trim.stream = scene->realms[0].stream;
    for (int round = 0; round < 3; round++) {
        scene->said[0] = '\0';
        fill(scene, 0, 20);
        trim.eid = scene->realms[0].stream->next_eid - 5;
        change(scene, 0, &trim);
        await_line(scene, "store: a snapshot was written\n");
        while (oldest_in_log(scene) == first) {
            turn(scene);
        }
        first = oldest_in_log(scene);
    }
    close_realm(&scene->realms[0]);
    open_realm(scene, 0);
    assert_int_equal(scene->realms[0].stream->next_eid, 61);
    assert_int_equal(scene->realms[0].stream->first_eid, 56);
    assert_int_equal(scene->realms[0].stream->count, 5);
}

static void a_log_that_is_gone_is_said_and_nothing_more_is_stored(void **state)
{
    struct scene *scene = *state;
    struct told told = {.times = 0};
    natsConnection *nats = NULL;
    jsCtx *js = NULL;
    char name[64];

    open_realm(scene, 0);
    append(scene, 0, SPAN("before"));
    ask(scene, &nats, &js, name);
    assert_int_equal(js_DeleteStream(js, name, NULL, NULL), NATS_OK);
    jsCtx_Destroy(js);
    natsConnection_Destroy(nats);
    assert_ok(submit(&scene->realms[0], SPAN("lost"), &told));
    store_nats_rig_kill(&server); /* so that it looks at once */
    store_nats_rig_again(&server);
    await_line(scene, "store: the log is not on the server any more: nothing is stored any "
                      "more (start this realm again)\n");
    await_any(scene, &told);
    assert_int_equal(told.e, ERR_CLOSED);
    assert_string_equal(stored(&scene->realms[0]), "1:before ");
    assert_int_equal(submit(&scene->realms[0], SPAN("x"), &told), ERR_CLOSED);
}

/* ---- mirrors ---- */

static void a_mirror_that_is_behind_the_log_is_made_anew(void **state)
{
    struct scene *scene = *state;
    char expected[8192];

    scene->log_bytes_max = 512 * 1024;
    give_directory(&scene->realms[1]);
    open_realm(scene, 0);
    open_realm(scene, 1);
    append(scene, 1, SPAN("old"));
    close_realm(&scene->realms[1]);
    fill(scene, 0, 20);
    await_line(scene, "store: a snapshot was written\n");
    while (oldest_in_log(scene) == 1) {
        turn(scene);
    }
    open_realm(scene, 1);
    assert_non_null(strstr(scene->said, "is made again from the NATS server: the log that "
                                        "follows on it has been forgotten meanwhile\n"));
    memcpy(expected, stored(&scene->realms[0]), sizeof expected);
    assert_string_equal(stored(&scene->realms[1]), expected);
    close_realm(&scene->realms[1]);
    append(scene, 0, SPAN("new"));
    open_realm(scene, 1); /* as it was left this time, and what came since */
    assert_int_equal(scene->realms[1].stream->next_eid, scene->realms[0].stream->next_eid);
}

static void the_store_of_another_kind_is_not_taken_for_a_mirror(void **state)
{
    struct scene *scene = *state;
    struct realm *realm = &scene->realms[0];
    struct store_lmdb_conf conf = {.path = realm->dir,
                                   .bytes_max = 4 * 1024 * 1024,
                                   .streams_max = 10,
                                   .pending_bytes_max = 1024 * 1024,
                                   .log = &scene->log,
                                   .rng = &scene->rng};
    char fault[STORE_NATS_FAULT_BYTES];
    struct store *own;

    give_directory(realm);
    assert_ok(loop_new(&realm->loop));
    assert_ok(mailbox_new(&realm->mailbox, realm->loop));
    conf.mailbox = realm->mailbox;
    assert_ok(store_lmdb_open(&conf, &own, fault));
    store_close(own);
    close_realm(realm);
    assert_int_equal(try_open(scene, 0, fault), ERR_CONF);
    assert_non_null(strstr(fault, "is a store of its own, and no mirror of a NATS server (give "
                                  "the realm an empty directory)"));
}

static void messages_of_others_are_named_and_skipped(void **state)
{
    struct scene *scene = *state;
    natsConnection *nats = NULL;
    char subject[64];

    open_realm(scene, 0);
    append(scene, 0, SPAN("one"));
    (void)snprintf(subject, sizeof subject, "%s.log", scene->name);
    assert_int_equal(natsConnection_ConnectTo(&nats, server.url), NATS_OK);
    for (int i = 0; i < 9; i++) {
        assert_int_equal(natsConnection_PublishString(nats, subject, "hello"), NATS_OK);
    }
    assert_int_equal(natsConnection_Flush(nats), NATS_OK);
    natsConnection_Destroy(nats);
    assert_int_equal(append(scene, 0, SPAN("two")), 2);
    assert_string_equal(stored(&scene->realms[0]), "1:one 2:two ");
    assert_non_null(strstr(scene->said, "is not a realm's, or is damaged: it is skipped\n"));
    assert_non_null(strstr(scene->said, "is skipped; more are only counted\n"));
    assert_int_equal(scene->realms[0].store->corrupt_count, 9);
}

static void an_event_of_many_parts_is_whole_in_both(void **state)
{
    static uint8_t body[3 * 1024 * 1024];
    struct scene *scene = *state;

    for (size_t i = 0; i < sizeof body; i++) {
        body[i] = (uint8_t)('a' + i % 25);
    }
    open_realm(scene, 0);
    open_realm(scene, 1);
    append(scene, 0, span_of(body, sizeof body));
    append(scene, 1, SPAN("small"));
    assert_string_equal(stored(&scene->realms[1]), "1:abcdefgh 2:small ");
    assert_true(scene->realms[1].stream->bytes > sizeof body);
    assert_int_equal(scene->realms[1].events, 1);
}

int main(void)
{
#define LIFE(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        LIFE(what_was_submitted_while_the_server_was_away_is_stored_once),
        LIFE(what_waits_too_long_for_the_server_is_told),
        LIFE(a_realm_ends_without_the_server),
        LIFE(who_is_cut_off_for_long_has_no_locks),
        LIFE(a_snapshot_stands_for_what_the_log_has_forgotten),
        LIFE(snapshots_follow_one_another),
        LIFE(a_log_that_is_gone_is_said_and_nothing_more_is_stored),
        LIFE(a_mirror_that_is_behind_the_log_is_made_anew),
        LIFE(the_store_of_another_kind_is_not_taken_for_a_mirror),
        LIFE(messages_of_others_are_named_and_skipped),
        LIFE(an_event_of_many_parts_is_whole_in_both),
    };
#undef LIFE
    int failed;

    store_nats_rig_start(&server);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    store_nats_rig_end(&server);
    return failed;
}
