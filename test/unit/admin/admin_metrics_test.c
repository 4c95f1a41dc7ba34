/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "admin/admin_metrics.h"

#include "admin/admin_gather.h"
#include "admin/admin_json.h"
#include "lib/testing.h"

enum {
    A_2XX,
    A_4XX,
    OPEN,
    LIFE,
    ROWS
};

static const uint64_t bounds[] = {5, 250, 0};

static const struct metric_row rows[] = {
    [A_2XX] = {METRIC_COUNTER, "answers_total", "status=\"2xx\"", "Answers.", NULL, 0},
    [A_4XX] = {METRIC_COUNTER, "answers_total", "status=\"4xx\"", "", NULL, 0},
    [OPEN] = {METRIC_GAUGE, "open", NULL, "Open now.", NULL, 0},
    [LIFE] = {METRIC_HISTOGRAM, "life_seconds", NULL, "Life.", bounds, 1000},
    [ROWS] = {.name = NULL},
};

static void the_sheets_are_added_up(void **state)
{
    const struct metric_sheet *sheets[2];
    struct metric_sheet *made[2];
    struct buf out;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        assert_ok(metric_sheet_new(&made[i], rows));
        metric_add(made[i], A_2XX, 2);
        metric_observe(made[i], LIFE, 3);
        metric_observe(made[i], LIFE, 250);
        metric_observe(made[i], LIFE, 1247);
        sheets[i] = made[i];
    }
    metric_add(made[0], OPEN, 1);
    metric_add(made[1], A_4XX, 1);
    buf_init(&out, 4096);
    assert_ok(admin_metrics_write_rows(rows, sheets, 2, &out));
    assert_bytes(buf_span(&out), SPAN("# HELP answers_total Answers.\n"
                                      "# TYPE answers_total counter\n"
                                      "answers_total{status=\"2xx\"} 4\n"
                                      "answers_total{status=\"4xx\"} 1\n"
                                      "# HELP open Open now.\n"
                                      "# TYPE open gauge\n"
                                      "open 1\n"
                                      "# HELP life_seconds Life.\n"
                                      "# TYPE life_seconds histogram\n"
                                      "life_seconds_bucket{le=\"0.005\"} 2\n"
                                      "life_seconds_bucket{le=\"0.25\"} 4\n"
                                      "life_seconds_bucket{le=\"+Inf\"} 6\n"
                                      "life_seconds_sum 3\n"
                                      "life_seconds_count 6\n"));
    buf_fini(&out);
    metric_sheet_free(made[0]);
    metric_sheet_free(made[1]);
}

static void a_time_is_read_by_people_and_programs(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 1000);
    assert_ok(admin_json_time(&out, 0));
    assert_ok(admin_json_time(&out, 1763829791));
    assert_bytes(buf_span(&out), SPAN("null\"2025-11-22T16:43:11Z\""));
    buf_fini(&out);
}

static void a_page_is_read_or_refused(void **state)
{
    static const char *const bad[] = {"limit=0",     "limit=1001", "limit=-1", "after=1",
                                      "after=.",     "after=a.b",  "x=1",      "limit",
                                      "after=1.1.1", "&"};
    struct admin_gather_page page;

    (void)state;
    assert_true(admin_gather_read_page(SPAN(""), &page));
    assert_int_equal(page.limit, ADMIN_GATHER_LIMIT);
    assert_true(admin_gather_read_page(SPAN("after=3.17&limit=5"), &page));
    assert_int_equal(page.worker, 3);
    assert_int_equal(page.after, 17);
    assert_int_equal(page.limit, 5);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(admin_gather_read_page(span_str(bad[i]), &page));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sheets_are_added_up),
        cmocka_unit_test(a_time_is_read_by_people_and_programs),
        cmocka_unit_test(a_page_is_read_or_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
