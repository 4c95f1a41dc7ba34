/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "base/utf8.h"

void utf8_init(struct utf8 *utf8)
{
    *utf8 = (struct utf8){.lower = 0x80, .upper = 0xbf};
}

/* RFC 3629 section 4: what may follow each first byte. */
static bool begin_sequence(struct utf8 *utf8, uint8_t first)
{
    utf8->lower = 0x80;
    utf8->upper = 0xbf;
    if (first >= 0xc2 && first <= 0xdf) { /* UTF8-2 */
        utf8->need = 1;
    } else if (first >= 0xe0 && first <= 0xef) { /* UTF8-3 */
        utf8->need = 2;
        if (first == 0xe0) {
            utf8->lower = 0xa0; /* below: overlong */
        } else if (first == 0xed) {
            utf8->upper = 0x9f; /* above: surrogates */
        }
    } else if (first >= 0xf0 && first <= 0xf4) { /* UTF8-4 */
        utf8->need = 3;
        if (first == 0xf0) {
            utf8->lower = 0x90; /* below: overlong */
        } else if (first == 0xf4) {
            utf8->upper = 0x8f; /* above: beyond U+10FFFF */
        }
    } else {
        return false;
    }
    return true;
}

/* Eight bytes of ASCII at a time: most text is nothing else. */
static size_t skip_ascii(struct span bytes)
{
    size_t at = 0;

    while (bytes.len - at >= sizeof(uint64_t)) {
        uint64_t word;

        memcpy(&word, bytes.ptr + at, sizeof word);
        if ((word & UINT64_C(0x8080808080808080)) != 0) {
            break;
        }
        at += sizeof word;
    }
    return at;
}

bool utf8_feed(struct utf8 *utf8, struct span bytes)
{
    size_t at = 0;

    while (at < bytes.len) {
        uint8_t byte = bytes.ptr[at];

        if (utf8->need > 0) {
            if (byte < utf8->lower || byte > utf8->upper) {
                return false;
            }
            utf8->need--;
            utf8->lower = 0x80;
            utf8->upper = 0xbf;
            at++;
        } else if (byte < 0x80) {
            size_t run = skip_ascii(span_tail(bytes, at));

            at += run > 0 ? run : 1;
        } else {
            if (!begin_sequence(utf8, byte)) {
                return false;
            }
            at++;
        }
    }
    return true;
}

bool utf8_is_complete(const struct utf8 *utf8)
{
    return utf8->need == 0;
}

bool utf8_is_valid(struct span text)
{
    struct utf8 utf8;

    utf8_init(&utf8);
    return utf8_feed(&utf8, text) && utf8_is_complete(&utf8);
}

size_t utf8_wrong_at(struct span text)
{
    struct utf8 utf8;
    size_t at = 0;

    utf8_init(&utf8);
    while (at < text.len && utf8_feed(&utf8, span_of(text.ptr + at, 1))) {
        at++;
    }
    return at;
}
