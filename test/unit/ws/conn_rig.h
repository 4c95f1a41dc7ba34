/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What the tests of struct ws_conn say: bytes in, pieces and bytes out, at every cut, and two
 * of them against each other.
 */
#pragma once

#include "unit/ws/transcript.h"
#include "ws/ws_conn.h"

/* A client's frame with a key of zeros can be read in the hex: "81 82 00000000 'hi'". */

static const struct ws_limits limits = {
    .max_message_bytes = 1000,
    .max_output_bytes = 1000,
    .ping_every = 30000,
    .pong_within = 10000,
    .close_within = 5000,
};

static struct rng rng;

static inline void conn_piece(struct transcript *seen, const struct ws_conn_piece *piece)
{
    switch (piece->type) {
    case WS_CONN_BEGIN:
        transcript_text(seen, transcript_opcode(piece->opcode));
        transcript_text(seen, "(");
        break;
    case WS_CONN_DATA: transcript_bytes(seen, piece->data); break;
    case WS_CONN_END: transcript_text(seen, ")"); break;
    case WS_CONN_CLOSED: transcript_close(seen, piece->close_code, piece->data); break;
    }
}

static inline void assert_output(const struct ws_conn *conn, const char *bytes)
{
    assert_bytes(ws_conn_output(conn), span_ro(hex(bytes)));
}

/* Hands in bytes; sees these pieces, and then this. */
static inline void feed(struct ws_conn *conn, const char *bytes, const char *pieces,
                        enum err end)
{
    struct mspan input = hex(bytes);
    struct transcript seen;
    struct ws_conn_piece piece;
    enum err e;

    transcript_init(&seen);
    while ((e = ws_conn_next(conn, &input, &piece)) == OK) {
        conn_piece(&seen, &piece);
    }
    assert_int_equal(e, end);
    transcript_expect(&seen, pieces);
}

static inline void start(struct ws_conn *conn, enum ws_role role)
{
    rng = rng_seeded(1);
    ws_conn_init(conn, role, &limits, &rng, 0);
}

static inline void sent_all(struct ws_conn *conn)
{
    ws_conn_output_consume(conn, ws_conn_output(conn).len);
}

/* What the check of every cut is to see, for a server. */
static const char *expected_pieces;
static const char *expected_output;
static enum err expected_end;

static inline void check(const struct cut *cut)
{
    struct ws_conn conn;
    struct transcript seen;
    struct ws_conn_piece piece;
    struct mspan part;
    size_t at = 0;
    enum err e = ERR_AGAIN;

    start(&conn, WS_SERVER);
    transcript_init(&seen);
    while (e != ERR_PROTO && (part = cut_next(cut, &at)).ptr != NULL) {
        while ((e = ws_conn_next(&conn, &part, &piece)) == OK) {
            conn_piece(&seen, &piece);
        }
    }
    assert_int_equal(e, expected_end);
    transcript_expect(&seen, expected_pieces);
    if (expected_output != NULL) {
        assert_output(&conn, expected_output);
    }
    ws_conn_fini(&conn);
}

static inline void server_answers(const char *bytes, const char *pieces, enum err end,
                                  const char *output)
{
    expected_pieces = pieces;
    expected_end = end;
    expected_output = output;
    every_cut(hex(bytes), check);
}

/* Moves all output of one to the other; adds what the other yields to `seen`. */
static inline void carry(struct ws_conn *from, struct ws_conn *to, struct transcript *seen)
{
    while (ws_conn_output(from).len > 0) {
        struct span out = span_head(ws_conn_output(from), 7);
        uint8_t part[7];
        struct mspan input = mspan_of(part, out.len);
        struct ws_conn_piece piece;

        memcpy(part, out.ptr, out.len);
        ws_conn_output_consume(from, out.len);
        while (ws_conn_next(to, &input, &piece) == OK) {
            conn_piece(seen, &piece);
        }
    }
}
