/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "io/crew.h"

#include "lib/oom.h"
#include "lib/testing.h"

#include <errno.h>
#include <pthread.h>

static const size_t huge_stack_bytes = (size_t)1 << 50;

enum {
    ITEMS_MAX = 1000,
    BATCHES = 20000,
    BATCH_ITEMS = 48,
};

/* What an item does is no atomic deed: if two threads had it, or one did not see what was
 * before, ThreadSanitizer would say so, and mostly the numbers. */
struct tally {
    size_t step; /* that each item is to see */
    size_t done[ITEMS_MAX];
};

static void do_once(void *ctx, size_t index)
{
    struct tally *tally = ctx;

    tally->done[index] += tally->step;
}

static void every_item_is_done_once_whatever_the_count(void **state)
{
    static const size_t sizes[] = {1, 2, 3, 8, CREW_SIZE_MAX};
    static const size_t counts[] = {0, 1, 2, 3, 4, 5, 7, 8, 9, 63, 64, 65, ITEMS_MAX};

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct crew *crew;

        assert_ok(crew_new(&crew, sizes[i]));
        for (size_t k = 0; k < sizeof counts / sizeof counts[0]; k++) {
            struct tally tally = {.step = 1};

            crew_run(crew, counts[k], do_once, &tally);
            for (size_t item = 0; item < ITEMS_MAX; item++) {
                assert_int_equal(tally.done[item], item < counts[k]);
            }
        }
        crew_free(crew);
    }
}

static void batch_after_batch_sees_what_was_before_and_is_seen_behind(void **state)
{
    struct tally tally = {0};
    struct crew *crew;
    size_t sum = 0;

    (void)state;
    assert_ok(crew_new(&crew, 4));
    for (size_t i = 0; i < BATCHES; i++) {
        tally.step = i;
        sum += i;
        crew_run(crew, BATCH_ITEMS, do_once, &tally);
        for (size_t item = 0; item < BATCH_ITEMS; item++) {
            assert_int_equal(tally.done[item], sum);
        }
    }
    crew_free(crew);
}

struct meeting {
    pthread_mutex_t lock;
    pthread_cond_t came;
    pthread_t first;
    size_t items;
    bool has_met;
};

/* Nobody leaves before two threads are here. */
static void meet(void *ctx, size_t index)
{
    struct meeting *meeting = ctx;

    (void)index;
    pthread_mutex_lock(&meeting->lock);
    if (meeting->items++ == 0) {
        meeting->first = pthread_self();
    } else if (!pthread_equal(meeting->first, pthread_self())) {
        meeting->has_met = true;
        pthread_cond_broadcast(&meeting->came);
    }
    while (!meeting->has_met) {
        pthread_cond_wait(&meeting->came, &meeting->lock);
    }
    pthread_mutex_unlock(&meeting->lock);
}

static void helpers_work_beside_the_caller(void **state)
{
    struct crew *crew;

    (void)state;
    assert_ok(crew_new(&crew, 2));
    for (int i = 0; i < 100; i++) {
        struct meeting meeting = {.lock = PTHREAD_MUTEX_INITIALIZER,
                                  .came = PTHREAD_COND_INITIALIZER};

        crew_run(crew, BATCH_ITEMS, meet, &meeting);
        assert_true(meeting.has_met);
        assert_int_equal(meeting.items, BATCH_ITEMS);
    }
    crew_free(crew);
}

static void be_the_caller(void *ctx, size_t index)
{
    const pthread_t *caller = ctx;

    (void)index;
    assert_true(pthread_equal(*caller, pthread_self()));
}

static void a_crew_of_one_is_the_caller_alone(void **state)
{
    pthread_t caller = pthread_self();
    struct crew *crew;

    (void)state;
    assert_ok(crew_new(&crew, 1));
    crew_run(crew, ITEMS_MAX, be_the_caller, &caller);
    crew_free(crew);
}

static void a_crew_ends_whether_it_has_worked_or_not(void **state)
{
    struct tally tally = {.step = 1};
    struct crew *crew;

    (void)state;
    for (size_t size = 1; size <= CREW_SIZE_MAX; size *= 2) {
        assert_ok(crew_new(&crew, size));
        crew_free(crew);
        assert_ok(crew_new(&crew, size));
        crew_run(crew, ITEMS_MAX, do_once, &tally);
        crew_free(crew);
    }
    crew_free(NULL);
}

/* Each helper would have a stack that no machine has room for. */
static void without_threads_there_is_no_crew(void **state)
{
    pthread_attr_t normal, huge;
    struct crew *crew = NULL;

    (void)state;
    assert_int_equal(pthread_getattr_default_np(&normal), 0);
    assert_int_equal(pthread_attr_init(&huge), 0);
    assert_int_equal(pthread_attr_setstacksize(&huge, huge_stack_bytes), 0);
    assert_int_equal(pthread_setattr_default_np(&huge), 0);
    assert_int_equal(crew_new(&crew, 3), ERR_IO);
    assert_int_equal(errno, EAGAIN);
    assert_null(crew);
    assert_int_equal(pthread_setattr_default_np(&normal), 0);
    assert_ok(crew_new(&crew, 3));
    crew_free(crew);
    pthread_attr_destroy(&huge);
    pthread_attr_destroy(&normal);
}

static void gather_a_crew(void)
{
    struct crew *crew;

    if (crew_new(&crew, 2) == OK) {
        crew_free(crew);
    }
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(gather_a_crew);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_item_is_done_once_whatever_the_count),
        cmocka_unit_test(batch_after_batch_sees_what_was_before_and_is_seen_behind),
        cmocka_unit_test(helpers_work_beside_the_caller),
        cmocka_unit_test(a_crew_of_one_is_the_caller_alone),
        cmocka_unit_test(a_crew_ends_whether_it_has_worked_or_not),
        cmocka_unit_test(without_threads_there_is_no_crew),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
