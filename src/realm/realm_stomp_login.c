/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_stomp_login.h"

#include <stdlib.h>

static enum err welcome(struct realm_stomp *stomp)
{
    struct realm_stomp_reply reply = realm_stomp_inside_reply(stomp);

    realm_stomp_inside_move(stomp, REALM_STOMP_OPEN);
    return realm_stomp_reply_connected(&reply, stomp->id, stomp->env->heart_beat);
}

/* `frame` is the CONNECT, or NULL when it has gone. */
static enum err act_on(struct realm_stomp *stomp, const struct stomp_frame *frame,
                       enum realm_login_verdict verdict, msec now)
{
    struct realm_stomp_reply_refusal refusal = {REALM_STOMP_INSIDE_SECURITY,
                                                realm_login_sentence(verdict)};

    switch (verdict) {
    case REALM_LOGIN_RIGHT: return welcome(stomp);
    case REALM_LOGIN_WAIT: realm_stomp_inside_move(stomp, REALM_STOMP_VERIFYING); return OK;
    case REALM_LOGIN_NOMEM: return ERR_NOMEM;
    case REALM_LOGIN_FULL: refusal.word = REALM_STOMP_INSIDE_LIMIT; break;
    case REALM_LOGIN_NEEDED:
    case REALM_LOGIN_WRONG:
    case REALM_LOGIN_TOO_OFTEN: break;
    }
    return realm_stomp_inside_fail(stomp, frame, &refusal, now);
}

enum err realm_stomp_login_begin(struct realm_stomp *stomp,
                                 const struct realm_stomp_inside *request)
{
    struct span user = SPAN(""), password = SPAN("");
    enum realm_login_verdict verdict;

    if (stomp->login == NULL) { /* nobody has said who may come in */
        return act_on(stomp, request->frame, REALM_LOGIN_NEEDED, request->now);
    }
    realm_stomp_inside_find(request, SPAN("login"), &user);
    realm_stomp_inside_find(request, SPAN("passcode"), &password);
    verdict = user.len == 0 ? realm_login_without(stomp->login)
                            : realm_login_with(stomp->login, user, password, request->now);
    return act_on(stomp, request->frame, verdict, request->now);
}

enum err realm_stomp_login_keep(struct realm_stomp *stomp, struct span payload)
{
    if (stomp->behind == NULL) {
        stomp->behind = malloc(sizeof *stomp->behind);
        if (stomp->behind == NULL) {
            return ERR_NOMEM;
        }
        buf_init(stomp->behind, REALM_STOMP_BEHIND_BYTES);
    }
    return buf_append(stomp->behind, payload);
}

static void release(struct buf *behind)
{
    if (behind != NULL) {
        buf_fini(behind);
        free(behind);
    }
}

enum err realm_stomp_login_end(struct realm_stomp *stomp, enum realm_login_verdict verdict,
                               msec now)
{
    struct buf *behind = stomp->behind;
    enum err e;

    if (stomp->state != REALM_STOMP_VERIFYING) { /* it has ended meanwhile */
        return OK;
    }
    stomp->behind = NULL;
    e = act_on(stomp, NULL, verdict, now);
    if (e == OK && behind != NULL) {
        e = realm_stomp_take(stomp, buf_span(behind), now);
    }
    release(behind);
    return e;
}

void realm_stomp_login_forget(struct realm_stomp *stomp)
{
    release(stomp->behind);
    stomp->behind = NULL;
}
