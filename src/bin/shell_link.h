/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A command-line verb's way to its realm: dialled, through a proxy and TLS if told, and
 * upgraded to WebSocket. From then on it hands bytes over as they come; frames are its user's
 * business.
 */
#pragma once

#include "base/rng.h"
#include "bin/shell_options.h"
#include "io/loop.h"

#include <stdarg.h>

struct shell_link;

/* Everything is borrowed until the link is freed. */
struct shell_link_request {
    const struct shell_options *options;
    struct loop *loop;
    struct rng *rng;
    msec timeout; /* of dialling */
};

/* Nothing of it is called from shell_link_open(), nor once the link has been stopped. */
struct shell_link_user {
    /** The server has agreed to v12.stomp. */
    void (*on_open)(void *ctx);
    /** Bytes of WebSocket frames, which may be unmasked in place; borrowed for the call. */
    void (*on_bytes)(void *ctx, struct mspan bytes);
    /** The stream may take bytes again, after ERR_AGAIN. */
    void (*on_room)(void *ctx);
    /** It never came to be, or has ended: the last call, with a sentence that says why. */
    void (*on_end)(void *ctx, const char *format, va_list why)
        __attribute__((format(printf, 2, 0)));
};

/** ERR_CONF: TLS cannot be had as the options say, which a sentence on stderr explains. Else
 *  ERR_NOMEM, or ERR_IO with errno. */
must_check enum err shell_link_open(const struct shell_link_request *request,
                                    const struct shell_link_user *user, void *ctx,
                                    struct shell_link **ret_link);

/** Takes NULL. */
void shell_link_free(struct shell_link *link);

/** The user wants to hear nothing more. May be called from within its functions. */
void shell_link_stop(struct shell_link *link);

/** As stream_write(); after on_open(). */
must_check enum err shell_link_write(struct shell_link *link, struct span bytes,
                                     size_t *ret_len);

/** Why shell_link_write() failed; borrowed until the next call. */
const char *shell_link_why(const struct shell_link *link);

/** How far it has got, in a word: "dialling". */
const char *shell_link_state_name(const struct shell_link *link);
