/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * RequestReadTimeout: how long a client may take to send what it has begun to send, with
 * httpd's meaning: so many seconds, and more as long as bytes come at a minimum rate, up to a
 * maximum.
 */
#pragma once

#include "base/clock.h"
#include "conf/conf_schema.h"

struct proxy_readtime {
    msec first;        /* 0: no limit */
    msec most;         /* with a rate: however fast bytes come; MSEC_NEVER: no end */
    uint32_t min_rate; /* bytes a second; 0: `first` is all there is */
};

struct proxy_readtime_conf {
    struct proxy_readtime header;
    struct proxy_readtime body;
    bool has_header; /* it was written; otherwise HandshakeTimeout counts */
};

/** "header=20-40,MinRate=500" and "body=20,MinRate=500", in any order. Faults go to the diag.
 */
must_check enum err proxy_readtime_read(struct proxy_readtime_conf *conf,
                                        const struct conf_node *node,
                                        const struct conf_apply *apply);

/** How long it may take in all when so many bytes have come; MSEC_NEVER: no limit. */
msec proxy_readtime_allowed(const struct proxy_readtime *limit, uint64_t bytes);
