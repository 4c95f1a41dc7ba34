/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Publishing what has changed: in a channel with a publish key an event may hold only those
 * members of its dictionary that differ from the event before it with the same key. What is
 * stored is the whole, so that who comes later gets it; who has the event before needs no more
 * than the change.
 *
 *     stored     {symbol: A, bid: 1, ask: 2}
 *     published  {symbol: A, bid: 3}            is_change
 *     stored     {symbol: A, bid: 3, ask: 2}    and the change goes to those who follow changes
 *
 * The first of the channel's keys says which event is before it, which may itself be on its way
 * to the store. Should the store refuse that one, what it has changed is in the next.
 */
#pragma once

#include "pubsub/channel.h"

/* The bytes of events that may be laid over: a change of a few bytes costs as much as the event
 * that it changes. */
enum {
    CHANNEL_MERGE_BYTES_A_TURN = 4 * 1024 * 1024,   /* before others are to have their turn */
    CHANNEL_MERGE_BYTES_AT_ONCE = 32 * 1024 * 1024, /* by who could not wait for the next */
};

/** Whether publishers should wait for the next turn, in which the time is told anew. */
static inline bool channel_merge_has_enough(const struct channel_budget *budget)
{
    return budget->merged >= CHANNEL_MERGE_BYTES_A_TURN;
}

/** Whether that is what a publish was refused for with ERR_AGAIN. */
static inline bool channel_merge_is_over(const struct channel_budget *budget)
{
    return budget->merged >= CHANNEL_MERGE_BYTES_AT_ONCE;
}

/**
 * The entry's event, made of `parts` and with its groups found, becomes the merged one, and its
 * change what it was. Nothing happens when there is no event before it, or one of the two has
 * no dictionary.
 *
 * ERR_LIMIT: the merged one is over the channel's store_bytes or the parts' merged_max;
 * ERR_AGAIN: too much was merged since the router was told the time; ERR_NOMEM; ERR_IO: the one
 * before could not be read.
 */
must_check enum err channel_merge(const struct channel *channel, struct channel_entry *entry,
                                  const struct event_parts *parts);
