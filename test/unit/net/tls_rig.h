/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A server with the certificate that tls_ctx_make_localhost() makes, and clients of all minds
 * about it.
 */
#pragma once

#include "lib/scratch.h"
#include "lib/testing.h"
#include "net/tls_ctx.h"

struct tls_rig {
    char dir[SCRATCH_DIR_BYTES];
    struct tls_ctx *server;
    struct tls_ctx *client;   /* trusts the certificate */
    struct tls_ctx *stranger; /* trusts the system's alone */
    struct tls_ctx *lenient;  /* trusts anybody */
};

static inline void tls_rig_open(struct tls_rig *rig)
{
    char certificate[SCRATCH_PATH_BYTES];
    char key[SCRATCH_PATH_BYTES];
    char text[256] = "";
    struct mspan why = mspan_of((uint8_t *)text, sizeof text);

    scratch_make(rig->dir);
    scratch_path(rig->dir, "crt", certificate);
    scratch_path(rig->dir, "key", key);
    assert_ok(tls_ctx_make_localhost(certificate, key, why));
    assert_ok(tls_ctx_server(certificate, key, why, &rig->server));
    assert_ok(tls_ctx_client(certificate, true, why, &rig->client));
    assert_ok(tls_ctx_client(NULL, true, why, &rig->stranger));
    assert_ok(tls_ctx_client(NULL, false, why, &rig->lenient));
}

static inline void tls_rig_close(struct tls_rig *rig)
{
    tls_ctx_free(rig->server);
    tls_ctx_free(rig->client);
    tls_ctx_free(rig->stranger);
    tls_ctx_free(rig->lenient);
    scratch_remove(rig->dir, "crt key");
}
