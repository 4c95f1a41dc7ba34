/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Bytes in, frames out: STOMP framing, any version, for both roles, sans-IO and bounded. One
 * frame is collected at a time, so that it may arrive in any number of parts; where WebSocket
 * messages begin and end makes no difference.
 *
 * Which headers a command needs, and which command may come when, is not known here.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "stomp/stomp_fault.h"
#include "stomp/stomp_frame.h"
#include "stomp/stomp_version.h"

struct stomp_limits {
    size_t line_bytes; /* the command or one header, without its line end */
    size_t header_count;
    size_t head_bytes; /* the command and all headers, line ends included */
    size_t body_bytes;
};

enum stomp_piece_type {
    STOMP_PIECE_EOL, /* a line end between frames: a heart-beat, or decoration behind a frame */
    STOMP_PIECE_FRAME,
};

struct stomp_piece {
    enum stomp_piece_type type;
    struct stomp_frame frame; /* STOMP_PIECE_FRAME only */
};

/* All the decoder's own. */
struct stomp_decoder {
    struct stomp_limits limits;
    struct buf head;            /* the command line and the headers, as they came */
    struct buf body;            /* as far as it has come */
    struct stomp_header *table; /* owned; the headers of `frame` */
    size_t table_cap;           /* headers */
    struct stomp_frame frame;   /* command and headers are set when the head is complete */
    size_t line_at;             /* where the line being collected begins */
    size_t command_len;         /* bytes of the first line, with its line end */
    size_t header_count;
    size_t body_left; /* bytes still to come, when the length is known */
    unsigned state;
    enum stomp_version version; /* of the next frame */
    bool is_shown;              /* the caller still looks at the last frame */
    enum stomp_fault fault;
    enum err ended; /* what stomp_decoder_next() says from now on */
};

/** Takes no memory. `limits` are copied. The version is 1.2 until another is agreed on. */
void stomp_decoder_init(struct stomp_decoder *decoder, const struct stomp_limits *limits);

/** Frames behind the one in hand are read as that version says. */
void stomp_decoder_set_version(struct stomp_decoder *decoder, enum stomp_version version);

/** Gives the memory back. To read another stream, init again. */
void stomp_decoder_fini(struct stomp_decoder *decoder);

/**
 * Takes the next piece out of *input, which is moved past the bytes used and is not written to.
 *
 * A frame is borrowed from the decoder until the next call. However the stream is cut, the
 * pieces are the same. After an error there are no more: it is final.
 *
 * Returns OK         *ret_piece is set
 *         ERR_AGAIN  *input is empty
 *         ERR_LIMIT  a limit was passed: stomp_decoder_fault() says which
 *         ERR_PROTO  the peer broke STOMP: stomp_decoder_fault() says how
 *         ERR_NOMEM
 */
must_check enum err stomp_decoder_next(struct stomp_decoder *decoder, struct span *input,
                                       struct stomp_piece *ret_piece);

/** STOMP_FAULT_NONE until stomp_decoder_next() has refused. */
enum stomp_fault stomp_decoder_fault(const struct stomp_decoder *decoder);

/**
 * The frame that was refused when its head had come as a whole, so that an answer can name it:
 * headers without a body. NULL when its head was what is wrong. Borrowed until fini.
 */
const struct stomp_frame *stomp_decoder_refused(const struct stomp_decoder *decoder);
