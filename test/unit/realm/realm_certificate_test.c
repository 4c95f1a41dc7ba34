/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_certificate.h"

#include "daemon/daemon_clock.h"

#include "lib/oom.h"
#include "lib/testing.h"

#include <stdio.h>

enum {
    HOUR = 60 * 60,
    DAY = 24 * HOUR,
};

struct world {
    struct log log;
    struct loop *loop;
    struct realm_certificate certificate;
    size_t lines;
    char last[400];
    enum log_level level;
};

static void on_log(void *ctx, enum log_level level, const char *line)
{
    struct world *world = ctx;

    world->lines++;
    world->level = level;
    snprintf(world->last, sizeof world->last, "%s", line);
}

static void begin(struct world *world)
{
    *world = (struct world){.log = {.sink = on_log, .level = LOG_DEBUG}};
    world->log.sink_ctx = world;
    assert_ok(loop_new(&world->loop));
    realm_certificate_begin(&world->certificate, world->loop, &world->log);
}

static void end(struct world *world)
{
    realm_certificate_end(&world->certificate);
    loop_free(world->loop);
}

/* Valid until so many seconds from now. */
static void watch(struct world *world, int64_t seconds)
{
    const int64_t now = (int64_t)(daemon_clock_ms() / 1000);
    const struct tls_dates dates = {now - 90 * DAY, now + seconds};

    realm_certificate_watch(&world->certificate, SPAN("/etc/realm.crt"), &dates);
}

static void assert_last(const struct world *world, const char *part)
{
    if (strstr(world->last, part) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", world->last, part);
    }
}

static void it_is_said_at_once_and_again_every_day(void **state)
{
    struct world world;
    const struct timer *timer = &world.certificate.timer;

    (void)state;
    begin(&world);
    watch(&world, 8 * DAY + HOUR);
    assert_int_equal(world.lines, 1);
    assert_int_equal(world.level, LOG_WARN);
    assert_last(&world, "SSLCertificateFile: /etc/realm.crt expires on ");
    assert_last(&world, ", in 8 days (renew it and reload)");
    assert_true(timer_is_set(timer));
    assert_int_equal(timer->node.at, loop_now(world.loop) + REALM_CERTIFICATE_EVERY_MS);

    timer->call(timer->ctx); /* the day is over */
    assert_int_equal(world.lines, 2);
    assert_true(timer_is_set(timer));
    end(&world);
}

static void a_good_one_is_watched_in_silence(void **state)
{
    struct world world;

    (void)state;
    begin(&world);
    watch(&world, 90 * DAY);
    assert_int_equal(world.lines, 0);
    assert_true(timer_is_set(&world.certificate.timer));
    end(&world);
}

static void a_new_one_takes_the_place_of_the_old_one(void **state)
{
    struct world world;

    (void)state;
    begin(&world);
    watch(&world, -2 * DAY - HOUR);
    assert_last(&world, ", 2 days ago (renew it and reload)");
    watch(&world, 90 * DAY);
    assert_int_equal(world.lines, 1);
    realm_certificate_watch(&world.certificate, SPAN(""), NULL); /* no https any more */
    assert_false(timer_is_set(&world.certificate.timer));
    assert_int_equal(world.lines, 1);
    end(&world);
}

static void watch_with_little_memory(void)
{
    struct world world = {.log = {.sink = on_log, .sink_ctx = &world, .level = LOG_DEBUG}};

    if (loop_new(&world.loop) != OK) {
        return;
    }
    realm_certificate_begin(&world.certificate, world.loop, &world.log);
    watch(&world, 90 * DAY);
    if (oom_has_struck()) {
        assert_false(timer_is_set(&world.certificate.timer));
        assert_last(&world, "out of memory");
    } else {
        assert_int_equal(world.lines, 0);
    }
    end(&world);
}

static void running_out_of_memory_for_the_timer_is_said(void **state)
{
    (void)state;
    every_oom(watch_with_little_memory);
}

static void one_that_has_not_begun_can_end(void **state)
{
    struct realm_certificate certificate = {.log = NULL};

    (void)state;
    realm_certificate_end(&certificate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_said_at_once_and_again_every_day),
        cmocka_unit_test(a_good_one_is_watched_in_silence),
        cmocka_unit_test(a_new_one_takes_the_place_of_the_old_one),
        cmocka_unit_test(running_out_of_memory_for_the_timer_is_said),
        cmocka_unit_test(one_that_has_not_begun_can_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
