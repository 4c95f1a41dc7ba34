/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Counters, gauges and histograms: rows say what there is, a sheet holds one worker's numbers.
 * Only its worker writes a sheet, so that counting is a load and a store, without a lock and
 * without a locked instruction; anybody may read it at any time (relaxed atomics) and adds up
 * the sheets of all workers. A number may be a moment old, never torn.
 *
 *   static const struct metric_row rows[] = {
 *       [MY_TUNNELS] = {METRIC_COUNTER, "wayleave_tunnels_total", NULL, "Tunnels opened."},
 *       {.name = NULL},
 *   };
 *   metric_add(worker->metrics, MY_TUNNELS, 1);
 *
 * Rows of one name with different labels stand together; the first one's help counts.
 */
#pragma once

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

enum {
    METRIC_BOUNDS_MAX = 20 /* of one histogram */
};

enum metric_type {
    METRIC_COUNTER,   /* only grows */
    METRIC_GAUGE,     /* goes up and down; the sum over all workers is what it means */
    METRIC_HISTOGRAM, /* how many observations were at most so large */
};

struct metric_row {
    enum metric_type type;
    const char *name;       /* as it is exported; NULL ends the rows */
    const char *labels;     /* "class=\"tls\""; NULL: none */
    const char *help;       /* a sentence */
    const uint64_t *bounds; /* HISTOGRAM: upper bounds, growing, a 0 ends them */
    uint64_t
        per_unit; /* shown divided by it: 1000 for milliseconds told in seconds; 0: as is */
};

struct metric_sheet;

/* What readers add up. counts[i]: observations in (bounds[i-1], bounds[i]]; the last one has
 * what is above all bounds. */
struct metric_histogram {
    uint64_t counts[METRIC_BOUNDS_MAX + 1];
    uint64_t sum;
};

/** All numbers are 0. The rows are borrowed for the sheet's life. ERR_NOMEM. */
must_check enum err metric_sheet_new(struct metric_sheet **ret_sheet,
                                     const struct metric_row *rows);

/** Takes NULL. */
void metric_sheet_free(struct metric_sheet *sheet);

/** What the sheet was made for. */
const struct metric_row *metric_rows(const struct metric_sheet *sheet);

/* By the sheet's worker alone; `row` is the place in the rows. A NULL sheet counts nothing. */

void metric_add(struct metric_sheet *sheet, size_t row, uint64_t amount);
void metric_sub(struct metric_sheet *sheet, size_t row, uint64_t amount); /* a gauge */
void metric_set(struct metric_sheet *sheet, size_t row, uint64_t value);  /* a gauge */
void metric_observe(struct metric_sheet *sheet, size_t row, uint64_t value);

/* By anybody. */

/** A counter or gauge; 0 for a NULL sheet. A gauge that one worker raised and another lowered
 *  wraps: the sum over all sheets, modulo 2^64, is right. */
uint64_t metric_read(const struct metric_sheet *sheet, size_t row);

/** Adds a histogram's numbers to *sum. */
void metric_read_histogram(const struct metric_sheet *sheet, size_t row,
                           struct metric_histogram *sum);

/** How many bounds a histogram's row has. */
size_t metric_bound_count(const struct metric_row *row);
