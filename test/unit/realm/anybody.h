/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A client who is in without a name: for tests that are not about who asks.
 */
#pragma once

#include "realm/realm_login.h"

static inline struct realm_login *anybody(void)
{
    static const struct realm_conf conf = {.access = {.allows_anonymous = true,
                                                      .channels_per_user = 100,
                                                      .durables_per_user = 100}};
    static const struct realm_login_env env = {.conf = &conf};
    static struct realm_login login;
    static struct addr host;

    realm_login_init(&login, &env, &host, NULL, NULL, NULL);
    (void)!realm_login_without(&login);
    return &login;
}
