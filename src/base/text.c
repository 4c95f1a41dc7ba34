/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "base/text.h"

#include <stdio.h>

bool text_u64(struct span text, uint64_t max, uint64_t *ret_number)
{
    uint64_t number = 0;

    if (text.len == 0) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        unsigned digit = (unsigned)text.ptr[i] - '0';

        if (digit > 9 || number > (UINT64_MAX - digit) / 10) {
            return false;
        }
        number = number * 10 + digit;
    }
    if (number > max) {
        return false;
    }
    *ret_number = number;
    return true;
}

struct unit {
    const char *name;
    uint64_t factor;
};

/* Digits, then one of the units; the last row has no name. */
static bool number_with_unit(struct span text, const struct unit *units, uint64_t bare,
                             uint64_t *ret_number)
{
    size_t digits = 0;
    uint64_t number;
    uint64_t factor = 0;

    while (digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9') {
        digits++;
    }
    if (digits == text.len) {
        factor = bare;
    }
    for (const struct unit *unit = units; unit->name != NULL; unit++) {
        if (span_equals_nocase(span_tail(text, digits), unit->name)) {
            factor = unit->factor;
        }
    }
    if (factor == 0 || !text_u64(span_head(text, digits), UINT64_MAX / factor, &number)) {
        return false;
    }
    *ret_number = number * factor;
    return true;
}

bool text_duration(struct span text, msec bare, msec *ret_duration)
{
    static const struct unit units[] = {
        {"ms", 1}, {"s", 1000}, {"m", 60000}, {"min", 60000}, {"h", 3600000}, {NULL, 0},
    };

    return number_with_unit(text, units, bare, ret_duration);
}

bool text_size(struct span text, uint64_t *ret_bytes)
{
    static const struct unit units[] = {
        {"k", 1024},
        {"m", 1024 * 1024},
        {"g", 1024 * 1024 * 1024},
        {NULL, 0},
    };

    return number_with_unit(text, units, 1, ret_bytes);
}

bool text_glob(struct span pattern, struct span text)
{
    size_t p = 0, t = 0;
    size_t star = SIZE_MAX,
           resume = 0; /* where to go back to: one more byte for the last star */

    while (t < text.len) {
        if (p < pattern.len && pattern.ptr[p] == '*') {
            star = p++;
            resume = t;
        } else if (p < pattern.len && pattern.ptr[p] == text.ptr[t]) {
            p++;
            t++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            t = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.ptr[p] == '*') {
        p++;
    }
    return p == pattern.len;
}

const char *text_printable(struct span bytes, char *room, size_t room_bytes)
{
    size_t at = 0;

    assert(room_bytes > 0);
    for (size_t i = 0; i < bytes.len; i++) {
        uint8_t c = bytes.ptr[i];
        bool plain = c >= 0x20 && c < 0x7f && c != '\\' && c != '"';

        if (room_bytes - at < (plain ? 2u : 5u)) {
            break;
        }
        if (plain) {
            room[at++] = (char)c;
        } else {
            at += (size_t)snprintf(room + at, room_bytes - at, "\\x%02x", c);
        }
    }
    room[at] = '\0';
    return room;
}
