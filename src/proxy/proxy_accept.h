/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A new client: is there room for it? Then it is a proxy_conn from here on.
 */
#pragma once

struct addr;
struct proxy_worker;

/** At a Listen. The socket is the connection's from now on, whatever happens. */
void proxy_accept(struct proxy_worker *worker, int fd, const struct addr *peer);

/** At a TransparentListen. */
void proxy_accept_transparent(struct proxy_worker *worker, int fd, const struct addr *peer);
