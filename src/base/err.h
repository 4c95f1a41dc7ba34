/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What the caller should do next, and nothing more. Reasons live elsewhere: a codec's fault row
 * for the peer, errno for the system, a struct diag for the operator.
 */
#pragma once

/* clang-format off */
/*    name          text                          the caller's next step                          */
#define ERR_LIST(X)                                                                                \
    X(OK,          "success")                  /*                                                 */ \
    X(ERR_AGAIN,   "not yet")                  /* no failure: more input, room or time is needed  */ \
    X(ERR_NOMEM,   "out of memory")            /* give up on this connection, not on the process  */ \
    X(ERR_LIMIT,   "over a configured limit")  /* refuse, and name the limit                      */ \
    X(ERR_PROTO,   "the peer broke protocol")  /* the codec's fault says how                      */ \
    X(ERR_IO,      "the system said no")       /* errno has the reason                            */ \
    X(ERR_TIMEOUT, "timed out")                /* the peer was silent for too long                */ \
    X(ERR_CONF,    "wrong configuration")      /* the diag says where and why                     */ \
    X(ERR_CLOSED,  "the peer has gone")        /* the stream ended: release what belongs to it    */
/* clang-format on */

#define X(name, text) name,
enum err {
    ERR_LIST(X)
};
#undef X

#define must_check __attribute__((warn_unused_result))

/** A word or two for the log. Static storage. */
const char *err_text(enum err e);

/** The only macro in the tree that returns. For functions that hold nothing to release. */
#define TRY(call)               \
    do {                        \
        enum err err_ = (call); \
        if (err_ != OK) {       \
            return err_;        \
        }                       \
    } while (0)
