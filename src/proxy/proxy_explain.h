/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * `wayleave config FILE --explain CLIENT METHOD URL`: what the proxy would answer to that
 * request, and the lines of the file that make it so, step by step.
 */
#pragma once

#include "base/buf.h"
#include "proxy/proxy_conf.h"

enum {
    PROXY_EXPLAIN_BYTES_MAX = 256 * 1024, /* a good ceiling for `out` */
};

/**
 * CLIENT is an address, perhaps with a user in front and a verified host name behind:
 * "10.1.2.3", "alice@10.1.2.3", "10.1.2.3=pc.example.test", "alice@10.1.2.3=pc.example.test".
 * The URL of a CONNECT is host:port. The configuration must have been read without error.
 *
 * Returns OK         *ret_allowed, and the explanation is in `out`
 *         ERR_CONF   a word cannot be understood; `out` has a sentence about it instead
 *         ERR_LIMIT, ERR_NOMEM  `out` is full
 */
must_check enum err proxy_explain(const struct proxy_conf *conf, struct span client,
                                  struct span method, struct span url, struct buf *out,
                                  bool *ret_allowed);
