/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * JSON (RFC 8259) as it is written: what of it needs more than printf.
 */
#pragma once

#include "base/buf.h"

/** A string with its quotes. Text that is not UTF-8 is taken as Latin-1, so that the result is
 *  JSON whatever the bytes are. Errors as buf_append(); then `out` may have a part of it. */
must_check enum err json_put_string(struct buf *out, struct span text);

/** Any bytes as a string in base64 (RFC 4648 section 4), with its quotes. Errors likewise. */
must_check enum err json_put_base64(struct buf *out, struct span bytes);
