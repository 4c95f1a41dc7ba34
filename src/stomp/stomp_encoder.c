/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "stomp/stomp_encoder.h"

static enum err put_escaped(enum stomp_version version, struct buf *out, struct span text)
{
    size_t plain = 0; /* where the bytes begin that need no escape */

    for (size_t i = 0; i < text.len; i++) {
        const char *escape = stomp_version_escape(version, text.ptr[i]);

        if (escape != NULL) {
            TRY(buf_append(out, span_of(text.ptr + plain, i - plain)));
            TRY(buf_append(out, span_str(escape)));
            plain = i + 1;
        }
    }
    return buf_append(out, span_tail(text, plain));
}

static bool has(struct span text, uint8_t byte)
{
    return span_find(text, byte) < text.len;
}

static bool has_line_end(struct span text)
{
    return has(text, '\r') || has(text, '\n');
}

/* Without escapes. A colon in a value is no harm: the first one of a line counts. */
static bool is_plain(struct span name, struct span value)
{
    return !has_line_end(name) && !has(name, ':') && !has_line_end(value);
}

bool stomp_encoder_can_carry(enum stomp_version version, struct span name, struct span value)
{
    if (name.len == 0 || has(name, '\0') || has(value, '\0')) {
        return false;
    }
    switch (version) {
    case STOMP_VERSION_1_0: return is_plain(name, value);
    case STOMP_VERSION_1_1: return value.len == 0 || value.ptr[value.len - 1] != '\r';
    case STOMP_VERSION_1_2: break;
    }
    return true;
}

static enum err put_header(const struct stomp_encoder *encoder, struct span name,
                           struct span value)
{
    struct buf *out = encoder->out;

    if (!stomp_encoder_can_carry(encoder->version, name, value)) {
        return ERR_PROTO;
    }
    if (encoder->version != STOMP_VERSION_1_0 && stomp_command_has_escapes(encoder->command)) {
        TRY(put_escaped(encoder->version, out, name));
        TRY(buf_append_byte(out, ':'));
        TRY(put_escaped(encoder->version, out, value));
        return buf_append_byte(out, '\n');
    }
    if (!is_plain(name, value)) {
        return ERR_PROTO;
    }
    TRY(buf_append(out, name));
    TRY(buf_append_byte(out, ':'));
    TRY(buf_append(out, value));
    return buf_append_byte(out, '\n');
}

static enum err put_end(const struct stomp_encoder *encoder, struct span body)
{
    struct buf *out = encoder->out;

    /* Header content-length: SEND, MESSAGE and ERROR SHOULD have it if a frame body is present;
     * it lets the body hold NULs */
    if (stomp_command_has_body(encoder->command)) {
        TRY(buf_printf(out, "content-length:%zu\n", body.len));
    }
    TRY(buf_append_byte(out, '\n'));
    TRY(buf_append(out, body));
    return buf_append_byte(out, '\0');
}

/* After an error the frame takes no more, and what it had taken is gone. */
static void settle(struct stomp_encoder *encoder, enum err e)
{
    encoder->status = e;
    if (e != OK) {
        buf_truncate(encoder->out, encoder->start);
    }
}

static enum err put_command(struct buf *out, enum stomp_command command)
{
    TRY(buf_append(out, span_str(stomp_command_name(command))));
    return buf_append_byte(out, '\n');
}

void stomp_encoder_begin(struct stomp_encoder *encoder, struct buf *out,
                         enum stomp_command command)
{
    stomp_encoder_begin_in(encoder, out, STOMP_VERSION_1_2, command);
}

void stomp_encoder_begin_in(struct stomp_encoder *encoder, struct buf *out,
                            enum stomp_version version, enum stomp_command command)
{
    *encoder = (struct stomp_encoder){
        .out = out, .start = out->len, .command = command, .version = version};
    settle(encoder, put_command(out, command));
}

void stomp_encoder_header(struct stomp_encoder *encoder, struct span name, struct span value)
{
    if (encoder->status != OK) {
        return;
    }
    /* Repeated Header Entries: the first counts, so another's would overrule ours */
    settle(encoder,
           span_equals(name, "content-length") ? ERR_PROTO : put_header(encoder, name, value));
}

void stomp_encoder_header_u64(struct stomp_encoder *encoder, struct span name, uint64_t value)
{
    char digits[20]; /* of UINT64_MAX */
    size_t at = sizeof digits;

    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    stomp_encoder_header(encoder, name, span_of(digits + at, sizeof digits - at));
}

enum err stomp_encoder_end(struct stomp_encoder *encoder, struct span body)
{
    /* Body: all frames but SEND, MESSAGE and ERROR MUST NOT have a body */
    assert(body.len == 0 || stomp_command_has_body(encoder->command));
    if (encoder->status == OK) {
        settle(encoder, put_end(encoder, body));
    }
    return encoder->status;
}

enum err stomp_encoder_eol(struct buf *out)
{
    return buf_append_byte(out, '\n');
}
