/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What libnats' thread that reads has in hand when one of ours lets go of a subscription. It is
 * held up where it has looked the subscription up, and has not yet put the message in: libnats
 * 3.4 does not hold the subscription there, and who frees it has the process aborted, without a
 * word. These functions of libnats stand before its own: see dlsym().
 */
#include "lib/testing.h"

#include "contract/store_nats_scene.h"

#include <dlfcn.h>
#include <nats/nats.h>
#include <pthread.h>
#include <stdio.h>

/* Where the thread that reads is held up. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_armed;  /* the next message of a log stops there */
    bool is_inside; /* it is there */
    bool has_failed;
    bool fails; /* a subscription has a fault while it is there */
} gate = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

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

void natsConnection_Close(natsConnection *nats)
{
    open_gate();
    OWN(natsConnection_Close)(nats);
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

    hold_up(scene, true);
    assert_int_equal(store_nats_scene_append(scene, 0, SPAN("x")), 1);
    assert_true(gate.has_failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_NATS_SCENE_TEST(a_realm_ends_while_a_message_comes),
        STORE_NATS_SCENE_TEST(the_log_is_followed_anew_while_a_message_comes),
    };

    return cmocka_run_group_tests(tests, store_nats_scene_start, store_nats_scene_stop);
}
