/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The little JSON that a status needs. RFC 8259.
 */
#pragma once

#include "base/buf.h"

/** A string with its quotes. Any bytes: what is not ASCII is taken as Latin-1, so that the
 *  result is JSON whatever a peer has sent. Errors as buf_append(). */
must_check enum err admin_json_string(struct buf *out, struct span text);

/** "2026-11-22T15:43:11Z", with its quotes; null for 0. Errors as buf_append(). */
must_check enum err admin_json_time(struct buf *out, int64_t seconds);
