/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * /status: the daemon and a page of its live work, as JSON.
 */
#pragma once

#include "admin/admin_gather.h"
#include "base/buf.h"

/** Errors as buf_append(). */
must_check enum err admin_status_write(const struct admin *admin,
                                       const struct admin_gather_rows *rows, struct buf *out);
