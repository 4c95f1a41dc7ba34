/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_http_login.h"

#include "realm/realm_access.h"

enum {
    CHALLENGE_BYTES_MAX = 1024
};

enum realm_login_verdict realm_http_login_begin(struct realm_login *login,
                                                const struct http1_head *head, msec now)
{
    const struct http1_field *field = http1_fields_find(head->fields, SPAN("authorization"));
    enum realm_login_verdict verdict;
    struct auth_basic basic;
    enum err e;

    if (field == NULL || login->env->conf->access.users == NULL) {
        return realm_login_without(login);
    }
    if (http1_fields_count(head->fields, SPAN("authorization")) > 1) {
        return REALM_LOGIN_WRONG;
    }
    e = auth_basic_read(field->value, &basic);
    if (e == ERR_AGAIN) { /* another scheme */
        return realm_login_without(login);
    }
    if (e != OK) {
        return REALM_LOGIN_WRONG;
    }
    verdict = realm_login_with(login, basic.user, basic.password, now);
    auth_basic_wipe(&basic);
    return verdict;
}

/* RFC 9110 section 11.6.1: a 401 has a challenge. */
static enum err challenge(const struct realm_http_question *question, const char *sentence)
{
    struct realm_http_question_answer answer = {.status = 401};
    struct buf value;
    enum err e;

    buf_init(&value, CHALLENGE_BYTES_MAX);
    e = auth_basic_challenge(question->env->conf->access.realm_name, &value);
    if (e == OK) {
        realm_http_question_add(&answer, SPAN("WWW-Authenticate"), buf_span(&value));
        e = realm_http_question_give_refusal(question, &answer, sentence);
    }
    buf_fini(&value);
    return e;
}

enum err realm_http_login_admit(const struct realm_http_question *question, bool may_wait,
                                bool *ret_may)
{
    enum realm_login_verdict verdict = question->env->login_verdict;
    const char *sentence = realm_login_sentence(verdict);

    *ret_may = verdict == REALM_LOGIN_RIGHT || (verdict == REALM_LOGIN_NEEDED && may_wait);
    switch (verdict) {
    case REALM_LOGIN_RIGHT: return OK;
    case REALM_LOGIN_NEEDED: return may_wait ? OK : challenge(question, sentence);
    case REALM_LOGIN_WRONG: return challenge(question, sentence);
    case REALM_LOGIN_TOO_OFTEN: return realm_http_question_refuse(question, 429, sentence);
    case REALM_LOGIN_FULL: return realm_http_question_refuse(question, 503, sentence);
    case REALM_LOGIN_WAIT:
    case REALM_LOGIN_NOMEM: break;
    }
    return ERR_NOMEM;
}

enum err realm_http_login_may(const struct realm_http_question *question,
                              enum realm_acl_right right, struct span name, bool *ret_may)
{
    const struct realm_login *login = question->env->login;
    char sentence[REALM_ACCESS_SENTENCE_BYTES];

    *ret_may = realm_access_may(question->env->login, right, name, sentence);
    if (*ret_may) {
        return OK;
    }
    if (realm_login_subject(login).user.len == 0 && question->env->conf->access.users != NULL) {
        return challenge(question, sentence);
    }
    return realm_http_question_refuse(question, 403, sentence);
}

enum err realm_http_login_may_still(const struct realm_http_question *question,
                                    enum realm_acl_right right, struct span name, bool *ret_may)
{
    if (realm_login_is_in(question->env->login)) {
        return realm_http_login_may(question, right, name, ret_may);
    }
    *ret_may = false;
    return challenge(question, realm_login_sentence(REALM_LOGIN_NEEDED));
}
