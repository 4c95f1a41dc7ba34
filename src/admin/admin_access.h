/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Who may ask the admin listener, and under which name. No I/O.
 *
 * A page in a browser on this host can send requests to 127.0.0.1 under its own name, once it
 * has pointed that name here (DNS rebinding), and read the answers. It cannot do so under an
 * address or as localhost; hence only those, and names that the operator wrote.
 */
#pragma once

#include "daemon/daemon_conf.h"
#include "http1/http1_head.h"

/** This host, and AdminAllow. `local` is the address that the client has reached us by. */
bool admin_access_admits(const struct daemon_conf_admin *conf, const struct addr *client,
                         const struct addr *local);

/** Whether a request's Host field is one that nobody else can own. A request of HTTP/1.0 may
 *  have none: no browser sends that. */
bool admin_access_knows_host(const struct daemon_conf_admin *conf,
                             const struct http1_head *head);
