/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "base/metric.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

struct metric_sheet {
    const struct metric_row *rows;   /* borrowed */
    size_t *at;                      /* owned; where each row's numbers begin */
    atomic_uint_least64_t numbers[]; /* a histogram's: its counts, then the sum */
};

const struct metric_row *metric_rows(const struct metric_sheet *sheet)
{
    return sheet->rows;
}

size_t metric_bound_count(const struct metric_row *row)
{
    size_t count = 0;

    while (row->bounds != NULL && row->bounds[count] != 0) {
        count++;
    }
    assert(count <= METRIC_BOUNDS_MAX);
    return count;
}

static size_t numbers_of(const struct metric_row *row)
{
    return row->type == METRIC_HISTOGRAM ? metric_bound_count(row) + 2 : 1;
}

enum err metric_sheet_new(struct metric_sheet **ret_sheet, const struct metric_row *rows)
{
    struct metric_sheet *sheet;
    size_t count = 0;
    size_t numbers = 0;

    for (; rows[count].name != NULL; count++) {
        numbers += numbers_of(&rows[count]);
    }
    sheet = calloc(1, sizeof *sheet + numbers * sizeof sheet->numbers[0]);
    if (sheet == NULL) {
        return ERR_NOMEM;
    }
    sheet->rows = rows;
    sheet->at = calloc(count + 1, sizeof *sheet->at);
    if (sheet->at == NULL) {
        free(sheet);
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        sheet->at[i + 1] = sheet->at[i] + numbers_of(&rows[i]);
    }
    *ret_sheet = sheet;
    return OK;
}

void metric_sheet_free(struct metric_sheet *sheet)
{
    if (sheet == NULL) {
        return;
    }
    free(sheet->at);
    free(sheet);
}

/* One writer: a load and a store are enough, and cheaper than an addition that is locked. */
static void bump(atomic_uint_least64_t *number, uint64_t amount)
{
    uint64_t value = atomic_load_explicit(number, memory_order_relaxed);

    atomic_store_explicit(number, value + amount, memory_order_relaxed);
}

void metric_add(struct metric_sheet *sheet, size_t row, uint64_t amount)
{
    if (sheet != NULL) {
        assert(sheet->rows[row].type != METRIC_HISTOGRAM);
        bump(&sheet->numbers[sheet->at[row]], amount);
    }
}

void metric_sub(struct metric_sheet *sheet, size_t row, uint64_t amount)
{
    if (sheet != NULL) {
        assert(sheet->rows[row].type == METRIC_GAUGE);
        bump(&sheet->numbers[sheet->at[row]], 0 - amount);
    }
}

void metric_set(struct metric_sheet *sheet, size_t row, uint64_t value)
{
    if (sheet != NULL) {
        assert(sheet->rows[row].type == METRIC_GAUGE);
        atomic_store_explicit(&sheet->numbers[sheet->at[row]], value, memory_order_relaxed);
    }
}

void metric_observe(struct metric_sheet *sheet, size_t row, uint64_t value)
{
    const uint64_t *bounds;
    size_t count;
    size_t i = 0;

    if (sheet == NULL) {
        return;
    }
    assert(sheet->rows[row].type == METRIC_HISTOGRAM);
    bounds = sheet->rows[row].bounds;
    count = metric_bound_count(&sheet->rows[row]);
    while (i < count && value > bounds[i]) {
        i++;
    }
    bump(&sheet->numbers[sheet->at[row] + i], 1);
    bump(&sheet->numbers[sheet->at[row] + count + 1], value);
}

uint64_t metric_read(const struct metric_sheet *sheet, size_t row)
{
    if (sheet == NULL) {
        return 0;
    }
    return atomic_load_explicit(&sheet->numbers[sheet->at[row]], memory_order_relaxed);
}

void metric_read_histogram(const struct metric_sheet *sheet, size_t row,
                           struct metric_histogram *sum)
{
    size_t count;

    if (sheet == NULL) {
        return;
    }
    count = metric_bound_count(&sheet->rows[row]);
    for (size_t i = 0; i <= count; i++) {
        sum->counts[i] +=
            atomic_load_explicit(&sheet->numbers[sheet->at[row] + i], memory_order_relaxed);
    }
    sum->sum +=
        atomic_load_explicit(&sheet->numbers[sheet->at[row] + count + 1], memory_order_relaxed);
}
