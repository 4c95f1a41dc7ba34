/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What stands in a <DataGroup> section: its rows, for a struct router_rule of kind
 * ROUTER_GROUP. Where events are not kept for those who come later there is little to say.
 */
#pragma once

#include "realm/realm_conf.h"

extern const struct directive realm_conf_group_rows[];

/** What no row says. */
void realm_conf_group_begin(struct router_rule *rule);
