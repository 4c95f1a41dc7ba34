/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_metrics.h"

#include "lib/testing.h"

#include <stdlib.h>

static void every_row_has_a_name_and_the_end_is_where_it_should_be(void **state)
{
    (void)state;
    for (size_t i = 0; i < REALM_METRICS_COUNT; i++) {
        assert_non_null(realm_metrics_rows[i].name);
        assert_non_null(realm_metrics_rows[i].help);
    }
    assert_null(realm_metrics_rows[REALM_METRICS_COUNT].name);
}

static void refusals_are_counted_by_their_word(void **state)
{
    struct metric_sheet *sheet;

    (void)state;
    assert_ok(metric_sheet_new(&sheet, realm_metrics_rows));
    realm_metrics_refused(sheet, SPAN("LimitException"));
    realm_metrics_refused(sheet, SPAN("SecurityException"));
    realm_metrics_refused(sheet, SPAN("NoSuchWord"));
    assert_int_equal(metric_read(sheet, REALM_METRICS_REFUSED_LIMIT), 1);
    assert_int_equal(metric_read(sheet, REALM_METRICS_REFUSED_SECURITY), 1);
    assert_int_equal(metric_read(sheet, REALM_METRICS_REFUSED_OTHER), 1);
    assert_int_equal(metric_read(sheet, REALM_METRICS_REFUSED_MISSING), 0);
    metric_sheet_free(sheet);
}

static void answers_are_counted_by_class_and_nonsense_is_not(void **state)
{
    struct metric_sheet *sheet;

    (void)state;
    assert_ok(metric_sheet_new(&sheet, realm_metrics_rows));
    realm_metrics_answer(sheet, 204);
    realm_metrics_answer(sheet, 599);
    realm_metrics_answer(sheet, 0);
    realm_metrics_answer(sheet, 600);
    assert_int_equal(metric_read(sheet, REALM_METRICS_ANSWERS_2XX), 1);
    assert_int_equal(metric_read(sheet, REALM_METRICS_ANSWERS_5XX), 1);
    assert_int_equal(metric_read(sheet, REALM_METRICS_ANSWERS_1XX), 0);
    metric_sheet_free(sheet);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_has_a_name_and_the_end_is_where_it_should_be),
        cmocka_unit_test(refusals_are_counted_by_their_word),
        cmocka_unit_test(answers_are_counted_by_class_and_nonsense_is_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
