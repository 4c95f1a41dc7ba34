/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Who a client is: nobody yet, anonymous, or a user whose password was verified, on a thread
 * (auth/auth.h), while the loop goes on. One for each connection, for CONNECT and for HTTP's
 * Authorization alike. Wrong passwords are counted, also by address, and said in the log.
 *
 *     no credentials    anonymous where the configuration says so, else REALM_LOGIN_NEEDED
 *     credentials       those of a user, or REALM_LOGIN_WRONG: nobody who gives a wrong
 *                       password becomes anonymous
 *     and no user file  they are not looked at: everybody is anonymous
 *
 * What they may is judged by the configuration of the moment, not by that of their birth: after
 * a reload each login is reviewed.
 */
#pragma once

#include "auth/auth.h"
#include "base/log.h"
#include "base/metric.h"
#include "realm/realm_acl.h"
#include "realm/realm_clients.h"
#include "realm/realm_conf.h"

enum realm_login_verdict {
    REALM_LOGIN_RIGHT,
    REALM_LOGIN_WAIT,   /* `done` will be called */
    REALM_LOGIN_NEEDED, /* a login is needed, and none was given */
    REALM_LOGIN_WRONG,
    REALM_LOGIN_TOO_OFTEN, /* too many of this address have failed */
    REALM_LOGIN_FULL,      /* too many wait to be verified */
    REALM_LOGIN_NOMEM,
};

enum {
    REALM_LOGIN_KEY_BYTES = 1 + AUTH_BASIC_USER_MAX /* more than of an address */
};

/** Called once for each REALM_LOGIN_WAIT, never from inside realm_login_with(): RIGHT or WRONG.
 */
typedef void realm_login_done(void *ctx, enum realm_login_verdict verdict);

/** What all logins of a worker share; borrowed for a login's life. */
struct realm_login_env {
    const struct realm_conf *conf; /* the present one */
    struct auth_desk *desk;        /* NULL only where there are no users */
    const struct log *log;
    struct metric_sheet *metrics; /* NULL: nothing is counted */
};

/* realm_login.c's own. */
struct realm_login {
    const struct realm_login_env *env;
    struct realm_clients_client *client; /* borrowed; NULL: failures are not counted */
    const struct addr *host;             /* borrowed for its life */
    realm_login_done *done;
    void *ctx;
    struct auth_job *job; /* NULL: none runs */
    msec asked;           /* when it began */
    bool is_in;           /* as a user or as an anonymous client */
    bool is_stale;        /* what the job verifies does not count any more */
    unsigned denials;     /* realm_access.c's: what was refused to it and said in the log */
    size_t name_len;      /* 0: anonymous */
    uint8_t *name;        /* owned; NULL when nobody has given a name */
};

/** Takes no memory. `client` is where failures are counted; `host` stays where it is. */
void realm_login_init(struct realm_login *login, const struct realm_login_env *env,
                      const struct addr *host, struct realm_clients_client *client,
                      realm_login_done *done, void *ctx);

/** Nothing will be called. Who it is stays, for the log. May be called twice. */
void realm_login_cancel(struct realm_login *login);

/** The same, and it is nobody. */
void realm_login_fini(struct realm_login *login);

/** It is nobody again: HTTP's next request says for itself whose it is. None may be verified.
 */
void realm_login_forget(struct realm_login *login);

/** The configuration is another; `before` were the users until now, NULL: there were none. It
 * is in no more when its user is gone or has another password, or, if it is anonymous, when
 * such clients are not let in. Its name stays, for a sentence. */
void realm_login_review(struct realm_login *login, const struct htpasswd *before);

/** It becomes who the other is: a session that outlives the connection that began it. */
must_check enum err realm_login_copy(struct realm_login *login, const struct realm_login *from);

/** No credentials were given. RIGHT: it is in, as before or as an anonymous client. NEEDED. */
must_check enum realm_login_verdict realm_login_without(struct realm_login *login);

/** These were given; whoever it was before, it is nobody until they are right. */
must_check enum realm_login_verdict realm_login_with(struct realm_login *login,
                                                     struct span user, struct span password,
                                                     msec now);

/** For the client: what to say about a verdict that is not RIGHT or WAIT. */
const char *realm_login_sentence(enum realm_login_verdict verdict);

static inline bool realm_login_is_in(const struct realm_login *login)
{
    return login->is_in;
}

static inline bool realm_login_is_waiting(const struct realm_login *login)
{
    return login->job != NULL;
}

/** Whose account things are counted in: the user's, or that of an anonymous client's address.
 */
struct span realm_login_key(const struct realm_login *login,
                            uint8_t room[REALM_LOGIN_KEY_BYTES]);

/** For realm_acl_judge(). Borrowed from the login. */
struct realm_acl_subject realm_login_subject(const struct realm_login *login);
