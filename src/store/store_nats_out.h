/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What is on its way to the log: items in their order, until the log has them. They are sent
 * one behind the other without waiting for answers; when one was lost or refused, those behind
 * it do not count, and all that did not count are sent again, in a new round.
 */
#pragma once

#include "store/store_nats_inside.h"

/** ERR_NOMEM; otherwise the job is the item's. */
must_check enum err store_nats_out_job(struct store_nats *nats, struct store_job *take_job);

/** JOIN, BEAT, LEAVE or SNAPSHOT. ERR_NOMEM. */
must_check enum err store_nats_out_word(struct store_nats *nats, uint8_t type, uint64_t number);

/** ERR_NOMEM. */
must_check enum err store_nats_out_lock(struct store_nats *nats, struct span key,
                                        store_locked *done, void *ctx);

/** Without memory the end of our lease does it. */
void store_nats_out_unlock(struct store_nats *nats, struct span key, struct span value);

/** Sends what was not sent in this round. */
void store_nats_out_send(struct store_nats *nats);

/** Another round: sends all again. */
void store_nats_out_again(struct store_nats *nats);

/** The item whose last message has this number, if somebody still waits for it. */
struct store_nats_item *store_nats_out_find(struct store_nats *nats, uint64_t number);

/** A message of ours counts. Its item, when it was the last one of it; NULL: it was not, or
 *  nobody waits for it any more. The caller's. */
struct store_nats_item *store_nats_out_seen(struct store_nats *nats, uint64_t number);

/** The server did not take a message. */
void store_nats_out_refused(struct store_nats *nats, const struct store_nats_link_news *news);

/** Whether somebody waits to be told of one of them. */
bool store_nats_out_is_awaited(struct store_nats *nats);

/** What has waited for too long fails. */
void store_nats_out_expire(struct store_nats *nats);

/** As another author: what did not count will count as its. ERR_NOMEM: nothing has changed. */
must_check enum err store_nats_out_rejoin(struct store_nats *nats);

/** All that is left fails with this, in its turn. */
void store_nats_out_fail(struct store_nats *nats, enum err e);

/** The same at once, at the end. */
void store_nats_out_fini(struct store_nats *nats);

/** Without telling anybody, those that are applied included. */
void store_nats_out_drop(struct store_nats *nats);

void store_nats_out_free(struct store_nats_item *item);
