/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A daemon's numbers in Prometheus' text format 0.0.4: those of its service, summed over the
 * workers, and a few of the process.
 */
#pragma once

#include "base/buf.h"
#include "base/metric.h"

struct daemon;

/** Errors as buf_append(). */
must_check enum err admin_metrics_write(const struct daemon *daemon, struct buf *out);

/** The rows alone, summed over `count` sheets. Errors as buf_append(). */
must_check enum err admin_metrics_write_rows(const struct metric_row *rows,
                                             const struct metric_sheet *const *sheets,
                                             size_t count, struct buf *out);
