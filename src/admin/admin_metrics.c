/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "admin/admin_metrics.h"

#include "daemon/daemon.h"

#include <inttypes.h>
#include <stdlib.h>

static enum err write_head(const struct metric_row *row, struct buf *out)
{
    static const char *const types[] = {[METRIC_COUNTER] = "counter",
                                        [METRIC_GAUGE] = "gauge",
                                        [METRIC_HISTOGRAM] = "histogram"};

    return buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", row->name, row->help, row->name,
                      types[row->type]);
}

static enum err write_value(const struct metric_row *row, uint64_t value, struct buf *out)
{
    if (row->per_unit == 0) {
        return buf_printf(out, " %" PRIu64 "\n", value);
    }
    return buf_printf(out, " %.10g\n", (double)value / (double)row->per_unit);
}

static enum err write_simple(const struct metric_row *row, uint64_t value, struct buf *out)
{
    if (row->labels == NULL) {
        TRY(buf_printf(out, "%s", row->name));
    } else {
        TRY(buf_printf(out, "%s{%s}", row->name, row->labels));
    }
    return write_value(row, value, out);
}

/* Buckets are cumulative: each counts what is at most its bound. */
static enum err write_histogram(const struct metric_row *row,
                                const struct metric_histogram *sum, struct buf *out)
{
    const char *labels = row->labels == NULL ? "" : row->labels;
    const char *comma = row->labels == NULL ? "" : ",";
    size_t bounds = metric_bound_count(row);
    uint64_t count = 0;

    for (size_t i = 0; i < bounds; i++) {
        double bound =
            (double)row->bounds[i] / (double)(row->per_unit == 0 ? 1 : row->per_unit);

        count += sum->counts[i];
        TRY(buf_printf(out, "%s_bucket{%s%sle=\"%.10g\"} %" PRIu64 "\n", row->name, labels,
                       comma, bound, count));
    }
    count += sum->counts[bounds];
    TRY(buf_printf(out, "%s_bucket{%s%sle=\"+Inf\"} %" PRIu64 "\n", row->name, labels, comma,
                   count));
    TRY(buf_printf(out, row->labels == NULL ? "%s_sum%s" : "%s_sum{%s}", row->name, labels));
    TRY(write_value(row, sum->sum, out));
    return buf_printf(
        out, row->labels == NULL ? "%s_count%s %" PRIu64 "\n" : "%s_count{%s} %" PRIu64 "\n",
        row->name, labels, count);
}

enum err admin_metrics_write_rows(const struct metric_row *rows,
                                  const struct metric_sheet *const *sheets, size_t count,
                                  struct buf *out)
{
    for (size_t i = 0; rows[i].name != NULL; i++) {
        struct metric_histogram histogram = {0};
        uint64_t value = 0;

        if (i == 0 || !span_equals(span_str(rows[i].name), rows[i - 1].name)) {
            TRY(write_head(&rows[i], out));
        }
        for (size_t s = 0; s < count; s++) {
            if (rows[i].type == METRIC_HISTOGRAM) {
                metric_read_histogram(sheets[s], i, &histogram);
            } else {
                value += metric_read(sheets[s], i);
            }
        }
        if (rows[i].type == METRIC_HISTOGRAM) {
            TRY(write_histogram(&rows[i], &histogram, out));
        } else {
            TRY(write_simple(&rows[i], value, out));
        }
    }
    return OK;
}

static enum err write_service(const struct daemon *daemon, struct buf *out)
{
    const struct metric_row *rows = daemon_service(daemon)->metrics;
    size_t count = daemon_worker_count(daemon);
    const struct metric_sheet **sheets;
    enum err e;

    if (rows == NULL) {
        return OK;
    }
    sheets = calloc(count, sizeof *sheets);
    if (sheets == NULL) {
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        sheets[i] = daemon_metrics(daemon, i);
    }
    e = admin_metrics_write_rows(rows, sheets, count, out);
    free(sheets);
    return e;
}

enum err admin_metrics_write(const struct daemon *daemon, struct buf *out)
{
    const struct daemon_facts facts = daemon_facts(daemon);
    /* clang-format off */
    const struct {
        struct metric_row row;
        uint64_t value;
    } more[] = {
        {{METRIC_GAUGE, "wayleave_build_info", "version=\"" WAYLEAVE_VERSION "\"",
          "Which program this is.", NULL, 0}, 1},
        {{METRIC_GAUGE, "wayleave_workers", NULL, "Threads that serve.", NULL, 0},
         daemon_hand_count(daemon)},
        {{METRIC_GAUGE, "wayleave_draining", NULL, "1 when no new work is taken.", NULL, 0},
         daemon_is_draining(daemon)},
        {{METRIC_GAUGE, "wayleave_over_memory", NULL, "1 when MemoryMax is passed.", NULL, 0},
         daemon_is_over_memory(daemon)},
        {{METRIC_COUNTER, "wayleave_reloads_total", NULL, "Configurations that were taken.", NULL, 0},
         facts.reloads},
        {{METRIC_GAUGE, "wayleave_reload_failed", NULL,
          "1 when the last reload was refused.", NULL, 0}, facts.failed_reload_at != 0},
        {{METRIC_GAUGE, "process_resident_memory_bytes", NULL, "Resident memory.", NULL, 0},
         facts.memory_bytes},
        {{METRIC_GAUGE, "process_start_time_seconds", NULL, "When it started, since 1970.", NULL, 0},
         (uint64_t)facts.started_at},
    };
    /* clang-format on */

    TRY(write_service(daemon, out));
    for (size_t i = 0; i < sizeof more / sizeof more[0]; i++) {
        TRY(write_head(&more[i].row, out));
        TRY(write_simple(&more[i].row, more[i].value, out));
    }
    return OK;
}
