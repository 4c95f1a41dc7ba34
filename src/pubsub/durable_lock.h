/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * One reader for a durable subscription, in whichever realm of a shared store: its reader's
 * realm holds a lock of the name. Nobody waits for it: who subscribes begins to read at once,
 * and is lost when it turns out that somebody else was faster.
 *
 *     opened ── asked ──▶ ours: the place may be written
 *                 └─────▶ another realm's: the reader is lost
 *     closed ── given back, with the place, so that the next one begins there
 *
 * When the server is lost, so is the lock, but the reader stays: nothing new comes from there.
 * The lock is asked for again at once, and whenever the place moves.
 *
 * For the durable files alone. Nothing happens when the store is not shared.
 */
#pragma once

#include "pubsub/durable.h"

/** Somebody begins to read, or goes on. ERR_AGAIN: another realm's reader has it, as far as is
 *  known, or the store is behind; ERR_NOMEM. */
must_check enum err durable_lock_ask(struct durable *durable);

/** Whether the place may be written. */
bool durable_lock_may_write(const struct durable *durable);

/** The place has moved: ask again, should that be needed. */
void durable_lock_keep(struct durable *durable);

/** Nobody reads any more. `is_forgotten`: nothing is left for the next one. */
void durable_lock_give_back(struct durable *durable, bool is_forgotten);

/** For durable_set_locked(). */
void durable_lock_changed(struct durable *durable, enum store_lock_state state,
                          struct span value);
