/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "sockjs/sockjs_frame.h"

#include <stdio.h>

/* What stands before and behind a frame. */
static const struct {
    struct span before;
    struct span behind;
} wraps[] = {
    [SOCKJS_FRAME_WEBSOCKET] = {SPAN_INIT(""), SPAN_INIT("")},
    [SOCKJS_FRAME_XHR] = {SPAN_INIT(""), SPAN_INIT("\n")},
    [SOCKJS_FRAME_EVENTSOURCE] = {SPAN_INIT("data: "), SPAN_INIT("\r\n\r\n")},
};

enum err sockjs_frame_put_prelude(enum sockjs_frame_carrier carrier, struct buf *out)
{
    struct mspan room;

    switch (carrier) {
    case SOCKJS_FRAME_WEBSOCKET: return OK;
    case SOCKJS_FRAME_EVENTSOURCE: return buf_append(out, SPAN("\r\n"));
    case SOCKJS_FRAME_XHR: break;
    }
    TRY(buf_reserve(out, SOCKJS_FRAME_PRELUDE_BYTES + 1, &room));
    memset(room.ptr, 'h', SOCKJS_FRAME_PRELUDE_BYTES);
    room.ptr[SOCKJS_FRAME_PRELUDE_BYTES] = '\n';
    buf_commit(out, SOCKJS_FRAME_PRELUDE_BYTES + 1);
    return OK;
}

static enum err put(enum sockjs_frame_carrier carrier, const char *frame, struct buf *out)
{
    return buf_printf(out, "%.*s%s%.*s", SPAN_ARG(wraps[carrier].before), frame,
                      SPAN_ARG(wraps[carrier].behind));
}

enum err sockjs_frame_put_open(enum sockjs_frame_carrier carrier, struct buf *out)
{
    return put(carrier, "o", out);
}

enum err sockjs_frame_put_heartbeat(enum sockjs_frame_carrier carrier, struct buf *out)
{
    return put(carrier, "h", out);
}

enum err sockjs_frame_put_close(enum sockjs_frame_carrier carrier, unsigned code,
                                const char *reason, struct buf *out)
{
    char frame[160];
    int len = snprintf(frame, sizeof frame, "c[%u,\"%s\"]", code, reason);

    assert(len > 0 && (size_t)len < sizeof frame);
    return put(carrier, frame, out);
}

/* ---- messages ---- */

/* The code point that begins at `at`; *ret_len: its bytes. The text is UTF-8. */
static uint32_t code_point(struct span text, size_t at, size_t *ret_len)
{
    uint8_t first = text.ptr[at];
    size_t len = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    uint32_t point = len == 1 ? first : first & (0x7fu >> len);

    for (size_t i = 1; i < len; i++) {
        point = point << 6 | (text.ptr[at + i] & 0x3f);
    }
    *ret_len = len;
    return point;
}

/* RFC 8259 7 for the first row; the last three are what the protocol calls characters that
 * browsers in the field lose or change on the way. "%": clients of SockJS decode what an event
 * stream brings as if it were a URL. */
static bool must_escape(uint32_t point)
{
    return point < 0x20 || point == '"' || point == '\\' || point == 0x7f || point == '%' ||
           (point >= 0x200c && point <= 0x200f) || (point >= 0x2028 && point <= 0x202f) ||
           (point >= 0x2060 && point <= 0x206f) || (point >= 0xfff0 && point <= 0xffff);
}

/* Writes the escape into `room`, which holds SOCKJS_FRAME_ESCAPED_MAX. Returns its length. */
static size_t escape(uint32_t point, uint8_t *room)
{
    static const char digits[] = "0123456789abcdef";
    char letter = '\0';

    switch (point) {
    case '"':
    case '\\': letter = (char)point; break;
    case '\n': letter = 'n'; break;
    case '\r': letter = 'r'; break;
    case '\t': letter = 't'; break;
    default: break;
    }
    room[0] = '\\';
    if (letter != '\0') {
        room[1] = (uint8_t)letter;
        return 2;
    }
    room[1] = 'u';
    for (unsigned i = 0; i < 4; i++) {
        room[2 + i] = (uint8_t)digits[point >> (12 - 4 * i) & 0xf];
    }
    return 6;
}

static enum err put_escaped(struct span text, struct buf *out)
{
    size_t plain = 0; /* where the bytes begin that go as they are */

    for (size_t at = 0, len; at < text.len; at += len) {
        uint32_t point = code_point(text, at, &len);
        uint8_t room[SOCKJS_FRAME_ESCAPED_MAX];

        if (!must_escape(point)) {
            continue;
        }
        TRY(buf_append(out, span_of(text.ptr + plain, at - plain)));
        TRY(buf_append(out, span_of(room, escape(point, room))));
        plain = at + len;
    }
    return buf_append(out, span_tail(text, plain));
}

static enum err put_message(enum sockjs_frame_carrier carrier, struct span message,
                            struct buf *out)
{
    TRY(buf_append(out, wraps[carrier].before));
    TRY(buf_append(out, SPAN("a[\"")));
    TRY(put_escaped(message, out));
    TRY(buf_append(out, SPAN("\"]")));
    return buf_append(out, wraps[carrier].behind);
}

enum err sockjs_frame_put_message(enum sockjs_frame_carrier carrier, struct span message,
                                  struct buf *out)
{
    size_t before = out->len;
    enum err e = put_message(carrier, message, out);

    if (e != OK) {
        buf_truncate(out, before);
    }
    return e;
}
