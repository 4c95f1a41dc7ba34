/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "base/json.h"

#include "base/digest.h"
#include "base/utf8.h"

enum err json_put_string(struct buf *out, struct span text)
{
    bool is_utf8 = utf8_is_valid(text);

    TRY(buf_append_byte(out, '"'));
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];

        if (c == '"' || c == '\\') {
            TRY(buf_append_byte(out, '\\'));
            TRY(buf_append_byte(out, c));
        } else if (c == '\n') {
            TRY(buf_append(out, SPAN("\\n")));
        } else if (c < 0x20 || c == 0x7f || (c > 0x7f && !is_utf8)) {
            TRY(buf_printf(out, "\\u%04x", c));
        } else {
            TRY(buf_append_byte(out, c));
        }
    }
    return buf_append_byte(out, '"');
}

enum err json_put_base64(struct buf *out, struct span bytes)
{
    size_t chars = (bytes.len + 2) / 3 * 4;
    struct mspan room;

    TRY(buf_append_byte(out, '"'));
    TRY(buf_reserve(out, chars + 1, &room)); /* digest_base64() ends with a zero */
    digest_base64(bytes, (char *)room.ptr);
    buf_commit(out, chars);
    return buf_append_byte(out, '"');
}
