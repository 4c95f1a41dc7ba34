/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "store/store_nats_refusal.h"

enum {
    AGAIN_AFTER = 60000, /* ms */
};

void store_nats_refusal_say(struct store_nats *nats, enum err e, int code)
{
    struct store_nats_refusal *refusal = &nats->refusal;
    bool is_same = refusal->said != 0 && refusal->code == code;

    if (is_same && (refusal->is_on || nats->now - refusal->said < AGAIN_AFTER)) {
        return;
    }
    *refusal = (struct store_nats_refusal){.is_on = true, .code = code, .said = nats->now};
    if (code == 0) {
        log_warn(nats->conf.log,
                 "store: it is full (StoreSize): what is published is refused until events are "
                 "consumed, expire or are purged");
    } else if (e == ERR_LIMIT) {
        log_warn(nats->conf.log,
                 "store: the NATS server is full (JetStream's error %d): what is published is "
                 "refused until it has room again (look at its disk and at JetStream's limits)",
                 code);
    } else {
        log_error(nats->conf.log,
                  "store: the NATS server cannot store what is published (JetStream's error "
                  "%d; its own log says why): it is refused",
                  code);
    }
}

void store_nats_refusal_over(struct store_nats *nats)
{
    if (nats->refusal.is_on) {
        nats->refusal.is_on = false;
        log_notice(nats->conf.log, "store: what is published is stored again");
    }
}
