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
    CHALLENGE_BYTES_MAX = 1024
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
    if (proxy_auth_basic_challenge(decision->realm, &value) != OK) {
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
        char user[4 * PROXY_AUTH_BASIC_USER_MAX + 1];

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
                   struct proxy_auth_basic *basic)
{
    struct proxy_conn_request *request = conn->request;
    enum err e;

    snprintf(request->user, sizeof request->user, "%.*s", SPAN_ARG(basic->user));
    request->users = decision->users;
    e = proxy_auth_check(conn->worker->desk, decision->users, basic, proxy_conn_now(conn),
                         on_password, conn, &request->auth);
    proxy_auth_basic_wipe(basic);
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
    struct proxy_auth_basic basic;

    if (request->has_failed_login) {
        challenge(conn, decision, "the user or the password was wrong");
        return;
    }
    if (request->user[0] != '\0' && request->users == decision->users) {
        challenge(conn, decision, "this user may not do that");
        return;
    }
    switch (proxy_auth_basic_find(request->head.fields, &basic)) {
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

    if (proxy_policy_decide(&conn->conf->policy, &query, &decision) != OK) {
        refuse_nomem(conn);
        return;
    }
    switch (decision.verdict) {
    case PROXY_POLICY_ALLOW:
        request->names_destination = decision.names_destination;
        proxy_exchange_begin(conn);
        return;
    case PROXY_POLICY_LOGIN: log_in(conn, &decision); return;
    case PROXY_POLICY_NEEDS_NAME: ask_name(conn); return;
    case PROXY_POLICY_DENY: deny(conn, &decision); return;
    }
}

void proxy_access_begin(struct proxy_conn *conn)
{
    judge(conn);
}
