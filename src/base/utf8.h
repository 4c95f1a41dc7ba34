/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * UTF-8 checked as it arrives: any cut of the stream, the first wrong byte is refused.
 * Unicode 15 table 3-7, as RFC 3629 section 4; surrogates and overlong forms are wrong.
 */
#pragma once

#include "base/span.h"

struct utf8 {
    uint8_t need;  /* continuation bytes still to come */
    uint8_t lower; /* bounds of the next one */
    uint8_t upper;
};

void utf8_init(struct utf8 *utf8);

/** False at the first byte that cannot be: everything before it was fine. Final. */
bool utf8_feed(struct utf8 *utf8, struct span bytes);

/** Whether the text may end here: no sequence is open. */
bool utf8_is_complete(const struct utf8 *utf8);

/** A whole text at once. */
bool utf8_is_valid(struct span text);

/** Where it stops being UTF-8: the first wrong byte, or the length of a text that ends inside a
 *  character, or is right. */
size_t utf8_wrong_at(struct span text);
