/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Basic credentials (RFC 7617) as they stand in a Proxy-Authorization field, and the challenge
 * that asks for them. Strict: canonical base64, no control bytes, one field. Whether the bytes
 * are UTF-8 is left to the two who chose them: they are compared as they are.
 */
#pragma once

#include "base/buf.h"
#include "http1/http1_fields.h"

enum {
    AUTH_BASIC_USER_MAX = 255,
    AUTH_BASIC_PASSWORD_MAX = 511,
};

struct auth_basic {
    struct span user;     /* in `room`; never empty, no colon */
    struct span password; /* in `room`; may be empty */
    uint8_t room[AUTH_BASIC_USER_MAX + 1 + AUTH_BASIC_PASSWORD_MAX + 1];
};

/**
 * Reads the value of a field.
 *
 * Returns OK         auth_basic_wipe() is due
 *         ERR_AGAIN  another scheme: as good as no credentials
 *         ERR_PROTO  malformed; *ret_basic is wiped
 */
must_check enum err auth_basic_read(struct span value, struct auth_basic *ret_basic);

/** The same from a head: ERR_AGAIN also without the field, ERR_PROTO also when it is there
 *  twice. */
must_check enum err auth_basic_find(struct http1_fields fields, struct auth_basic *ret_basic);

/** Nothing of the password stays in memory. */
void auth_basic_wipe(struct auth_basic *basic);

/** The value of Proxy-Authenticate: Basic realm="...". Errors as buf_append(). */
must_check enum err auth_basic_challenge(struct span realm, struct buf *out);
