/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "io/signals.h"

#include "lib/oom.h"
#include "lib/testing.h"

#include <signal.h>

static int received;

static void on_signal(void *ctx, int number)
{
    (void)ctx;
    received = number;
}

static void a_signal_becomes_a_call_on_the_loop(void **state)
{
    struct loop *loop;
    struct signals *signals;

    (void)state;
    assert_ok(loop_new(&loop));
    assert_ok(signals_new(&signals, loop, on_signal, NULL));
    raise(SIGTERM);
    for (int i = 0; received == 0 && i < 1000; i++) {
        assert_ok(loop_turn(loop, 20000));
    }
    assert_int_equal(received, SIGTERM);
    signals_free(signals);
    loop_free(loop);
}

static void open_and_close(void)
{
    struct loop *loop = NULL;
    struct signals *signals = NULL;

    if (loop_new(&loop) == OK && signals_new(&signals, loop, on_signal, NULL) == OK) {
        assert_non_null(signals);
    }
    signals_free(signals);
    loop_free(loop);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(open_and_close);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signal_becomes_a_call_on_the_loop),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
