/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * TLS by OpenSSL over whatever is below. An idle connection holds no record buffers.
 */
#pragma once

#include "net/stream.h"
#include "net/tls_ctx.h"

/** Server side. Replaces *top. ERR_NOMEM: *top is as it was. `ctx` must outlive the stream. */
must_check enum err stream_tls_accept(struct stream **top, struct tls_ctx *ctx);

/** Client side; `name` (an address may have brackets) is checked against the certificate and
 * sent as SNI unless it is an address. *top is as it was on ERR_NOMEM, and on ERR_LIMIT: no
 *  certificate could bear that name (empty, over 253 bytes, or with a zero byte). */
must_check enum err stream_tls_push(struct stream **top, struct tls_ctx *ctx, struct span name);
