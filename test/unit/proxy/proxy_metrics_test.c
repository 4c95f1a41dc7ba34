/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_metrics.h"

#include "lib/testing.h"

static void every_metric_has_its_row(void **state)
{
    (void)state;
    for (size_t i = 0; i < PROXY_METRICS_COUNT; i++) {
        const struct metric_row *row = &proxy_metrics_rows[i];

        assert_non_null(row->name);
        assert_true(span_starts(span_str(row->name), SPAN("wayleave_proxy_")));
        assert_int_equal(row->type == METRIC_HISTOGRAM, row->bounds != NULL);
        if (i == 0 || strcmp(row->name, row[-1].name) != 0) {
            assert_true(row->help[0] != '\0'); /* the first of a name explains it */
        }
        for (size_t k = 0; i > 0 && k + 1 < i; k++) { /* those of a name stand together */
            assert_true(strcmp(proxy_metrics_rows[k].name, row->name) != 0 ||
                        strcmp(row[-1].name, row->name) == 0);
        }
    }
    assert_null(proxy_metrics_rows[PROXY_METRICS_COUNT].name);
}

static void an_answer_counts_in_its_class(void **state)
{
    static const uint16_t answers[] = {100, 101, 200, 301, 407, 599, 99, 600, 0};
    struct metric_sheet *sheet;

    (void)state;
    assert_ok(metric_sheet_new(&sheet, proxy_metrics_rows));
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        proxy_metrics_answer(sheet, answers[i]);
    }
    assert_int_equal(metric_read(sheet, PROXY_METRICS_ANSWERS_1XX), 2);
    assert_int_equal(metric_read(sheet, PROXY_METRICS_ANSWERS_2XX), 1);
    assert_int_equal(metric_read(sheet, PROXY_METRICS_ANSWERS_3XX), 1);
    assert_int_equal(metric_read(sheet, PROXY_METRICS_ANSWERS_4XX), 1);
    assert_int_equal(metric_read(sheet, PROXY_METRICS_ANSWERS_5XX), 1);
    metric_sheet_free(sheet);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_metric_has_its_row),
        cmocka_unit_test(an_answer_counts_in_its_class),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
