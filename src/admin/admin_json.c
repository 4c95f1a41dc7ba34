/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "admin/admin_json.h"

#include <time.h>

enum {
    TIME_BYTES = 32
};

enum err admin_json_string(struct buf *out, struct span text)
{
    TRY(buf_append_byte(out, '"'));
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];

        if (c == '"' || c == '\\') {
            TRY(buf_append_byte(out, '\\'));
            TRY(buf_append_byte(out, c));
        } else if (c < 0x20 || c >= 0x7f) {
            TRY(buf_printf(out, "\\u%04x", c));
        } else {
            TRY(buf_append_byte(out, c));
        }
    }
    return buf_append_byte(out, '"');
}

enum err admin_json_time(struct buf *out, int64_t seconds)
{
    char text[TIME_BYTES];
    time_t when = (time_t)seconds;
    struct tm parts;

    if (seconds == 0 || gmtime_r(&when, &parts) == NULL) {
        return buf_printf(out, "null");
    }
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    return admin_json_string(out, span_str(text));
}
