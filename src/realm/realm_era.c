/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_era.h"

#include <stdlib.h>

enum err realm_era_new(struct realm_era **ret_era, const struct realm_conf *conf,
                       struct daemon_snapshot *snapshot, const struct realm_era_parts *parts)
{
    struct realm_era *era = calloc(1, sizeof *era);

    if (era == NULL) {
        return ERR_NOMEM;
    }
    era->conf = conf;
    era->snapshot = snapshot == NULL ? NULL : daemon_snapshot_ref(snapshot);
    era->holders = 1;
    era->env = (struct realm_session_env){
        .stomp = {.router = parts->router,
                  .queues = parts->queues,
                  .groups = parts->groups,
                  .hall = parts->hall,
                  .forms = parts->forms,
                  .scratch = parts->answers,
                  .metrics = parts->metrics,
                  .subscriptions_max = conf->subscriptions_max,
                  .transactions_max = conf->transactions_max,
                  .event_bytes = parts->event_bytes,
                  .heart_beat = conf->heart_beat,
                  .on_news = parts->on_news},
        .rng = parts->rng,
        .outbox_bytes = conf->outbox_bytes,
        .echo_bytes = conf->echo_bytes,
        .sockjs_bytes = conf->sockjs.body_bytes,
        .heart_beat = conf->heart_beat,
        .sockjs_heart_beat = conf->sockjs.heart_beat,
        .publish_rate = conf->access.publish_rate,
        .publish_burst = conf->access.publish_burst,
    };
    era->login = (struct realm_login_env){conf, parts->desk, parts->log};
    *ret_era = era;
    return OK;
}

struct realm_era *realm_era_ref(struct realm_era *era)
{
    era->holders++;
    return era;
}

void realm_era_unref(struct realm_era *era)
{
    if (era != NULL && --era->holders == 0) {
        daemon_snapshot_unref(era->snapshot);
        free(era);
    }
}
