/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Connecting to a host by name or literal: Happy Eyeballs (RFC 8305) over c-ares. Both families
 * are asked for at once, IPv6 is preferred, a new attempt starts every 250 ms while none
 * succeeded.
 */
#pragma once

#include "io/resolver.h"

struct dial;

enum dial_outcome {
    DIAL_CONNECTED,
    DIAL_NO_NAME,    /* the name does not exist */
    DIAL_DNS_FAILED, /* name servers did not answer */
    DIAL_FORBIDDEN,  /* every address was refused by the filter */
    DIAL_REFUSED, /* somebody said no: closed port, unreachable; the errno is in the result */
    DIAL_TIMEOUT,
    DIAL_NOMEM,
};

struct dial_result {
    enum dial_outcome outcome;
    int fd; /* DIAL_CONNECTED: the callee's to close; -1 otherwise */
    struct addr
        addr;  /* DIAL_CONNECTED: the peer; DIAL_REFUSED, DIAL_FORBIDDEN: the last one tried */
    int error; /* DIAL_REFUSED: the errno of the last attempt */
};

/** Called exactly once unless cancelled, never from inside dial_start(). The dial is gone by
 *  then, so do not cancel it; anything else may be done. */
typedef void dial_done(void *ctx, const struct dial_result *result);

/** Whether this address may be connected to; asked for the very address that is dialled. Must
 *  not cancel the dial. */
typedef bool dial_filter(void *ctx, const struct addr *addr);

/** A connection has been begun, with that socket: to take note of, not to keep. */
typedef void dial_opened(void *ctx, int fd, const struct addr *remote);

struct dial_request {
    struct span host; /* a name or a literal (IPv6 with or without brackets); copied */
    uint16_t port;
    const struct addr *source; /* to connect from: sock_connect_from(); copied. Other families
                                  are not tried. NULL: as the system likes */
    msec timeout;              /* for all of it */
    dial_filter *filter;       /* NULL: any address */
    dial_opened *opened;       /* or NULL */
    dial_done *done;
    void *ctx; /* for filter, opened and done */
};

/** ERR_NOMEM; ERR_LIMIT for a name that is too long. */
must_check enum err dial_start(struct loop *loop, struct resolver *resolver,
                               const struct dial_request *request, struct dial **ret_dial);

/** Nothing will be called. Takes NULL. */
void dial_cancel(struct dial *dial);

/** A phrase for people: "no such host", "connection refused" ... Static storage. */
const char *dial_outcome_text(enum dial_outcome outcome);
