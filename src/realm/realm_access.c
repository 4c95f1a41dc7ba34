/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_access.h"

#include "base/text.h"
#include "realm/realm_conf_route.h"

#include <stdio.h>

enum {
    NAME_TEXT_BYTES = 96
};

static void say(struct realm_login *login, const struct realm_acl_verdict *verdict,
                const char *sentence)
{
    char text[REALM_ACL_TEXT_BYTES];

    login->denials++;
    if (login->denials <= REALM_ACCESS_LOGGED_MAX) {
        log_info(login->env->log, "%s (%s)%s", sentence, realm_acl_verdict_text(verdict, text),
                 login->denials < REALM_ACCESS_LOGGED_MAX
                     ? ""
                     : "; what else is refused on this connection is not logged");
    }
}

static struct realm_acl_verdict judge(const struct realm_login *login,
                                      enum realm_acl_right right, struct span name)
{
    const struct realm_conf *conf = login->env->conf;
    const struct realm_acl_subject subject = realm_login_subject(login);

    return realm_acl_judge(conf->access.has_rules ? realm_conf_route_acl(conf, name) : NULL,
                           right, &subject);
}

bool realm_access_has(const struct realm_login *login, enum realm_acl_right right,
                      struct span name)
{
    return realm_login_is_in(login) && judge(login, right, name).may;
}

bool realm_access_may(struct realm_login *login, enum realm_acl_right right, struct span name,
                      char sentence[REALM_ACCESS_SENTENCE_BYTES])
{
    const struct realm_acl_subject subject = realm_login_subject(login);
    struct realm_acl_verdict verdict = judge(login, right, name);
    char who[REALM_ACL_TEXT_BYTES], shown[NAME_TEXT_BYTES];

    if (!realm_login_is_in(login)) {
        snprintf(sentence, REALM_ACCESS_SENTENCE_BYTES, "%s",
                 realm_login_sentence(REALM_LOGIN_NEEDED));
        return false;
    }
    if (verdict.may) {
        return true;
    }
    snprintf(sentence, REALM_ACCESS_SENTENCE_BYTES, "%s may not %s %s",
             realm_acl_subject_text(&subject, who), realm_acl_right_phrase(right),
             text_printable(name, shown, sizeof shown));
    verdict.acl = realm_conf_route_acl(login->env->conf, name);
    say(login, &verdict, sentence);
    return false;
}
