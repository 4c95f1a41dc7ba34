/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_access.h"

#include "base/text.h"
#include "proxy/proxy_conn.h"
#include "proxy/proxy_exchange.h"
#include "proxy/proxy_metrics.h"
#include "proxy/proxy_policy.h"

#include <stdio.h>

enum {
    CHALLENGE_BYTES_MAX = 1024,
    LOOP_TELL_EVERY_MS = 10 * 1000
};

static void judge(struct proxy_conn *conn);

static void refuse_full(struct proxy_conn *conn, enum proxy_metrics which, const char *sentence)
{
    struct proxy_refusal refusal;

    metric_add(conn->worker->worker->metrics, which, 1);
    proxy_refusal_set(&refusal, 503, HTTP1_PROXY_STATUS_CONNECTION_LIMIT_REACHED, "%s",
                      sentence);
    proxy_conn_refuse(conn, &refusal);
}

static void refuse_nomem(struct proxy_conn *conn)
{
    refuse_full(conn, PROXY_METRICS_REFUSED_MEMORY,
                "this proxy is out of memory for now; try again later");
}

/* ---- the name ---- */

static void on_name(void *ctx, struct span name)
{
    struct proxy_conn *conn = ctx;
    struct proxy_conn_request *request = conn->request;

    request->lookup = NULL;
    request->name_is_known = true;
    snprintf(request->name, sizeof request->name, "%.*s", SPAN_ARG(name));
    judge(conn);
}

static void ask_name(struct proxy_conn *conn)
{
    if (proxy_clientname_ask(conn->worker->worker->resolver, &conn->peer, on_name, conn,
                             &conn->request->lookup) != OK) {
        refuse_nomem(conn);
        return;
    }
    if (conn->state != PROXY_CONN_JUDGING) {
        proxy_conn_move(conn, PROXY_CONN_JUDGING);
    }
}

/* ---- the login ---- */

static void challenge(struct proxy_conn *conn, const struct proxy_policy_decision *decision,
                      const char *why)
{
    struct http1_field field = {.name = SPAN("Proxy-Authenticate")};
    struct proxy_refusal refusal;
    struct buf value;

    metric_add(conn->worker->worker->metrics, PROXY_METRICS_REFUSED_AUTH, 1);
    buf_init(&value, CHALLENGE_BYTES_MAX);
    if (auth_basic_challenge(decision->realm, &value) != OK) {
        buf_fini(&value);
        refuse_nomem(conn);
        return;
    }
    field.value = buf_span(&value);
    proxy_refusal_set(&refusal, 407, HTTP1_PROXY_STATUS_REQUEST_DENIED,
                      "this proxy asks for a login (%s): %s", "Proxy-Authorization: Basic",
                      why);
    proxy_conn_refuse_with(conn, &refusal, (struct http1_fields){&field, 1});
    buf_fini(&value);
}

static void on_password(void *ctx, bool is_right)
{
    struct proxy_conn *conn = ctx;
    struct proxy_conn_request *request = conn->request;

    request->auth = NULL;
    if (!is_right) {
        char text[ADDR_TEXT_BYTES];
        char user[4 * AUTH_BASIC_USER_MAX + 1];

        log_info(conn->worker->worker->log,
                 "client %s: user \"%s\": wrong password or no such user",
                 addr_host_text(&conn->peer, text),
                 text_printable(span_str(request->user), user, sizeof user));
        request->user[0] = '\0';
        request->users = NULL;
        request->has_failed_login = true;
    }
    judge(conn);
}

static void verify(struct proxy_conn *conn, const struct proxy_policy_decision *decision,
                   struct auth_basic *basic)
{
    struct proxy_conn_request *request = conn->request;
    enum err e;

    snprintf(request->user, sizeof request->user, "%.*s", SPAN_ARG(basic->user));
    request->users = decision->users;
    e = auth_check(conn->worker->desk, decision->users, basic, proxy_conn_now(conn),
                   on_password, conn, &request->auth);
    auth_basic_wipe(basic);
    if (e == OK) {
        judge(conn);
    } else if (e == ERR_LIMIT) {
        refuse_full(conn, PROXY_METRICS_REFUSED_FULL,
                    "as many logins wait for this proxy as may (AuthWaitingMax); try again "
                    "later");
    } else if (e != ERR_AGAIN) {
        refuse_nomem(conn);
    } else if (conn->state != PROXY_CONN_JUDGING) {
        proxy_conn_move(conn, PROXY_CONN_JUDGING);
    }
}

static void log_in(struct proxy_conn *conn, const struct proxy_policy_decision *decision)
{
    struct proxy_conn_request *request = conn->request;
    struct auth_basic basic;

    if (request->has_failed_login) {
        challenge(conn, decision, "the user or the password was wrong");
        return;
    }
    if (request->user[0] != '\0' && request->users == decision->users) {
        challenge(conn, decision, "this user may not do that");
        return;
    }
    switch (auth_basic_find(request->head.fields, &basic)) {
    case OK: verify(conn, decision, &basic); return;
    case ERR_PROTO: challenge(conn, decision, "the credentials were malformed"); return;
    case ERR_AGAIN:
    case ERR_NOMEM:
    case ERR_LIMIT:
    case ERR_IO:
    case ERR_TIMEOUT:
    case ERR_CONF:
    case ERR_CLOSED: break;
    }
    challenge(conn, decision, "none was given");
}

/* ---- the verdict ---- */

static void deny(struct proxy_conn *conn, const struct proxy_policy_decision *decision)
{
    const struct proxy_conn_request *request = conn->request;
    struct proxy_refusal refusal;
    char text[ADDR_TEXT_BYTES];

    metric_add(conn->worker->worker->metrics, PROXY_METRICS_REFUSED_CLIENT, 1);
    log_info(conn->worker->worker->log, "client %s%s%s is refused: %s%s%s:%u",
             addr_host_text(&conn->peer, text), request->user[0] == '\0' ? "" : ", user ",
             request->user, decision->sentence, decision->file == NULL ? "" : ", ",
             decision->file == NULL ? "by default" : decision->file, decision->line);
    proxy_refusal_set(
        &refusal, 403, HTTP1_PROXY_STATUS_REQUEST_DENIED,
        "clients at %s may not use this proxy for that (ask its administrator for "
        "an Allow or Require line)",
        addr_host_text(&conn->peer, text));
    proxy_conn_refuse(conn, &refusal);
}

/* ---- the name that a diverted client gives ---- */

static void on_verified(void *ctx, enum proxy_verify_result result)
{
    struct proxy_conn *conn = ctx;
    struct proxy_conn_request *request = conn->request;
    struct span name = request->what.target.authority.host;
    const char *what = request->what.kind == PROXY_REQUEST_TUNNEL ? "SNI" : "Host";
    struct proxy_refusal refusal;

    request->verify = NULL;
    if (result == PROXY_VERIFY_LEADS) {
        request->is_verified = true;
        proxy_exchange_begin(conn);
        return;
    }
    metric_add(conn->worker->worker->metrics, PROXY_METRICS_DIVERTED_REFUSED_NAME, 1);
    if (result == PROXY_VERIFY_ELSEWHERE) {
        proxy_refusal_set(
            &refusal, 421, HTTP1_PROXY_STATUS_REQUEST_DENIED,
            "%s %.*s does not resolve to %s, where this connection was going, see "
            "TransparentVerify",
            what, SPAN_ARG(name), conn->divert->host);
    } else {
        proxy_refusal_set(&refusal, 504, HTTP1_PROXY_STATUS_DNS_ERROR,
                          "%s %.*s could not be looked up in time to verify it, see "
                          "TransparentVerify",
                          what, SPAN_ARG(name));
    }
    proxy_conn_refuse(conn, &refusal);
}

static void verify_claim(struct proxy_conn *conn)
{
    const struct proxy_verify_request wanted = {
        .name = conn->request->what.target.authority.host,
        .origin = &conn->divert->origin,
        .timeout = conn->conf->connect_timeout,
        .done = on_verified,
        .ctx = conn,
    };

    if (proxy_verify_start(conn->worker->worker->loop, conn->worker->worker->resolver, &wanted,
                           &conn->request->verify) != OK) {
        refuse_nomem(conn);
    } else if (conn->state != PROXY_CONN_JUDGING) {
        proxy_conn_move(conn, PROXY_CONN_JUDGING);
    }
}

/* RFC 9110 11.7.1: a 407 is for a client that has chosen its proxy. This one knows of none. */
static void refuse_login(struct proxy_conn *conn, const struct proxy_policy_decision *decision)
{
    struct proxy_refusal refusal;

    metric_add(conn->worker->worker->metrics, PROXY_METRICS_REFUSED_AUTH, 1);
    log_info(conn->worker->worker->log, "a diverted client cannot be asked for a login: %s:%u",
             decision->file, decision->line);
    proxy_refusal_set(&refusal, 403, HTTP1_PROXY_STATUS_REQUEST_DENIED,
                      "a login is needed for that, and a client whose connection was diverted "
                      "cannot be asked for one (set this proxy as the client's proxy)");
    proxy_conn_refuse(conn, &refusal);
}

/* Each connection that is diverted back would say the same. */
static enum log_level loop_level(struct proxy_worker *worker, msec now)
{
    bool is_due = worker->loop_told_at == 0 || now - worker->loop_told_at >= LOOP_TELL_EVERY_MS;

    if (is_due) {
        worker->loop_told_at = now;
    }
    return is_due ? LOG_WARN : LOG_INFO;
}

static void refuse_loop(struct proxy_conn *conn)
{
    struct proxy_refusal refusal;
    char text[ADDR_TEXT_BYTES];
    enum log_level level;

    metric_add(conn->worker->worker->metrics, PROXY_METRICS_LOOPS, 1);
    addr_text(&conn->divert->origin, text);
    level = loop_level(conn->worker, proxy_conn_now(conn));
    log_at(conn->worker->worker->log, level,
           "the proxy's own connection to %s was diverted back to it: a firewall rule does not "
           "leave the proxy's traffic out (put meta skuid and the proxy's user, return, before "
           "it; wayleave config --nft prints such rules)",
           text);
    proxy_refusal_set(
        &refusal, 502, HTTP1_PROXY_STATUS_LOOP_DETECTED,
        "the proxy's own connection to %s was diverted back to it, and would lead in "
        "a circle (the firewall must leave the proxy's traffic out)",
        text);
    proxy_conn_refuse(conn, &refusal);
}

/* ---- all together ---- */

/* What a client says of where it goes can be wrong where it was diverted. Verified, the name
 * speaks for itself: on_verified() comes before anything is done. */
static enum err decide(const struct proxy_conn *conn, const struct proxy_policy_query *query,
                       struct proxy_policy_decision *ret_decision)
{
    if (proxy_divert_has_claim(conn) && !conn->conf->divert.verifies) {
        return proxy_policy_decide_claimed(&conn->conf->policy, query,
                                           span_str(conn->divert->host), ret_decision);
    }
    return proxy_policy_decide(&conn->conf->policy, query, ret_decision);
}

static void judge(struct proxy_conn *conn)
{
    struct proxy_conn_request *request = conn->request;
    const struct proxy_policy_query query = {
        .client = {.addr = conn->peer, .local = conn->local, .name = span_str(request->name)},
        .name_is_known = request->name_is_known,
        .method = request->head.method,
        .url = proxy_request_url(&request->what),
        .user = span_str(request->user),
        .users = request->users,
    };
    struct proxy_policy_decision decision;

    if (decide(conn, &query, &decision) != OK) {
        refuse_nomem(conn);
        return;
    }
    switch (decision.verdict) {
    case PROXY_POLICY_ALLOW:
        request->names_destination = decision.names_destination;
        if (proxy_divert_has_claim(conn) && conn->conf->divert.verifies) {
            verify_claim(conn);
        } else {
            proxy_exchange_begin(conn);
        }
        return;
    case PROXY_POLICY_LOGIN:
        if (conn->divert != NULL) {
            refuse_login(conn, &decision);
        } else {
            log_in(conn, &decision);
        }
        return;
    case PROXY_POLICY_NEEDS_NAME: ask_name(conn); return;
    case PROXY_POLICY_DENY: deny(conn, &decision); return;
    }
}

void proxy_access_begin(struct proxy_conn *conn)
{
    /* First of all: rules may refuse the proxy's own address, and would hide what is wrong. */
    if (proxy_divert_is_loop(conn)) {
        refuse_loop(conn);
    } else {
        judge(conn);
    }
}
