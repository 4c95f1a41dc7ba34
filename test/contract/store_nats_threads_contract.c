/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What happens in microseconds between the threads of a NATS connection, and between realms:
 * one of them is held up there. These functions of libnats stand before its own: see dlsym().
 */
#include "lib/testing.h"

#include "contract/store_nats_scene.h"
#include "store/store_nats_link_write.h"

#include <dlfcn.h>
#include <nats/nats.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * Where libnats' thread that reads is held up: it has looked the subscription up, and has not
 * yet put the message in. libnats 3.4 does not hold the subscription there, and who frees it
 * has the process aborted, without a word.
 */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_armed;  /* the next message of a log stops there */
    bool is_inside; /* it is there */
    bool has_failed;
    bool fails; /* a subscription has a fault while it is there */
} gate = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

enum {
    NUMBERS = 64
};

/* What becomes of messages for the log. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool are_lost;
    bool are_held;
    unsigned count;
    unsigned cut_short;      /* the first that was, in this order */
    unsigned times[NUMBERS]; /* that the message of this number was sent */
} sent = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void set_sent(bool are_lost, bool are_held)
{
    pthread_mutex_lock(&sent.lock);
    sent.are_lost = are_lost;
    sent.are_held = are_held;
    pthread_cond_broadcast(&sent.changed);
    pthread_mutex_unlock(&sent.lock);
}

static void set_gate(bool is_armed, bool fails)
{
    pthread_mutex_lock(&gate.lock);
    gate.is_armed = is_armed;
    gate.fails = fails;
    gate.has_failed = false;
    pthread_mutex_unlock(&gate.lock);
}

static void stop_here(void)
{
    pthread_mutex_lock(&gate.lock);
    if (gate.is_armed) {
        gate.is_armed = false;
        gate.is_inside = true;
        pthread_cond_broadcast(&gate.changed);
        while (gate.is_inside) {
            pthread_cond_wait(&gate.changed, &gate.lock);
        }
    }
    pthread_mutex_unlock(&gate.lock);
}

static void open_gate(void)
{
    pthread_mutex_lock(&gate.lock);
    gate.is_inside = false;
    pthread_cond_broadcast(&gate.changed);
    pthread_mutex_unlock(&gate.lock);
}

static void await_inside(void)
{
    pthread_mutex_lock(&gate.lock);
    while (!gate.is_inside) {
        pthread_cond_wait(&gate.changed, &gate.lock);
    }
    pthread_mutex_unlock(&gate.lock);
}

/* ---- before libnats' own ---- */

#define OWN(name) (__extension__(__typeof__(&(name))) dlsym(RTLD_NEXT, #name))

/* Of libnats for itself: it calls this one only if it is seen. */
__attribute__((visibility("default"))) natsStatus natsMsg_create(
    natsMsg **msg, const char *subject, int subject_len, const char *reply, int reply_len,
    const char *bytes, int len, int head_len);

natsStatus natsMsg_create(natsMsg **msg, const char *subject, int subject_len,
                          const char *reply, int reply_len, const char *bytes, int len,
                          int head_len)
{
    if (subject_len > 4 && memcmp(subject + subject_len - 4, ".log", 4) == 0) {
        stop_here();
    }
    return OWN(natsMsg_create)(msg, subject, subject_len, reply, reply_len, bytes, len,
                               head_len);
}

natsStatus natsSubscription_NextMsg(natsMsg **msg, natsSubscription *sub, int64_t ms)
{
    bool fails;

    pthread_mutex_lock(&gate.lock);
    fails = gate.is_inside && gate.fails && !gate.has_failed;
    gate.has_failed = gate.has_failed || fails;
    pthread_mutex_unlock(&gate.lock);
    return fails ? NATS_MISMATCH : OWN(natsSubscription_NextMsg)(msg, sub, ms);
}

natsStatus natsSubscription_Unsubscribe(natsSubscription *sub)
{
    natsStatus s = OWN(natsSubscription_Unsubscribe)(sub);

    open_gate();
    return s;
}

void natsSubscription_Destroy(natsSubscription *sub)
{
    OWN(natsSubscription_Destroy)(sub);
    if (sub != NULL) {
        open_gate();
    }
}

natsStatus natsConnection_PublishRequest(natsConnection *nats, const char *subject,
                                         const char *reply, const void *bytes, int len)
{
    unsigned long number = strtoul(strrchr(reply, '-') + 1, NULL, 16);
    natsStatus s = NATS_OK;
    bool is_lost;

    pthread_mutex_lock(&sent.lock);
    while (sent.are_held) {
        pthread_cond_wait(&sent.changed, &sent.lock);
    }
    is_lost = sent.are_lost;
    sent.count++;
    sent.times[number % NUMBERS]++;
    pthread_mutex_unlock(&sent.lock);
    if (!is_lost) {
        s = OWN(natsConnection_PublishRequest)(nats, subject, reply, bytes, len);
    }
    pthread_mutex_lock(&sent.lock);
    sent.cut_short = s == NATS_TIMEOUT && sent.cut_short == 0 ? sent.count : sent.cut_short;
    pthread_mutex_unlock(&sent.lock);
    return s;
}

void natsConnection_Close(natsConnection *nats)
{
    open_gate();
    OWN(natsConnection_Close)(nats);
}

/* What nats-server 2.9 may say when somebody else makes the same one in this moment. */
static enum {
    SAYS_ALL,
    SAYS_NO_BIRTH,
    SAYS_OVERLAP
} birth;

natsStatus js_AddStream(jsStreamInfo **info, jsCtx *js, jsStreamConfig *conf, jsOptions *opts,
                        jsErrCode *code)
{
    natsStatus s = OWN(js_AddStream)(info, js, conf, opts, code);

    if (s == NATS_OK && birth == SAYS_NO_BIRTH) {
        (*info)->Created = 0;
    } else if (s == NATS_OK && birth == SAYS_OVERLAP) {
        jsStreamInfo_Destroy(*info);
        *info = NULL;
        *code = JSStreamSubjectOverlapErr;
        s = NATS_ERR;
    }
    return s;
}

/* ---- what is let go of ---- */

/* Somebody else writes to the log: no realm waits for what comes of it. */
static void hold_up(struct store_nats_scene *scene, bool fails)
{
    natsConnection *nats = NULL;
    char subject[64];

    store_nats_scene_open(scene, 0);
    (void)snprintf(subject, sizeof subject, "%s.log", scene->name);
    assert_int_equal(natsConnection_ConnectTo(&nats, scene->server->url), NATS_OK);
    set_gate(true, fails);
    assert_int_equal(natsConnection_PublishString(nats, subject, "hello"), NATS_OK);
    natsConnection_Destroy(nats);
}

static void a_realm_ends_while_a_message_comes(void **state)
{
    struct store_nats_scene *scene = *state;

    hold_up(scene, false);
    await_inside();
    store_nats_scene_close(&scene->realms[0]);
}

static void the_log_is_followed_anew_while_a_message_comes(void **state)
{
    struct store_nats_scene *scene = *state;
    bool has_failed;

    hold_up(scene, true);
    assert_int_equal(store_nats_scene_append(scene, 0, SPAN("x")), 1);
    pthread_mutex_lock(&gate.lock);
    has_failed = gate.has_failed;
    pthread_mutex_unlock(&gate.lock);
    assert_true(has_failed);
}

/* ---- what is sent ---- */

/* Its connection is there, and it answers to pings. */
static void a_realm_ends_while_the_server_answers_to_nothing(void **state)
{
    struct store_nats_scene *scene = *state;
    struct store_nats_scene_told told = {.times = 0};

    scene->timeout = 600000;
    store_nats_scene_open(scene, 0);
    set_sent(true, false);
    assert_ok(store_nats_scene_submit(&scene->realms[0], SPAN("x"), &told));
    store_nats_scene_close(&scene->realms[0]);
    set_sent(false, false);
    assert_int_equal(told.times, 1);
    assert_int_equal(told.e, ERR_CLOSED);
}

static unsigned times_sent(size_t number)
{
    unsigned times;

    pthread_mutex_lock(&sent.lock);
    times = sent.times[number];
    pthread_mutex_unlock(&sent.lock);
    return times;
}

static void on_locked(void *ctx, enum err e, struct span value)
{
    (void)value;
    store_nats_scene_on_done(ctx, e, &(uint64_t){0});
}

/* The unlock is told to nobody, and so waits until it counts: it is sent again in each round.
 */
static void what_is_sent_again_does_not_wait_twice(void **state)
{
    enum {
        ROUNDS = 5
    };
    struct store_nats_scene *scene = *state;
    struct store_nats_scene_told told = {.times = 0};

    scene->timeout = 1000;
    store_nats_scene_open(scene, 0);
    assert_ok(store_lock(scene->realms[0].store, SPAN("l"), on_locked, &told));
    store_nats_scene_await(scene, &told);
    set_sent(false, true);
    store_unlock(scene->realms[0].store, SPAN("l"), SPAN(""));
    for (int i = 0; i < ROUNDS; i++) {
        told.times = 0;
        assert_ok(store_nats_scene_submit(&scene->realms[0], SPAN("late"), &told));
        store_nats_scene_await_any(scene, &told);
        assert_int_equal(told.e, ERR_CLOSED); /* and then all else is sent again */
    }
    pthread_mutex_lock(&sent.lock);
    memset(sent.times, 0, sizeof sent.times);
    pthread_mutex_unlock(&sent.lock);
    set_sent(false, false);
    store_nats_scene_append(scene, 0, SPAN("x"));
    for (size_t i = 0; i < NUMBERS; i++) { /* once in hand, and what the last rounds sent */
        assert_true(times_sent(i) < ROUNDS);
    }
}

/* What is behind it would be taken for its rest, and what publishers say, for commands. */
static void nothing_follows_a_message_that_was_cut_short(void **state)
{
    static uint8_t body[3 * 1024 * 1024];
    struct store_nats_scene *scene = *state;
    struct store_nats_scene_told told = {.times = 0};
    unsigned count, cut_short;

    memset(body, 'x', sizeof body);
    store_nats_scene_open(scene, 0);
    store_nats_rig_pause(scene->server);
    assert_ok(store_nats_scene_submit(&scene->realms[0], span_of(body, sizeof body), &told));
    store_nats_scene_await_line(scene,
                                "store: the NATS server is lost; what is published waits\n");
    pthread_mutex_lock(&sent.lock);
    cut_short = sent.cut_short;
    count = sent.count;
    pthread_mutex_unlock(&sent.lock);
    assert_int_not_equal(cut_short, 0);
    assert_int_equal(count, cut_short);
    store_nats_rig_resume(scene->server); /* and on another connection it goes on */
    store_nats_scene_await(scene, &told);
    store_nats_scene_append(scene, 0, SPAN("after"));
    assert_string_equal(store_nats_scene_stored(&scene->realms[0]), "1:xxxxxxxx 2:after ");
    assert_int_equal(scene->realms[0].store->corrupt_count, 0);
}

static void on_news(void *ctx)
{
    (void)ctx;
}

/* The log's sender and the writer of streams: what the one began is not the other's to end. */
static void who_finds_a_message_cut_short_sends_nothing(void **state)
{
    struct store_nats_scene *scene = *state;
    struct store_nats_link_conf conf = {
        .url = span_str(scene->server->url),
        .realm = span_str(scene->name),
        .replicas = 1,
        .timeout = 10000,
        .log = &scene->log,
        .on_news = on_news,
    };
    char fault[STORE_NATS_SERVER_FAULT_BYTES];
    struct store_nats_link *link;
    unsigned number;

    store_nats_scene_open(scene, 0);
    conf.mailbox = scene->realms[0].mailbox;
    assert_ok(store_nats_link_open(&conf, &link, fault));
    number = store_nats_link_connection(link);
    assert_true(store_nats_link_write_begin(link));
    store_nats_link_write_end(link, false);
    assert_true(store_nats_link_write_begin(link));
    store_nats_link_write_end(link, true);
    assert_false(store_nats_link_write_begin(link));
    assert_false(store_nats_link_write_begin(link));
    store_nats_rig_kill(scene->server);
    store_nats_rig_again(scene->server);
    while (store_nats_link_connection(link) == number) {
        store_nats_scene_turn(scene);
    }
    assert_true(store_nats_link_write_begin(link));
    store_nats_link_write_end(link, false);
    store_nats_link_close(link);
}

/* ---- the streams ---- */

static void a_log_that_another_realm_is_making_is_asked_for_again(void **state)
{
    struct store_nats_scene *scene = *state;

    birth = SAYS_NO_BIRTH;
    store_nats_scene_open(scene, 0);
    birth = SAYS_ALL;
    assert_int_equal(store_nats_scene_append(scene, 0, SPAN("x")), 1);
}

static void a_log_that_another_realm_has_just_made_is_found(void **state)
{
    struct store_nats_scene *scene = *state;

    birth = SAYS_OVERLAP;
    store_nats_scene_open(scene, 0);
    birth = SAYS_ALL;
    assert_int_equal(store_nats_scene_append(scene, 0, SPAN("x")), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_NATS_SCENE_TEST(a_realm_ends_while_a_message_comes),
        STORE_NATS_SCENE_TEST(the_log_is_followed_anew_while_a_message_comes),
        STORE_NATS_SCENE_TEST(a_realm_ends_while_the_server_answers_to_nothing),
        STORE_NATS_SCENE_TEST(what_is_sent_again_does_not_wait_twice),
        STORE_NATS_SCENE_TEST(nothing_follows_a_message_that_was_cut_short),
        STORE_NATS_SCENE_TEST(who_finds_a_message_cut_short_sends_nothing),
        STORE_NATS_SCENE_TEST(a_log_that_another_realm_is_making_is_asked_for_again),
        STORE_NATS_SCENE_TEST(a_log_that_another_realm_has_just_made_is_found),
    };

    return cmocka_run_group_tests(tests, store_nats_scene_start, store_nats_scene_stop);
}
