/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * %{name}x in a LogFormat: what httpd has no letter for, tunnels and what is in them above all.
 * The names are the rows at the end of the source. Part of proxy_logformat.
 */
#pragma once

#include "proxy/proxy_logformat.h"

/** NULL: there is no such name. */
proxy_logformat_put *proxy_logformat_tunnel_find(struct span name);
