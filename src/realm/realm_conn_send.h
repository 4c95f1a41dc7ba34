/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Sending on a connection: what waits, one gather after the other, until nothing waits or the
 * stream is full; and the polite end of it. For the realm_conn files alone.
 */
#pragma once

#include "realm/realm_conn_life.h"

/** True when there is nothing more to send. */
bool realm_conn_send(struct realm_conn *conn);

/** All is said: tells the peer so, then REALM_CONN_LIFE_LINGERING. */
void realm_conn_send_end(struct realm_conn *conn);

/** While lingering: drop what still comes, until the peer has closed too. */
void realm_conn_send_linger(struct realm_conn *conn);
