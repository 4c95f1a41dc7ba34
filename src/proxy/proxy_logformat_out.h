/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Where the items of a log line are written: a room with an end. What does not fit is left out,
 * an escape sequence as a whole, so that nothing is cut in its middle.
 */
#pragma once

#include "base/span.h"

struct proxy_logformat_out {
    uint8_t *ptr; /* borrowed */
    size_t cap;
    size_t len;
    bool is_cut; /* something was left out */
};

void proxy_logformat_out_bytes(struct proxy_logformat_out *out, struct span bytes);
void proxy_logformat_out_text(struct proxy_logformat_out *out, const char *text);
void proxy_logformat_out_number(struct proxy_logformat_out *out, uint64_t number);

/** As httpd writes what came from a peer: \" \\ \b \n \r \t \v, and \xhh for all that ASCII
 * does not print. */
void proxy_logformat_out_escaped(struct proxy_logformat_out *out, struct span bytes);

/** The same, or "-" where there is nothing. */
void proxy_logformat_out_or_dash(struct proxy_logformat_out *out, struct span bytes);

/** A JSON string with its quotes: RFC 8259 section 7. Bytes beyond ASCII become \u00hh,
 * whatever they were meant to be. */
void proxy_logformat_out_json(struct proxy_logformat_out *out, struct span bytes);
