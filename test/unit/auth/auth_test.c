/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "auth/auth.h"

#include "lib/oom.h"
#include "lib/testing.h"

#include "base/digest.h"
#include "io/timer.h"

#include <stdio.h>

/* bcrypt at cost 4: some milliseconds, so that a queue can be seen. */
#define HASH "$2y$04$5FZE/xkLsRx.pCtujNZmS.rL39i9r/PwHZqtvvMGm9wVkZPcOEDp6"

struct scene {
    struct arena arena;
    struct diag diag;
    const struct htpasswd *users;
    struct loop *loop;
    struct mailbox *mailbox;
    struct auth *auth;
    struct auth_desk *desk;
};

static enum err open_scene(struct scene *scene, size_t queue_max)
{
    struct rng rng = rng_seeded(1);

    *scene = (struct scene){0};
    arena_init(&scene->arena, 1024 * 1024);
    diag_init(&scene->diag);
    TRY(htpasswd_parse(SPAN("alice:" HASH "\n"), "users", &scene->arena, &scene->diag,
                       &scene->users));
    TRY(loop_new(&scene->loop));
    TRY(mailbox_new(&scene->mailbox, scene->loop));
    TRY(auth_new(&scene->auth, 1, queue_max));
    return auth_desk_new(&scene->desk, scene->auth, scene->mailbox, 60000, &rng);
}

static void close_scene(struct scene *scene)
{
    auth_desk_free(scene->desk);
    auth_free(scene->auth);
    mailbox_free(scene->mailbox);
    loop_free(scene->loop);
    diag_fini(&scene->diag);
    arena_fini(&scene->arena);
}

static struct auth_basic basic_of(const char *user, const char *password)
{
    struct auth_basic basic = {.user = span_str(user), .password = span_str(password)};

    return basic;
}

struct answer {
    unsigned count;
    bool is_right;
};

static void on_done(void *ctx, bool is_right)
{
    struct answer *answer = ctx;

    answer->count++;
    answer->is_right = is_right;
}

static enum err check(struct scene *scene, const char *user, const char *password, msec now,
                      struct answer *answer, struct auth_job **ret_job)
{
    struct auth_basic basic = basic_of(user, password);

    return auth_check(scene->desk, scene->users, &basic, now, on_done, answer, ret_job);
}

static void await(struct scene *scene, const struct answer *answer)
{
    while (answer->count == 0) {
        assert_ok(loop_turn(scene->loop, 10000));
    }
    assert_int_equal(answer->count, 1);
}

static bool is_right(struct scene *scene, const char *user, const char *password)
{
    struct answer answer = {0};
    struct auth_job *job;

    assert_int_equal(check(scene, user, password, 1000000, &answer, &job), ERR_AGAIN);
    assert_int_equal(answer.count, 0);
    await(scene, &answer);
    return answer.is_right;
}

static void a_password_is_verified_elsewhere_and_the_answer_comes_by_letter(void **state)
{
    struct scene scene;

    (void)state;
    assert_ok(open_scene(&scene, 10));
    assert_false(is_right(&scene, "alice", "wrong"));
    assert_false(is_right(&scene, "nobody", "open sesame")); /* verified against alice's */
    assert_true(is_right(&scene, "alice", "open sesame"));
    close_scene(&scene);
}

static void what_was_right_is_known_for_a_while(void **state)
{
    struct scene scene;
    struct answer answer = {0};
    struct auth_job *job;

    (void)state;
    assert_ok(open_scene(&scene, 10));
    assert_true(is_right(&scene, "alice", "open sesame")); /* at 1000000 */
    assert_ok(check(&scene, "alice", "open sesame", 1059999, &answer, &job));
    assert_int_equal(answer.count, 0);
    assert_int_equal(check(&scene, "alice", "open sesame", 1060000, &answer, &job), ERR_AGAIN);
    await(&scene, &answer);
    /* what was wrong is not */
    assert_false(is_right(&scene, "alice", "wrong"));
    assert_false(is_right(&scene, "alice", "wrong"));
    close_scene(&scene);
}

static void a_full_queue_is_said_at_once(void **state)
{
    struct scene scene;
    struct answer answers[64] = {{0}};
    struct auth_job *job;
    size_t asked = 0;
    enum err e;

    (void)state;
    assert_ok(open_scene(&scene, 3));
    do {
        e = check(&scene, "alice", "wrong", 1, &answers[asked], &job);
        asked += e == ERR_AGAIN ? 1 : 0;
    } while (e == ERR_AGAIN && asked < 63);
    assert_int_equal(e, ERR_LIMIT);
    assert_true(asked >= 3);
    for (size_t i = 0; i < asked; i++) {
        await(&scene, &answers[i]);
    }
    assert_true(is_right(&scene, "alice", "open sesame")); /* there is room again */
    close_scene(&scene);
}

static void a_cancelled_login_is_never_answered(void **state)
{
    struct scene scene;
    struct answer cancelled[8] = {{0}}, last = {0};
    struct auth_job *jobs[8], *job;

    (void)state;
    assert_ok(open_scene(&scene, 20));
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(check(&scene, "alice", "x", 1, &cancelled[i], &jobs[i]), ERR_AGAIN);
    }
    assert_int_equal(check(&scene, "alice", "open sesame", 1, &last, &job), ERR_AGAIN);
    for (size_t i = 0; i < 8; i++) {
        auth_cancel(jobs[i]); /* waiting, running or in the mailbox */
    }
    auth_cancel(NULL);
    await(&scene, &last);
    assert_true(last.is_right);
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(cancelled[i].count, 0);
    }
    close_scene(&scene);
}

static void a_worker_may_leave_while_logins_run(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 10; round++) {
        struct scene scene;
        struct answer answer = {0};
        struct auth_job *job;

        assert_ok(open_scene(&scene, 20));
        for (unsigned i = 0; i < round; i++) {
            assert_int_equal(check(&scene, "alice", "open sesame", 1, &answer, &job),
                             ERR_AGAIN);
        }
        close_scene(&scene); /* the mailbox opens what is in it */
        assert_int_equal(answer.count, 0);
    }
}

static void nobody_is_known_from_an_empty_file(void **state)
{
    struct scene scene;

    (void)state;
    assert_ok(open_scene(&scene, 20));
    assert_ok(htpasswd_parse(SPAN(""), "users", &scene.arena, &scene.diag, &scene.users));
    assert_false(is_right(&scene, "alice", ""));
    close_scene(&scene);
}

static void log_in(void)
{
    struct scene scene;
    struct answer answer = {0};
    struct auth_job *job = NULL;

    if (open_scene(&scene, 3) == OK &&
        check(&scene, "alice", "open sesame", 1, &answer, &job) == ERR_AGAIN) {
        await(&scene, &answer);
    }
    close_scene(&scene);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(log_in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_password_is_verified_elsewhere_and_the_answer_comes_by_letter),
        cmocka_unit_test(what_was_right_is_known_for_a_while),
        cmocka_unit_test(a_full_queue_is_said_at_once),
        cmocka_unit_test(a_cancelled_login_is_never_answered),
        cmocka_unit_test(a_worker_may_leave_while_logins_run),
        cmocka_unit_test(nobody_is_known_from_an_empty_file),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
