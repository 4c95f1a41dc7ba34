/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What a decoder yielded, as one line of text to compare with: pieces of data that belong
 * together are joined, so that every cut of a stream must give the same line.
 *
 *    text(Hello)                a frame or message
 *    text+(Hel) more(lo)        frames: the first has no FIN; ws_decoder only
 *    text(Hel<ping:a>lo)        a ping between two fragments
 *    <close:1000 bye>           a Close
 */
#pragma once

#include "base/buf.h"
#include "lib/cut.h"
#include "lib/testing.h"
#include "ws/ws_message.h"

struct transcript {
    struct buf text;
};

static inline void transcript_init(struct transcript *seen)
{
    buf_init(&seen->text, 1u << 20);
}

/** Printable characters as they are, others as \xNN. */
static inline void transcript_bytes(struct transcript *seen, struct span bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        uint8_t c = bytes.ptr[i];

        if (c >= 0x20 && c <= 0x7e) {
            assert_ok(buf_append_byte(&seen->text, c));
        } else {
            assert_ok(buf_printf(&seen->text, "\\x%02x", c));
        }
    }
}

static inline void transcript_text(struct transcript *seen, const char *text)
{
    assert_ok(buf_append(&seen->text, span_str(text)));
}

static inline const char *transcript_opcode(uint8_t opcode)
{
    static const char *const names[] = {"more", "text", "binary", "?",    "?",   "?",
                                        "?",    "?",    "close",  "ping", "pong"};

    assert_true(opcode < sizeof names / sizeof names[0]);
    return names[opcode];
}

static inline void transcript_piece(struct transcript *seen, const struct ws_piece *piece)
{
    switch (piece->type) {
    case WS_FRAME_BEGIN:
        transcript_text(seen, transcript_opcode(piece->opcode));
        transcript_text(seen, piece->fin ? "(" : "+(");
        break;
    case WS_FRAME_DATA:
        assert_true(piece->data.len > 0);
        transcript_bytes(seen, piece->data);
        break;
    case WS_FRAME_END: transcript_text(seen, ")"); break;
    }
}

static inline void transcript_close(struct transcript *seen, uint16_t code, struct span reason)
{
    assert_ok(buf_printf(&seen->text, "<close:%u", code));
    if (reason.len > 0) {
        transcript_text(seen, " ");
        transcript_bytes(seen, reason);
    }
    transcript_text(seen, ">");
}

static inline void transcript_message_piece(struct transcript *seen,
                                            const struct ws_message_piece *piece)
{
    switch (piece->type) {
    case WS_MESSAGE_BEGIN:
        transcript_text(seen, transcript_opcode(piece->opcode));
        transcript_text(seen, "(");
        break;
    case WS_MESSAGE_DATA:
        assert_true(piece->data.len > 0);
        transcript_bytes(seen, piece->data);
        break;
    case WS_MESSAGE_END: transcript_text(seen, ")"); break;
    case WS_MESSAGE_PING:
    case WS_MESSAGE_PONG:
        transcript_text(seen, piece->type == WS_MESSAGE_PING ? "<ping:" : "<pong:");
        transcript_bytes(seen, piece->data);
        transcript_text(seen, ">");
        break;
    case WS_MESSAGE_CLOSE: transcript_close(seen, piece->close_code, piece->data); break;
    }
}

/** Compare and release. */
static inline void transcript_expect(struct transcript *seen, const char *text)
{
    assert_ok(buf_append_byte(&seen->text, '\0'));
    assert_string_equal((const char *)seen->text.ptr, text);
    buf_fini(&seen->text);
}
