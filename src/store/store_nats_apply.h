/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * From the log to the mirror: message by message, in their order, the same in every realm.
 * store_nats_stage makes of an entry what it changes; here it is decided whether it counts,
 * and what comes of it when the mirror answers.
 */
#pragma once

#include "store/store_nats_inside.h"

/** Takes what the link has, and applies what it can. */
void store_nats_apply_news(struct store_nats *nats);

/** An item that failed, behind what is still to be told. False: there is no memory, and it is
 *  where it was. */
bool store_nats_apply_failed(struct store_nats *nats, struct store_nats_item *take_item);

/** Tells what is done. Not from inside store_submit(). */
void store_nats_apply_tell(struct store_nats *nats);

/** What was left behind for want of memory. */
void store_nats_apply_again(struct store_nats *nats);

/** Nothing is applied or accepted any more: the mirror and the log would part. */
void store_nats_apply_break(struct store_nats *nats, const char *why);

void store_nats_apply_fini(struct store_nats *nats);
