/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_stomp_review.h"

#include "realm/realm_access.h"
#include "realm/realm_metrics.h"
#include "realm/realm_stomp_stream.h"

#include <stdio.h>

struct review {
    struct realm_login *login;
    bool has_failed;
    char sentence[REALM_ACCESS_SENTENCE_BYTES];
};

static bool may(struct review *review, enum realm_acl_right right,
                const struct session_sub *sub)
{
    return realm_access_may(review->login, right, sub->route->channel.name, review->sentence);
}

/* Rights as SUBSCRIBE asks for them. */
static void on_sub(void *ctx, struct session_sub *sub)
{
    bool is_browser = sub->fed != NULL && sub->fed->feed.reader.queue == NULL;
    struct review *review = ctx;

    if (!review->has_failed) {
        review->has_failed =
            !may(review, is_browser ? REALM_ACL_PEEK : REALM_ACL_SUBSCRIBE, sub) ||
            (sub->durable != NULL && !may(review, REALM_ACL_DURABLE, sub));
    }
}

enum err realm_stomp_review(struct realm_stomp *stomp, msec now)
{
    struct review review = {.login = stomp->login};
    char sentence[REALM_ACCESS_SENTENCE_BYTES +
                  sizeof " any more: the configuration has changed"];
    const struct realm_stomp_reply_refusal refusal = {REALM_STOMP_INSIDE_SECURITY, sentence};
    const struct realm_acl_subject subject = realm_login_subject(stomp->login);
    char who[REALM_ACL_TEXT_BYTES];

    if (!realm_login_is_in(stomp->login)) {
        snprintf(sentence, sizeof sentence,
                 "%s has to log in again: the users of the realm have changed",
                 realm_acl_subject_text(&subject, who));
    } else {
        session_visit(&stomp->session, on_sub, &review);
        if (!review.has_failed) {
            realm_stomp_stream_review(
                stomp); /* others have put it in, and are not to be told */
            return OK;
        }
        snprintf(sentence, sizeof sentence, "%s any more: the configuration has changed",
                 review.sentence);
    }
    realm_metrics_refused(stomp->env->metrics, span_str(refusal.word));
    return realm_stomp_inside_fail(stomp, NULL, &refusal, now);
}
