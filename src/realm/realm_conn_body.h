/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A request with a body that is read, and what is done with it: an event is published, or the
 * bytes are counted. For the realm_conn files alone.
 */
#pragma once

#include "realm/realm_conn_life.h"

/** The verdict asks for the body. */
void realm_conn_body_begin(struct realm_conn *conn);

/** It does not come fast enough. */
void realm_conn_body_refuse_late(struct realm_conn *conn);

/** Bytes of it, and perhaps of what comes behind it: *input is moved past what is the body's.
 *  The state is another one once the body is whole or refused. */
void realm_conn_body_take(struct realm_conn *conn, struct span *input);
