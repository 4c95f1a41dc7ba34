/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What a status needs beyond base/json.
 */
#pragma once

#include "base/buf.h"

/** "2026-11-22T15:43:11Z", with its quotes; null for 0. Errors as buf_append(). */
must_check enum err admin_json_time(struct buf *out, int64_t seconds);
