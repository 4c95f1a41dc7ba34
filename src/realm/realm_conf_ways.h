/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Where events go by themselves, from one channel or queue to the next (Join, DeadEvents):
 * every way ends, and ends somewhere.
 */
#pragma once

#include "realm/realm_conf_route.h"

/** The first way that does not is said. */
void realm_conf_ways_check(const struct realm_conf *conf, const char *file, struct diag *diag);

/** The same for what begins at one rule, among those that `find` finds. */
void realm_conf_ways_check_one(const struct router_rule *rule, realm_conf_route_find *find,
                               const void *ctx, struct diag *diag);
