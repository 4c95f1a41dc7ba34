/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_stomp_inside.h"

#include "base/state.h"
#include "base/text.h"
#include "realm/realm_access.h"
#include "realm/realm_metrics.h"
#include "realm/realm_share.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* clang-format off */
#define TO(name) STATE_BIT(REALM_STOMP_##name)
static const struct state_rule stomp_rules[REALM_STOMP_STATES] = {
    [REALM_STOMP_CONNECTING] = {"connecting", TO(VERIFYING) | TO(OPEN) | TO(ENDED)},
    [REALM_STOMP_VERIFYING]  = {"verifying",  TO(OPEN)      | TO(ENDED)},
    [REALM_STOMP_OPEN]       = {"open",       TO(ENDED)},
    [REALM_STOMP_ENDED]      = {"ended",      0},
};
#undef TO
/* clang-format on */

void realm_stomp_inside_move(struct realm_stomp *stomp, enum realm_stomp_state next)
{
    assert(state_may_move(stomp_rules, stomp->state, next));
    stomp->state = next;
}

enum err realm_stomp_inside_end(struct realm_stomp *stomp, uint16_t code, msec now)
{
    enum err e = realm_carrier_close(stomp->carrier, code, span_of(NULL, 0), now);

    realm_stomp_inside_move(stomp, REALM_STOMP_ENDED);
    return e == ERR_CLOSED ? OK : e;
}

/* "ERROR: the server MUST close the connection just after sending the ERROR frame." */
enum err realm_stomp_inside_fail(struct realm_stomp *stomp, const struct stomp_frame *frame,
                                 const struct realm_stomp_reply_refusal *refusal, msec now)
{
    struct realm_stomp_reply reply = realm_stomp_inside_reply(stomp);

    free(stomp->why);
    stomp->why = strdup(refusal->sentence); /* NULL: the log line will be without it */
    stomp->has_failed = true;
    TRY(realm_stomp_reply_error(&reply, frame, refusal));
    return realm_stomp_inside_end(stomp, WS_CLOSE_POLICY, now);
}

struct realm_stomp_reply realm_stomp_inside_reply(const struct realm_stomp *stomp)
{
    return (struct realm_stomp_reply){
        .carrier = stomp->carrier,
        .scratch = stomp->env->scratch,
        .version = stomp->version,
        .is_agreed = stomp->state != REALM_STOMP_CONNECTING,
    };
}

enum err realm_stomp_inside_refuse(struct realm_stomp *stomp,
                                   const struct realm_stomp_inside *request, const char *word,
                                   const char *format, ...)
{
    char sentence[REALM_STOMP_WHY_BYTES];
    const struct realm_stomp_reply_refusal refusal = {word, sentence};
    struct realm_stomp_reply reply = realm_stomp_inside_reply(stomp);
    va_list args;

    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    realm_metrics_refused(stomp->env->metrics, span_str(word));
    if (stomp->refuses_softly && stomp_frame_find(request->frame, SPAN("receipt")) != NULL) {
        return realm_stomp_reply_refused(&reply, request->frame, &refusal);
    }
    return realm_stomp_inside_fail(stomp, request->frame, &refusal, request->now);
}

const char *realm_stomp_inside_text(struct span name, char room[REALM_STOMP_INSIDE_NAME_BYTES])
{
    return text_printable(name, room, REALM_STOMP_INSIDE_NAME_BYTES);
}

bool realm_stomp_inside_find(const struct realm_stomp_inside *request, struct span name,
                             struct span *ret_value)
{
    const struct stomp_header *header = stomp_frame_find(request->frame, name);

    if (header != NULL) {
        *ret_value = header->value;
    }
    return header != NULL;
}

enum err realm_stomp_inside_flag(struct realm_stomp *stomp,
                                 const struct realm_stomp_inside *request, const char *name,
                                 bool *ret_is_on, bool *ret_may)
{
    struct span value = SPAN("false");

    realm_stomp_inside_find(request, span_str(name), &value);
    *ret_is_on = span_equals(value, "true");
    *ret_may = *ret_is_on || span_equals(value, "false");
    return *ret_may ? OK
                    : realm_stomp_inside_refuse(stomp, request, REALM_STOMP_INSIDE_ILLEGAL,
                                                "%s must be true or false", name);
}

enum err realm_stomp_inside_may(struct realm_stomp *stomp,
                                const struct realm_stomp_inside *request,
                                enum realm_acl_right right, struct span name, bool *ret_may)
{
    char sentence[REALM_ACCESS_SENTENCE_BYTES];

    *ret_may = realm_access_may(stomp->login, right, name, sentence);
    return *ret_may ? OK
                    : realm_stomp_inside_refuse(stomp, request, REALM_STOMP_INSIDE_SECURITY,
                                                "%s", sentence);
}

/* The name as the router will have it. What is too long to be one it refuses by itself. */
static struct span with_slash(struct span name, uint8_t room[ROUTER_NAME_MAX])
{
    if (name.len == 0 || name.ptr[0] == '/' || name.len >= ROUTER_NAME_MAX) {
        return name;
    }
    room[0] = '/';
    memcpy(room + 1, name.ptr, name.len);
    return span_of(room, name.len + 1);
}

enum err realm_stomp_inside_route(struct realm_stomp *stomp,
                                  const struct realm_stomp_inside *request,
                                  enum realm_acl_right right, struct router_route **ret_route)
{
    const struct stomp_header *name = stomp_frame_find(request->frame, SPAN("destination"));
    char room[REALM_STOMP_INSIDE_NAME_BYTES];
    struct realm_share_refusal refusal;
    uint8_t full[ROUTER_NAME_MAX];
    bool may;

    *ret_route = NULL;
    if (name == NULL) {
        return realm_stomp_inside_refuse(stomp, request, REALM_STOMP_INSIDE_ILLEGAL,
                                         "destination is missing");
    }
    /* Before it is made: who may not use it does not cause it to be. */
    TRY(realm_stomp_inside_may(stomp, request, right, with_slash(name->value, full), &may));
    if (!may) {
        return OK;
    }
    if (stomp->may_wait &&
        !router_is_ready(stomp->env->router, with_slash(name->value, full))) {
        stomp->awaits_route = true;
        return OK;
    }
    switch (realm_share_open(stomp->login, stomp->env->router, with_slash(name->value, full),
                             &refusal, ret_route)) {
    case ROUTER_FOUND: return OK;
    case ROUTER_MISSING:
        return realm_stomp_inside_refuse(stomp, request, REALM_STOMP_INSIDE_MISSING,
                                         "there is no channel or queue %s, and no section "
                                         "of the configuration lets it be made",
                                         realm_stomp_inside_text(name->value, room));
    case ROUTER_BAD_NAME:
        return realm_stomp_inside_refuse(
            stomp, request, REALM_STOMP_INSIDE_ILLEGAL,
            "\"%s\" is not a channel's name (1 to %d bytes of printable UTF-8, not /$...)",
            realm_stomp_inside_text(name->value, room), ROUTER_NAME_MAX);
    case ROUTER_FULL:
        return realm_stomp_inside_refuse(stomp, request, REALM_STOMP_INSIDE_LIMIT, "%s",
                                         refusal.sentence);
    case ROUTER_FAILED:
        return realm_stomp_inside_refuse(stomp, request, REALM_STOMP_INSIDE_STORE,
                                         "the store has failed to open %s",
                                         realm_stomp_inside_text(name->value, room));
    case ROUTER_NOMEM: break;
    }
    return ERR_NOMEM;
}
