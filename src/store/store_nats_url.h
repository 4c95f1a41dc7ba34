/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * nats://[user:password@]host[:port][,host[:port]...], or tls://: where the servers of one
 * JetStream are, and who asks. Sans-IO.
 */
#pragma once

#include "base/err.h"
#include "base/span.h"

enum {
    STORE_NATS_URL_SERVERS_MAX = 16,
    STORE_NATS_URL_BYTES_MAX = 1024,
};

struct store_nats_url {
    bool is_tls;
    struct span user; /* borrowed from the text, as are the others; empty: nobody */
    struct span password;
    struct span servers[STORE_NATS_URL_SERVERS_MAX]; /* host, or host:port */
    size_t server_count;
};

/** ERR_CONF: *ret_why is a sentence's end, "has no host". Static storage. */
must_check enum err store_nats_url_read(struct span text, struct store_nats_url *ret_url,
                                        const char **ret_why);

/** Whether the text begins as one. */
bool store_nats_url_is(struct span text);
