/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The other direction of dict_json: a dictionary's text, with a type mark only where the text
 * would mean something else without it.
 */
#pragma once

#include "base/buf.h"
#include "pubsub/dict.h"

/** Appends what dict_json_read() reads as the same dictionary. Numbers are laid out as
 * ECMAScript does it. Errors as buf_append(); what was appended before the error stays. */
must_check enum err dict_json_write(const struct dict *dict, struct buf *out);
