/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_share.h"

#include "base/text.h"

#include <stdio.h>

enum {
    NAME_TEXT_BYTES = 96
};

static bool may(const struct realm_login *login, const struct router *router,
                enum account_thing thing)
{
    const struct realm_conf_access *access = &login->env->conf->access;
    const struct router_limits *limits = &router->conf.limits;
    bool is_channel = thing == ACCOUNT_CHANNELS;
    size_t used = map_count(is_channel ? &router->routes : &router->durables.map);
    size_t all = is_channel ? limits->channels : limits->durables;
    uint8_t room[REALM_LOGIN_KEY_BYTES];

    return account_may(account_count(&router->accounts, realm_login_key(login, room), thing),
                       is_channel ? access->channels_per_user : access->durables_per_user,
                       used < all ? all - used : 0);
}

/* "alice@192.0.2.7 has 500 of the durable subscriptions, as many as one may (DurablesPerUser)"
 */
static void say(const struct realm_login *login, const struct router *router,
                enum account_thing thing, char sentence[REALM_SHARE_SENTENCE_BYTES])
{
    const struct realm_conf_access *access = &login->env->conf->access;
    const struct realm_acl_subject subject = realm_login_subject(login);
    bool is_channel = thing == ACCOUNT_CHANNELS;
    size_t max = is_channel ? access->channels_per_user : access->durables_per_user;
    uint8_t room[REALM_LOGIN_KEY_BYTES];
    char who[REALM_ACL_TEXT_BYTES];

    snprintf(sentence, REALM_SHARE_SENTENCE_BYTES, "%s has %zu of the %s, %s (%s)",
             realm_acl_subject_text(&subject, who),
             account_count(&router->accounts, realm_login_key(login, room), thing),
             is_channel ? "channels that were made by their first use"
                        : "durable subscriptions",
             max > 0 ? "as many as one may" : "and no more than that are free",
             is_channel ? "ChannelsPerUser" : "DurablesPerUser");
}

/* Whether using the name would make a route. */
static bool is_new(const struct router *router, struct span name)
{
    const struct router_rule *rule;

    if (map_find(&router->routes, name) != NULL) {
        return false;
    }
    rule = router_find_rule(router, name);
    return rule != NULL && !rule->is_closed;
}

enum router_verdict realm_share_open(const struct realm_login *login, struct router *router,
                                     struct span name,
                                     char sentence[REALM_SHARE_SENTENCE_BYTES],
                                     struct router_route **ret_route)
{
    bool makes = is_new(router, name);
    bool is_full = map_count(&router->routes) >= router->conf.limits.channels;
    uint8_t room[REALM_LOGIN_KEY_BYTES];
    char shown[NAME_TEXT_BYTES];
    enum router_verdict verdict;

    if (makes && !is_full && !may(login, router, ACCOUNT_CHANNELS)) {
        say(login, router, ACCOUNT_CHANNELS, sentence);
        return ROUTER_FULL;
    }
    verdict = router_open(router, name, ret_route);
    if (verdict == ROUTER_FULL) {
        snprintf(sentence, REALM_SHARE_SENTENCE_BYTES,
                 "%s would be one channel more than the realm may have",
                 text_printable(name, shown, sizeof shown));
    }
    if (verdict == ROUTER_FOUND && makes &&
        router_own(*ret_route, realm_login_key(login, room)) != OK) {
        return ROUTER_NOMEM;
    }
    return verdict;
}

bool realm_share_may_name(const struct realm_login *login, const struct router *router,
                          char sentence[REALM_SHARE_SENTENCE_BYTES])
{
    /* That the realm has no more of them at all has a sentence of its own. */
    if (map_count(&router->durables.map) >= router->conf.limits.durables ||
        may(login, router, ACCOUNT_DURABLES)) {
        return true;
    }
    say(login, router, ACCOUNT_DURABLES, sentence);
    return false;
}

enum err realm_share_own(const struct realm_login *login, struct durable *durable)
{
    uint8_t room[REALM_LOGIN_KEY_BYTES];

    return durable_own(durable, realm_login_key(login, room));
}
