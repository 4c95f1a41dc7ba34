/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What can only be checked once all <Proxy> sections are read: that rules which need a login
 * find all that it takes, in their own section or in one that surely applies as well.
 */
#pragma once

#include "conf/diag.h"
#include "proxy/proxy_policy.h"

/** Says all in the diag. */
void proxy_policy_check(const struct proxy_policy *policy, struct diag *diag);
