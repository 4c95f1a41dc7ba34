/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Publishers are told that the realm's log says why: it does here, once for each reason, and
 * once a minute at most where it comes and goes.
 */
#pragma once

#include "store/store_nats_inside.h"

/** What was published is not stored. `e` is ERR_LIMIT or ERR_IO; `code` is JetStream's error,
 *  0: there is no room left of StoreSize. */
void store_nats_refusal_say(struct store_nats *nats, enum err e, int code);

/** Something that needs room was stored. */
void store_nats_refusal_over(struct store_nats *nats);
