/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * base: UTF-8 in two different cuts gives the same verdict, and the same as a reader by
 * definition; globs and numbers end, and never read past their input.
 */
#include "base/text.h"
#include "base/utf8.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_valid_by_definition(struct span text)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};

    while (text.len > 0) {
        uint8_t first = text.ptr[0];
        size_t len = first < 0x80       ? 1
                     : first >> 5 == 6  ? 2
                     : first >> 4 == 14 ? 3
                     : first >> 3 == 30 ? 4
                                        : 0;
        uint32_t point = len == 1 ? first : first & (0x7fu >> len);

        if (len == 0 || len > text.len) {
            return false;
        }
        for (size_t i = 1; i < len; i++) {
            if (text.ptr[i] >> 6 != 2) {
                return false;
            }
            point = point << 6 | (text.ptr[i] & 0x3fu);
        }
        if ((len > 1 && point < least[len]) || point > 0x10ffff ||
            (point >= 0xd800 && point <= 0xdfff)) {
            return false;
        }
        text = span_tail(text, len);
    }
    return true;
}

static bool is_valid_cut_at(struct span text, size_t cut)
{
    struct utf8 utf8;

    utf8_init(&utf8);
    return utf8_feed(&utf8, span_head(text, cut)) && utf8_feed(&utf8, span_tail(text, cut)) &&
           utf8_is_complete(&utf8);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = span_of(data, size);
    size_t cut = size == 0 ? 0 : data[0] % size;
    char room[64];
    uint64_t number;

    if (is_valid_cut_at(text, cut) != is_valid_by_definition(text) ||
        utf8_is_valid(text) != is_valid_by_definition(text)) {
        abort();
    }
    if (text_glob(span_head(text, cut), span_head(text, cut)) == false &&
        span_find(span_head(text, cut), '*') == cut) {
        abort(); /* a pattern without a star matches itself */
    }
    text_glob(span_head(text, cut), span_tail(text, cut));
    text_printable(text, room, sizeof room);
    if (text_u64(text, UINT64_MAX, &number) && text.len > 0 && text.ptr[0] == '-') {
        abort();
    }
    text_duration(text, 1000, &number);
    text_size(text, &number);
    return 0;
}
