/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Frames to bytes, for both roles: begin, any number of headers, end.
 *
 * The first error sticks and the rest of the frame is ignored; stomp_encoder_end() reports it,
 * and the buffer is then as it was before the frame. So one check per frame is enough.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "stomp/stomp.h"
#include "stomp/stomp_version.h"

struct stomp_encoder {
    struct buf *out; /* borrowed until stomp_encoder_end(); nobody else may change it */
    size_t start;    /* where the frame begins in it */
    enum stomp_command command;
    enum stomp_version version;
    enum err status;
};

/** A frame of STOMP 1.2. Every begun frame must be ended. */
void stomp_encoder_begin(struct stomp_encoder *encoder, struct buf *out,
                         enum stomp_command command);

/** The same for a peer with whom another version was agreed on. */
void stomp_encoder_begin_in(struct stomp_encoder *encoder, struct buf *out,
                            enum stomp_version version, enum stomp_command command);

/** Whether a header of another version's can be said in `version` at all, in a frame that has
 *  escapes in 1.2: 1.0 has no way to write a line end, or a colon in a name, and 1.1 none for a
 *  CR at the end. */
bool stomp_encoder_can_carry(enum stomp_version version, struct span name, struct span value);

/**
 * Adds a header. Escaped as "Value Encoding" says; in CONNECT, CONNECTED and all of 1.0, which
 * know no escapes, what would need one makes the frame fail with ERR_PROTO. So do everywhere an
 * empty name, a NUL and the name content-length, which is the encoder's own.
 */
void stomp_encoder_header(struct stomp_encoder *encoder, struct span name, struct span value);

/** The same for a number. */
void stomp_encoder_header_u64(struct stomp_encoder *encoder, struct span name, uint64_t value);

/**
 * Adds content-length where the command may have a body, the body and the final NUL. The body
 * must be empty with commands that have none. ERR_PROTO as above, ERR_LIMIT and ERR_NOMEM as
 * buf_append(): nothing of the frame is in the buffer then.
 */
must_check enum err stomp_encoder_end(struct stomp_encoder *encoder, struct span body);

/** One line end: a heart-beat. Errors as buf_append(). "Heart-beating". */
must_check enum err stomp_encoder_eol(struct buf *out);
