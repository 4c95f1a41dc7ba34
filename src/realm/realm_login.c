/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_login.h"

#include "base/text.h"
#include "realm/realm_metrics.h"

#include <stdlib.h>

enum {
    USER_TEXT_BYTES = 96
};

void realm_login_init(struct realm_login *login, const struct realm_login_env *env,
                      const struct addr *host, struct realm_clients_client *client,
                      realm_login_done *done, void *ctx)
{
    *login = (struct realm_login){
        .env = env, .client = client, .host = host, .done = done, .ctx = ctx};
}

static void forget_user(struct realm_login *login)
{
    free(login->name);
    login->name = NULL;
    login->name_len = 0;
}

/* At most `max` bytes of it: a longer one is nobody's, and only said in the log. */
static enum err set_user(struct realm_login *login, struct span user, size_t max)
{
    user = span_head(user, user.len < max ? user.len : max);
    forget_user(login);
    if (user.len == 0) {
        return OK;
    }
    login->name = malloc(user.len);
    if (login->name == NULL) {
        return ERR_NOMEM;
    }
    memcpy(login->name, user.ptr, user.len);
    login->name_len = user.len;
    return OK;
}

void realm_login_cancel(struct realm_login *login)
{
    auth_cancel(login->job);
    login->job = NULL;
}

void realm_login_fini(struct realm_login *login)
{
    realm_login_cancel(login);
    forget_user(login);
}

void realm_login_forget(struct realm_login *login)
{
    assert(login->job == NULL);
    login->is_in = false;
    forget_user(login);
}

enum err realm_login_copy(struct realm_login *login, const struct realm_login *from)
{
    assert(login->job == NULL);
    TRY(set_user(login, span_of(from->name, from->name_len), from->name_len));
    login->is_in = from->is_in;
    return OK;
}

enum realm_login_verdict realm_login_without(struct realm_login *login)
{
    if (login->is_in) {
        return REALM_LOGIN_RIGHT;
    }
    forget_user(login); /* whoever it was before a review */
    login->is_in = login->env->conf->access.allows_anonymous;
    return login->is_in ? REALM_LOGIN_RIGHT : REALM_LOGIN_NEEDED;
}

static bool is_same(const struct htpasswd *before, const struct htpasswd *now, struct span name)
{
    const struct htpasswd_user *old = before == NULL ? NULL : htpasswd_find(before, name);
    const struct htpasswd_user *user = now == NULL ? NULL : htpasswd_find(now, name);

    return old != NULL && user != NULL && span_equal(old->hash, user->hash);
}

void realm_login_review(struct realm_login *login, const struct htpasswd *before)
{
    const struct realm_conf_access *access = &login->env->conf->access;
    struct span name = span_of(login->name, login->name_len);

    if (name.len == 0) {
        login->is_in = login->is_in && access->allows_anonymous;
    } else if (!is_same(before, access->users, name)) {
        login->is_in = false;
        login->is_stale = login->job != NULL;
    }
}

static enum realm_login_verdict on_wrong(struct realm_login *login)
{
    const struct realm_login_env *env = login->env;
    char host[ADDR_TEXT_BYTES], user[USER_TEXT_BYTES];

    log_info(env->log, "client %s: user \"%s\": wrong password or no such user",
             addr_host_text(login->host, host),
             text_printable(span_of(login->name, login->name_len), user, sizeof user));
    if (login->client != NULL &&
        realm_clients_failed(login->client, env->conf->access.login_failures_max,
                             login->asked)) {
        log_warn(env->log,
                 "client %s: %zu logins have failed within a minute; more of them are refused "
                 "without a look (LoginFailuresPerClient)",
                 host, env->conf->access.login_failures_max);
    }
    metric_add(env->metrics, REALM_METRICS_LOGINS_FAILED, 1);
    forget_user(login);
    return REALM_LOGIN_WRONG;
}

static enum realm_login_verdict on_right(struct realm_login *login)
{
    login->is_in = true;
    return REALM_LOGIN_RIGHT;
}

static void on_verified(void *ctx, bool is_right)
{
    struct realm_login *login = ctx;

    login->job = NULL;
    login->done(login->ctx, is_right && !login->is_stale ? on_right(login) : on_wrong(login));
}

static enum realm_login_verdict verify(struct realm_login *login, struct span password)
{
    struct auth_basic credentials = {.user = span_of(login->name, login->name_len),
                                     .password = password};

    switch (auth_check(login->env->desk, login->env->conf->access.users, &credentials,
                       login->asked, on_verified, login, &login->job)) {
    case OK: return on_right(login);
    case ERR_AGAIN: return REALM_LOGIN_WAIT;
    case ERR_LIMIT: return REALM_LOGIN_FULL;
    case ERR_NOMEM:
    case ERR_PROTO:
    case ERR_IO:
    case ERR_TIMEOUT:
    case ERR_CONF:
    case ERR_CLOSED: break;
    }
    return REALM_LOGIN_NOMEM;
}

enum realm_login_verdict realm_login_with(struct realm_login *login, struct span user,
                                          struct span password, msec now)
{
    const struct realm_conf_access *access = &login->env->conf->access;

    assert(login->job == NULL && user.len > 0);
    if (access->users == NULL) {
        return realm_login_without(login);
    }
    login->is_in = false;
    login->is_stale = false;
    login->asked = now;
    if (set_user(login, user, AUTH_BASIC_USER_MAX) != OK) {
        return REALM_LOGIN_NOMEM;
    }
    if (login->client != NULL &&
        !realm_clients_may_try(login->client, access->login_failures_max, now)) {
        metric_add(login->env->metrics, REALM_METRICS_LOGINS_FAILED, 1);
        forget_user(login);
        return REALM_LOGIN_TOO_OFTEN;
    }
    if (user.len > AUTH_BASIC_USER_MAX || password.len > AUTH_BASIC_PASSWORD_MAX) {
        return on_wrong(login); /* no user file has such a name */
    }
    return verify(login, password);
}

const char *realm_login_sentence(enum realm_login_verdict verdict)
{
    switch (verdict) {
    case REALM_LOGIN_RIGHT:
    case REALM_LOGIN_WAIT: break;
    case REALM_LOGIN_NEEDED:
        return "this realm asks for a login (login and passcode in CONNECT, or HTTP Basic)";
    case REALM_LOGIN_WRONG: return "the user or the password is wrong";
    case REALM_LOGIN_TOO_OFTEN:
        return "too many logins from this address have failed: try again in a minute";
    case REALM_LOGIN_FULL: return "too many logins wait to be verified: try again";
    case REALM_LOGIN_NOMEM: return "the realm is out of memory";
    }
    return "";
}

struct span realm_login_key(const struct realm_login *login,
                            uint8_t room[REALM_LOGIN_KEY_BYTES])
{
    size_t len = login->name_len < AUTH_BASIC_USER_MAX ? login->name_len : AUTH_BASIC_USER_MAX;

    if (len == 0) {
        return realm_clients_key(login->host, room);
    }
    room[0] = 'u'; /* an address has another letter there */
    memcpy(room + 1, login->name, len);
    return span_of(room, 1 + len);
}

struct realm_acl_subject realm_login_subject(const struct realm_login *login)
{
    return (struct realm_acl_subject){.user = span_of(login->name, login->name_len),
                                      .host = *login->host,
                                      .groups = login->env->conf->access.groups};
}
