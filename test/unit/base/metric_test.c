/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "base/metric.h"

#include "lib/oom.h"
#include "lib/testing.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
    OPENED,
    OPEN,
    LIFE,
    OTHER,
    ROWS
};

static const uint64_t bounds[] = {10, 100, 1000, 0};

static const struct metric_row rows[] = {
    [OPENED] = {METRIC_COUNTER, "opened_total", NULL, "Opened.", NULL, 0},
    [OPEN] = {METRIC_GAUGE, "open", NULL, "Open.", NULL, 0},
    [LIFE] = {METRIC_HISTOGRAM, "life_seconds", NULL, "Life.", bounds, 1000},
    [OTHER] = {METRIC_COUNTER, "other_total", NULL, "Other.", NULL, 0},
    [ROWS] = {.name = NULL},
};

static void a_counter_grows_and_a_gauge_moves_both_ways(void **state)
{
    struct metric_sheet *sheet;

    (void)state;
    assert_ok(metric_sheet_new(&sheet, rows));
    metric_add(sheet, OPENED, 3);
    metric_add(sheet, OPENED, 1);
    metric_add(sheet, OPEN, 5);
    metric_sub(sheet, OPEN, 2);
    assert_int_equal(metric_read(sheet, OPENED), 4);
    assert_int_equal(metric_read(sheet, OPEN), 3);
    metric_set(sheet, OPEN, 9);
    assert_int_equal(metric_read(sheet, OPEN), 9);
    assert_int_equal(metric_read(sheet, OTHER), 0);
    assert_ptr_equal(metric_rows(sheet), rows);
    metric_sheet_free(sheet);
}

static void a_bound_belongs_to_its_bucket(void **state)
{
    static const uint64_t values[] = {0, 10, 11, 100, 101, 1000, 1001, 5000};
    struct metric_histogram sum = {0};
    struct metric_sheet *sheet;

    (void)state;
    assert_ok(metric_sheet_new(&sheet, rows));
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        metric_observe(sheet, LIFE, values[i]);
    }
    metric_read_histogram(sheet, LIFE, &sum);
    metric_read_histogram(sheet, LIFE, &sum); /* adds */
    assert_int_equal(metric_bound_count(&rows[LIFE]), 3);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(sum.counts[i], 4);
    }
    assert_int_equal(sum.sum, 2 * 7223);
    assert_int_equal(metric_read(sheet, OTHER), 0); /* nothing ran over */
    metric_sheet_free(sheet);
}

static void a_gauge_that_two_workers_move_is_right_in_sum(void **state)
{
    struct metric_sheet *one;
    struct metric_sheet *two;

    (void)state;
    assert_ok(metric_sheet_new(&one, rows));
    assert_ok(metric_sheet_new(&two, rows));
    metric_add(one, OPEN, 2);
    metric_sub(two, OPEN, 1);
    assert_int_equal(metric_read(one, OPEN) + metric_read(two, OPEN), 1);
    metric_sheet_free(one);
    metric_sheet_free(two);
}

static void no_sheet_counts_nothing(void **state)
{
    struct metric_histogram sum = {0};

    (void)state;
    metric_add(NULL, OPENED, 1);
    metric_sub(NULL, OPEN, 1);
    metric_set(NULL, OPEN, 1);
    metric_observe(NULL, LIFE, 1);
    metric_read_histogram(NULL, LIFE, &sum);
    assert_int_equal(metric_read(NULL, OPENED), 0);
    assert_int_equal(sum.sum, 0);
    metric_sheet_free(NULL);
}

enum {
    TIMES = 100000
};

static void *count_much(void *sheet)
{
    for (int i = 0; i < TIMES; i++) {
        metric_add(sheet, OPENED, 1);
        metric_observe(sheet, LIFE, 1);
    }
    return NULL;
}

/* What the thread sanitizer is to look at. */
static void one_thread_counts_while_another_reads(void **state)
{
    struct metric_sheet *sheet;
    pthread_t thread;
    uint64_t seen = 0;

    (void)state;
    assert_ok(metric_sheet_new(&sheet, rows));
    assert_int_equal(pthread_create(&thread, NULL, count_much, sheet), 0);
    while (seen < TIMES) {
        struct metric_histogram sum = {0};
        uint64_t now = metric_read(sheet, OPENED);

        metric_read_histogram(sheet, LIFE, &sum);
        assert_true(now >= seen);
        seen = now;
    }
    pthread_join(thread, NULL);
    metric_sheet_free(sheet);
}

static void make_a_sheet(void)
{
    struct metric_sheet *sheet = NULL;

    if (metric_sheet_new(&sheet, rows) == OK) {
        metric_add(sheet, OPENED, 1);
    }
    metric_sheet_free(sheet);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(make_a_sheet);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_counter_grows_and_a_gauge_moves_both_ways),
        cmocka_unit_test(a_bound_belongs_to_its_bucket),
        cmocka_unit_test(a_gauge_that_two_workers_move_is_right_in_sum),
        cmocka_unit_test(no_sheet_counts_nothing),
        cmocka_unit_test(one_thread_counts_while_another_reads),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
