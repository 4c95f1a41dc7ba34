/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Answers of the proxy's own, for which nobody else is asked.
 */
#pragma once

struct proxy_conn;

/** PAC scripts, TRACE and OPTIONS that end here. The connection may be gone afterwards. */
void proxy_exchange_own_answer(struct proxy_conn *conn);
