/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The streams of channels on a NATS server: in the end they show just what the realms have,
 * whatever was done meanwhile, by whom, and whoever was there.
 */
#include "lib/testing.h"

#include "contract/store_nats_rig.h"
#include "store/store_nats.h"

#include <inttypes.h>
#include <nats/nats.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    MOMENT = 5, /* ms */
    TIMEOUT = 60000,
    SAID_BYTES = 64 * 1024,
    REALMS = 2,
    STREAMS = 3,
    STEPS = 400,
};

static struct store_nats_rig server;
static const char *const names[STREAMS] = {"/a", "/b/c", "/q"};
static const char *const kept[STREAMS] = {"a", "b:c", "q"};

struct realm {
    struct store *store;
    struct store_stream *streams[STREAMS];
    struct loop *loop;
    struct mailbox *mailbox;
};

struct scene {
    char name[32];
    struct realm realms[REALMS];
    struct rng rng;
    struct log log;
    char said[SAID_BYTES];
    bool is_off; /* the next realm writes no streams */
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
    (void)snprintf(scene->name, sizeof scene->name, "view-%u", ++scenes);
    scene->rng = rng_seeded(scenes);
    scene->log = (struct log){.sink = remember, .sink_ctx = scene, .level = LOG_INFO};
    *state = scene;
    return 0;
}

static void free_realm(struct realm *realm)
{
    mailbox_free(realm->mailbox);
    loop_free(realm->loop);
    *realm = (struct realm){.store = NULL};
}

static void close_realm(struct realm *realm)
{
    store_close(realm->store);
    free_realm(realm);
}

static int end(void **state)
{
    struct scene *scene = *state;

    for (size_t i = 0; i < REALMS; i++) {
        close_realm(&scene->realms[i]);
    }
    free(scene);
    return 0;
}

static void open_realm(struct scene *scene, size_t which)
{
    struct realm *realm = &scene->realms[which];
    struct store_nats_conf conf = {
        .url = span_str(server.url),
        .realm = span_str(scene->name),
        .bytes_max = 64 * 1024 * 1024,
        .streams_max = 100,
        .pending_bytes_max = 4 * 1024 * 1024,
        .replicas = 1,
        .has_streams = !scene->is_off,
        .timeout = TIMEOUT,
        .log = &scene->log,
        .rng = &scene->rng,
    };
    char fault[STORE_NATS_FAULT_BYTES];

    assert_ok(loop_new(&realm->loop));
    assert_ok(mailbox_new(&realm->mailbox, realm->loop));
    conf.loop = realm->loop;
    conf.mailbox = realm->mailbox;
    if (store_nats_open(&conf, &realm->store, fault) != OK) {
        fail_msg("%s", fault);
    }
    for (size_t i = 0; i < STREAMS; i++) {
        assert_ok(store_open_stream(realm->store, span_str(names[i]), STORE_KEEP_ALL,
                                    &realm->streams[i]));
    }
}

static void turn(struct scene *scene)
{
    for (size_t i = 0; i < REALMS; i++) {
        if (scene->realms[i].store != NULL) {
            assert_ok(loop_turn(scene->realms[i].loop, MOMENT));
        }
    }
}

static void await_line(struct scene *scene, const char *line)
{
    while (strstr(scene->said, line) == NULL) {
        turn(scene);
    }
    scene->said[0] = '\0';
}

/* ---- submissions ---- */

static void on_done(void *ctx, enum err e, const uint64_t *eids)
{
    (void)ctx, (void)eids;
    assert_ok(e);
}

static void submit(struct scene *scene, size_t which, struct store_op *op)
{
    struct realm *realm = &scene->realms[which];
    enum err e;

    while ((e = store_submit(realm->store, op, 1, on_done, NULL)) == ERR_AGAIN) {
        turn(scene);
    }
    assert_ok(e);
}

static void append(struct scene *scene, size_t which, size_t stream)
{
    char body[32];
    struct store_op op = {.type = STORE_APPEND, .stream = scene->realms[which].streams[stream]};
    const struct event_parts parts = {.body = span_of(body, sizeof body)};

    (void)snprintf(body, sizeof body, "%zu %" PRIu32, stream, rng_u32(&scene->rng));
    assert_ok(event_new(0, &parts, &op.event));
    submit(scene, which, &op);
    event_unref(op.event);
}

static void change(struct scene *scene, size_t which, enum store_op_type type, size_t stream,
                   uint64_t eid)
{
    struct store_op op = {
        .type = type, .stream = scene->realms[which].streams[stream], .eid = eid};

    submit(scene, which, &op);
}

static void settle(struct scene *scene)
{
    for (size_t i = 0; i < REALMS; i++) {
        while (scene->realms[i].store != NULL && scene->realms[i].store->pending_count > 0) {
            turn(scene);
        }
    }
}

static uint64_t below(struct scene *scene, uint64_t end)
{
    return rng_u32(&scene->rng) % (end + 1);
}

/* Mostly appends, and as much of it removed as a queue would. */
static void step(struct scene *scene, size_t which)
{
    size_t stream = below(scene, STREAMS - 1);
    uint64_t next = scene->realms[which].streams[stream]->next_eid;

    switch (below(scene, 40)) {
    case 0: change(scene, which, STORE_TRIM, stream, below(scene, next)); break;
    case 1: change(scene, which, STORE_PURGE, stream, 0); break;
    case 2: change(scene, which, STORE_RESERVE, stream, next + below(scene, 50)); break;
    case 3: turn(scene); break;
    default:
        if (below(scene, 2) == 0) {
            change(scene, which, STORE_REMOVE, stream, below(scene, next));
        } else {
            append(scene, which, stream);
        }
    }
}

/* ---- what the server shows ---- */

struct shown {
    natsConnection *nats;
    jsCtx *js;
};

static struct shown ask(void)
{
    struct shown shown;

    assert_int_equal(natsConnection_ConnectTo(&shown.nats, server.url), NATS_OK);
    assert_int_equal(natsConnection_JetStream(&shown.js, shown.nats, NULL), NATS_OK);
    return shown;
}

static void done(struct shown *shown)
{
    jsCtx_Destroy(shown->js);
    natsConnection_Destroy(shown->nats);
}

static char *stream_name(const struct scene *scene, size_t stream)
{
    static char name[64];

    (void)snprintf(name, sizeof name, "%s:%s", scene->name, kept[stream]);
    return name;
}

struct check {
    struct shown *shown;
    const char *stream;
    size_t count;
};

static bool is_event(natsMsg *msg, const struct event *event)
{
    const char *eid;

    return natsMsgHeader_Get(msg, "Wayleave-EID", &eid) == NATS_OK &&
           strtoull(eid, NULL, 10) == event->eid &&
           span_equal(span_of(natsMsg_GetData(msg), (size_t)natsMsg_GetDataLength(msg)),
                      event_body(event));
}

static bool is_there(void *ctx, const struct event *event)
{
    struct check *check = ctx;
    natsMsg *msg = NULL;

    if (js_GetMsg(&msg, check->shown->js, check->stream, event->eid, NULL, NULL) == NATS_OK) {
        check->count += is_event(msg, event);
        natsMsg_Destroy(msg);
    }
    return true;
}

/* As many as there are events, and each of them. */
static bool is_as(const struct scene *scene, struct shown *shown, size_t which, size_t stream)
{
    struct store_stream *own = scene->realms[which].streams[stream];
    struct check check = {.shown = shown, .stream = stream_name(scene, stream)};
    jsStreamInfo *info = NULL;
    uint64_t from = 0;
    bool is_same;

    if (js_GetStreamInfo(&info, shown->js, check.stream, NULL, NULL) != NATS_OK) {
        return own->next_eid == 1;
    }
    is_same = info->State.Msgs == own->count;
    jsStreamInfo_Destroy(info);
    while (is_same && from < own->next_eid) {
        assert_ok(store_read(own, from, is_there, &check, &from));
    }
    return is_same && check.count == own->count;
}

static void agree(struct scene *scene, size_t which)
{
    struct shown shown = ask();

    settle(scene);
    for (size_t i = 0; i < STREAMS; i++) {
        while (!is_as(scene, &shown, which, i)) {
            turn(scene);
        }
    }
    done(&shown);
}

/* ---- the tests ---- */

static void whatever_is_done_the_streams_show_it(void **state)
{
    struct scene *scene = *state;

    open_realm(scene, 0);
    await_line(scene, "writes the streams");
    open_realm(scene, 1);
    for (unsigned round = 0; round < 5; round++) {
        for (unsigned i = 0; i < STEPS; i++) {
            step(scene, below(scene, REALMS - 1));
        }
        agree(scene, round % REALMS);
    }
}

/* In the middle of it: what the first one had not written, the other one does. */
static void who_comes_next_goes_on(void **state)
{
    struct scene *scene = *state;

    for (unsigned round = 0; round < 6; round++) {
        size_t which = round % REALMS;

        open_realm(scene, which);
        if (round > 0) {
            struct realm *before = &scene->realms[1 - which];

            for (unsigned i = 0; i < STEPS; i++) {
                step(scene, below(scene, REALMS - 1));
            }
            if (round == 3) { /* it has to be missed for a while */
                store_nats_kill(before->store);
                free_realm(before);
            } else {
                close_realm(before);
            }
        }
        await_line(scene, "writes the streams");
        for (unsigned i = 0; i < STEPS; i++) {
            step(scene, which);
        }
        agree(scene, which);
    }
}

static void the_server_may_be_killed(void **state)
{
    struct scene *scene = *state;

    open_realm(scene, 0);
    await_line(scene, "writes the streams");
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < STEPS; i++) {
            step(scene, 0);
            if (i == STEPS / 2) {
                store_nats_rig_kill(&server);
            }
        }
        store_nats_rig_again(&server);
        agree(scene, 0);
    }
}

/* More than is remembered one by one. */
static void many_may_go_while_the_server_is_silent(void **state)
{
    struct scene *scene = *state;
    enum {
        MANY = 6000
    };

    open_realm(scene, 0);
    open_realm(scene, 1);
    for (unsigned i = 0; i < MANY; i++) {
        append(scene, 0, 0);
    }
    agree(scene, 0);
    for (unsigned i = 1; i < MANY; i += 1 + i % 7 / 6) {
        change(scene, 0, STORE_REMOVE, 0, i);
    }
    agree(scene, 1);
}

/* It has to be found by going through the stream, which takes several lists. */
static void what_went_while_nobody_wrote_goes_then(void **state)
{
    struct scene *scene = *state;
    enum {
        MANY = 3000
    };

    open_realm(scene, 0);
    for (unsigned i = 0; i < MANY; i++) {
        append(scene, 0, 0);
    }
    agree(scene, 0);
    close_realm(&scene->realms[0]);
    scene->is_off = true;
    open_realm(scene, 0);
    for (unsigned i = 2; i <= MANY; i += 3) {
        change(scene, 0, STORE_REMOVE, 0, i);
    }
    append(scene, 0, 0);
    change(scene, 0, STORE_REMOVE, 0, MANY + 1);
    settle(scene);
    close_realm(&scene->realms[0]);
    scene->is_off = false;
    open_realm(scene, 0);
    agree(scene, 0);
    append(scene, 0, 0);
    agree(scene, 0);
}

static void a_wide_gap_is_filled(void **state)
{
    struct scene *scene = *state;

    open_realm(scene, 0);
    append(scene, 0, 0);
    change(scene, 0, STORE_RESERVE, 0, 30000);
    append(scene, 0, 0);
    change(scene, 0, STORE_RESERVE, 1, 20000);
    append(scene, 0, 1);
    agree(scene, 0);
    assert_int_equal(scene->realms[0].streams[0]->next_eid, 30001);
}

/* As after a backup of the server's directory was put back, of one stream alone. */
static void a_stream_that_has_lost_its_end_gets_it_again(void **state)
{
    struct scene *scene = *state;
    struct shown shown;

    open_realm(scene, 0);
    for (unsigned i = 0; i < 50; i++) {
        append(scene, 0, i % STREAMS);
    }
    agree(scene, 0);
    shown = ask();
    for (size_t i = 0; i < STREAMS; i++) {
        assert_int_equal(js_DeleteStream(shown.js, stream_name(scene, i), NULL, NULL), NATS_OK);
    }
    done(&shown);
    for (unsigned i = 0; i < STREAMS; i++) {
        append(scene, 0, i);
    }
    agree(scene, 0);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(whatever_is_done_the_streams_show_it),
        TEST(who_comes_next_goes_on),
        TEST(the_server_may_be_killed),
        TEST(many_may_go_while_the_server_is_silent),
        TEST(what_went_while_nobody_wrote_goes_then),
        TEST(a_wide_gap_is_filled),
        TEST(a_stream_that_has_lost_its_end_gets_it_again),
    };
#undef TEST
    int failed;

    store_nats_rig_start(&server);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    store_nats_rig_end(&server);
    return failed;
}
