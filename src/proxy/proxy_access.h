/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Who asks, and may they? Puts the request in hand to proxy_policy, and finds out what that
 * lacks: the client's verified name, the user behind a password.
 */
#pragma once

struct proxy_conn;

/** The request in hand is understood. Ends in proxy_exchange_begin() or in a refusal, now or
 *  later; the connection may be gone afterwards. */
void proxy_access_begin(struct proxy_conn *conn);
