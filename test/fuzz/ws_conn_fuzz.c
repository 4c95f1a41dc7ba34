/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A peer that sends anything. Byte 0: our role and limits; byte 1: how the stream is cut; the
 * rest is the stream.
 *
 * Promises that are held against it: two cuts yield the same pieces, the same end and the same
 * output; and what we answer is itself fine for a peer of the other role.
 */
#include "ws/ws_conn.h"

#include <stdlib.h>

enum {
    IS_CLIENT = 1,
    IS_SMALL = 2,     /* limits that are reached */
    HAS_CLOSED = 4,   /* we have sent our Close before the first byte */
    HAS_SPOKEN = 8,   /* there is a message of ours in the output */
    TIME_PASSES = 16, /* a ping of ours too */
    MAY_DEFLATE = 32, /* permessage-deflate was agreed on */
};

struct seen {
    struct buf text; /* pieces with joined data */
    struct buf output;
    enum err end;
    enum ws_fault fault;
};

static void must(bool is_true)
{
    if (!is_true) {
        abort();
    }
}

static void note_piece(struct seen *seen, const struct ws_conn_piece *piece)
{
    switch (piece->type) {
    case WS_CONN_BEGIN: must(buf_printf(&seen->text, "\1%u(", piece->opcode) == OK); break;
    case WS_CONN_DATA:
        must(piece->data.len > 0);
        must(buf_append(&seen->text, piece->data) == OK);
        break;
    case WS_CONN_END: must(buf_append(&seen->text, SPAN(")")) == OK); break;
    case WS_CONN_CLOSED:
        must(buf_printf(&seen->text, "<%u>", piece->close_code) == OK);
        must(buf_append(&seen->text, piece->data) == OK);
        break;
    }
}

static void open_conn(struct ws_conn *conn, uint8_t options, struct rng *rng)
{
    bool is_small = (options & IS_SMALL) != 0;
    const struct ws_limits limits = {
        .max_message_bytes = is_small ? 10 : 100000,
        .max_inflated_bytes = (options & MAY_DEFLATE) == 0 ? 0
                              : is_small                   ? 10
                                                           : 100000,
        .max_output_bytes = is_small ? 10 : 100000,
        .ping_every = 10,
        .pong_within = 10,
        .close_within = 10,
    };

    ws_conn_init(conn, (options & IS_CLIENT) != 0 ? WS_CLIENT : WS_SERVER, &limits, rng, 0);
    if ((options & HAS_SPOKEN) != 0) {
        must(ws_conn_put_message(conn, WS_OPCODE_TEXT, SPAN("hi")) == OK);
    }
    if ((options & TIME_PASSES) != 0) {
        must(ws_conn_expire(conn, ws_conn_deadline(conn)) == OK);
    }
    if ((options & HAS_CLOSED) != 0) {
        must(ws_conn_close(conn, WS_CLOSE_NORMAL, SPAN("enough"), 0) == OK);
    }
}

/* Parts of `chop` bytes, each a copy of its own size, so that a step over its end is seen. */
static void run(uint8_t options, struct span stream, size_t chop, struct seen *seen)
{
    struct rng rng = rng_seeded(7);
    struct ws_conn conn;
    struct ws_conn_piece piece;

    buf_init(&seen->text, 1u << 22);
    buf_init(&seen->output, 1u << 22);
    open_conn(&conn, options, &rng);
    seen->end = ERR_AGAIN;
    while (stream.len > 0 && seen->end != ERR_PROTO) {
        struct span part = span_head(stream, chop);
        uint8_t *copy = malloc(part.len);
        struct mspan input = mspan_of(copy, part.len);

        must(copy != NULL);
        memcpy(copy, part.ptr, part.len);
        stream = span_tail(stream, part.len);
        ws_conn_saw_bytes(&conn, 1);
        while ((seen->end = ws_conn_next(&conn, &input, &piece)) == OK) {
            note_piece(seen, &piece);
        }
        must(seen->end == ERR_PROTO || input.len == 0);
        free(copy);
    }
    seen->fault = ws_conn_fault(&conn);
    must((seen->end == ERR_PROTO) == (seen->fault != WS_FAULT_NONE));
    must(buf_append(&seen->output, ws_conn_output(&conn)) == OK);
    ws_conn_fini(&conn);
}

static void the_other_side_finds_no_fault(uint8_t options, struct buf *output)
{
    struct rng rng = rng_seeded(8);
    struct mspan input = mspan_of(output->ptr, output->len);
    struct ws_conn conn;
    struct ws_conn_piece piece;
    enum err e;

    open_conn(&conn, (uint8_t)((options & IS_CLIENT) ^ IS_CLIENT), &rng);
    while ((e = ws_conn_next(&conn, &input, &piece)) == OK) {
    }
    must(e == ERR_AGAIN || e == ERR_CLOSED);
    ws_conn_fini(&conn);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span stream = span_of(data, size);
    struct seen whole;
    struct seen parts;

    if (size < 3 || size > 100000) {
        return 0;
    }
    stream = span_tail(stream, 2);
    run(data[0], stream, stream.len, &whole);
    run(data[0], stream, data[1] == 0 ? 1 : data[1], &parts);

    must(span_equal(buf_span(&whole.text), buf_span(&parts.text)));
    must(span_equal(buf_span(&whole.output), buf_span(&parts.output)));
    must(whole.end == parts.end && whole.fault == parts.fault);
    the_other_side_finds_no_fault(data[0], &whole.output);

    buf_fini(&whole.text);
    buf_fini(&whole.output);
    buf_fini(&parts.text);
    buf_fini(&parts.output);
    return 0;
}
