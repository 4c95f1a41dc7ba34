/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_log.h"

#include "base/text.h"

enum {
    TEXT_BYTES = 160, /* of what a client wrote */
    METHOD_BYTES = 20,
};

/* "-" when there is none. */
static const char *shown(struct span bytes, char room[TEXT_BYTES])
{
    return bytes.len == 0 ? "-" : text_printable(bytes, room, TEXT_BYTES);
}

void realm_log_began(const struct realm_log_client *client,
                     const struct realm_http_verdict *verdict)
{
    char peer[ADDR_TEXT_BYTES], origin[TEXT_BYTES], agent[TEXT_BYTES];

    const char *carrier = realm_carrier_kind_name(verdict->carrier);
    int scheme_len = (int)strcspn(carrier, " ");

    log_info(client->log, "session %llu began: %s, %.*s%s%s%s, origin %s, agent %s",
             (unsigned long long)client->id, addr_text(client->peer, peer), scheme_len, carrier,
             client->is_tls ? "s" : "", carrier + scheme_len,
             verdict->action == REALM_HTTP_ECHO ? " echo" : "", shown(verdict->origin, origin),
             shown(verdict->agent, agent));
}

void realm_log_answered(const struct realm_log_client *client,
                        const struct realm_http_verdict *verdict)
{
    bool is_refusal = verdict->why[0] != '\0';
    enum log_level level = is_refusal ? LOG_INFO : LOG_DEBUG;
    char peer[ADDR_TEXT_BYTES], target[TEXT_BYTES], method[TEXT_BYTES];

    if (verdict->is_foreign) {
        level = LOG_WARN;
    }
    log_at(client->log, level, "client %s: %s %s: %u%s%s", addr_text(client->peer, peer),
           shown(span_head(verdict->method, METHOD_BYTES), method),
           shown(verdict->target, target), verdict->status, is_refusal ? ", " : "",
           verdict->why);
}

void realm_log_skipped(const struct realm_log_client *client,
                       const struct realm_session_skip *skip)
{
    char peer[ADDR_TEXT_BYTES], channel[TEXT_BYTES];

    if ((skip->skips & (skip->skips - 1)) == 0) {
        log_info(client->log,
                 "session %llu: %s is too slow for %s: %llu events were left out (SlowReader "
                 "skip; its skip number %llu)",
                 (unsigned long long)client->id, addr_text(client->peer, peer),
                 shown(skip->channel, channel), (unsigned long long)skip->events,
                 (unsigned long long)skip->skips);
    }
}

void realm_log_ended(const struct realm_log_client *client, const struct realm_session *session,
                     const struct realm_log_totals *totals)
{
    static const char *const closers[] = {
        [REALM_SESSION_NOBODY] = "nobody",
        [REALM_SESSION_CLIENT] = "the client",
        [REALM_SESSION_REALM] = "the realm",
    };
    unsigned code = session->closer == REALM_SESSION_NOBODY ? (unsigned)WS_CLOSE_ABNORMAL
                                                            : session->close_code;
    char peer[ADDR_TEXT_BYTES], user[TEXT_BYTES];

    log_info(
        client->log,
        "session %llu ended: %s%s%s, after %llu.%03llu s, %llu messages in, %llu out, %llu "
        "bytes in, %llu out, closed by %s with %u%s%s",
        (unsigned long long)client->id, addr_text(client->peer, peer),
        client->user.len == 0 ? "" : ", user ",
        client->user.len == 0 ? "" : text_printable(client->user, user, sizeof user),
        (unsigned long long)(totals->took / 1000), (unsigned long long)(totals->took % 1000),
        (unsigned long long)realm_session_count_in(session),
        (unsigned long long)realm_session_count_out(session),
        (unsigned long long)totals->in_bytes, (unsigned long long)totals->out_bytes,
        closers[session->closer], code, session->why == NULL ? "" : ": ",
        session->why == NULL ? "" : session->why);
}
