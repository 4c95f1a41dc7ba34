/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * %t and %{format}t: wall time in a log line, the local one as in httpd. Part of
 * proxy_logformat.
 */
#pragma once

#include "base/err.h"
#include "proxy/proxy_logformat.h"

/** [22/Nov/2026:15:43:11 +0000]: when the request came. */
proxy_logformat_put proxy_logformat_time_clf;

/** The format in braces: strftime's, or sec, msec, usec, msec_frac, usec_frac; behind "begin:"
 *  (as without) when the request came, behind "end:" when it was over. */
proxy_logformat_put proxy_logformat_time_format;

/** "2026-11-22T15:43:11.123Z", when the request came. */
void proxy_logformat_time_iso(const struct proxy_logformat_line *line,
                              struct proxy_logformat_out *out);

/** Whether the format is short enough to be used. */
bool proxy_logformat_time_is_format(struct span format);
