/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * After a reload: whether a session that is open may go on. Its user must still be let in, and
 * it must still have the right to each of its subscriptions; else it ends, as it does for a
 * channel that was removed, with an ERROR that says why. What it asks for from now on is judged
 * by the new rules anyway.
 */
#pragma once

#include "realm/realm_stomp_inside.h"

/** Errors as realm_stomp_take(). */
must_check enum err realm_stomp_review(struct realm_stomp *stomp, msec now);
