/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "store/store_nats_lease.h"

#include "store/store_nats_apply.h"
#include "store/store_nats_out.h"
#include "store/store_nats_snap.h"
#include "store/store_nats_tell.h"

enum {
    BEAT_EVERY = 2500,    /* ms */
    LEASE = 8000,         /* ms from when a word was sent that the log has */
    SILENCE_MAX = 10000,  /* ms from when a word was heard; behind the lease, come what may */
    PROGRESS_WAIT = 3000, /* ms, before what was sent and is not seen is sent again */
};

bool store_nats_lease_is_joined(struct store_nats *nats)
{
    return store_nats_state_author(&nats->state, nats->self) != NULL;
}

static void prolong(struct store_nats *nats, const struct store_nats_item *item)
{
    if (nats->lease == MSEC_NEVER || item->sent + LEASE > nats->lease) {
        nats->lease = item->sent + LEASE;
    }
}

void store_nats_lease_heard(struct store_nats *nats, struct store_nats_state_author *author,
                            struct store_nats_item *take_item)
{
    author->heard = nats->now;
    if (take_item != NULL) {
        prolong(nats, take_item);
        nats->is_beating = false;
        store_nats_out_free(take_item);
    }
}

void store_nats_lease_changed(struct store_nats *nats, const struct store_nats_lot *lot)
{
    const struct store_nats_entry_op *op = &lot->ops[0].op;

    if (op->type == STORE_NATS_ENTRY_JOIN && lot->head.author == nats->self) {
        if (!store_nats_lease_is_joined(nats)) {
            store_nats_apply_break(nats, "there are 64 realms already");
        } else if (lot->item != NULL) {
            nats->is_cut = false;
            nats->is_joining = false;
            prolong(nats, lot->item);
        }
    } else if (op->type == STORE_NATS_ENTRY_SNAPSHOT && lot->item != NULL) {
        store_nats_snap_end(nats);
    } else if (op->type == STORE_NATS_ENTRY_LEAVE && op->number == nats->self &&
               !nats->store.is_closing) {
        nats->lease = 0; /* others have given us up */
    }
}

/* ---- the connection ---- */

static void hear_all(struct store_nats *nats)
{
    for (size_t i = 0; i < nats->state.author_count; i++) {
        nats->state.authors[i].heard = nats->now; /* they could not be heard */
    }
}

void store_nats_lease_state(struct store_nats *nats)
{
    const struct store_nats_link_state *state = &nats->link_state;

    if (state->lost != NULL) {
        store_nats_apply_break(nats, state->lost);
        return;
    }
    if (!state->is_up && nats->ups_seen > 0 && !nats->was_lost) {
        nats->was_lost = true;
        log_warn(nats->conf.log, "store: the NATS server is lost; what is published waits");
    }
    if (state->is_up && state->ups != nats->ups_seen) {
        nats->ups_seen = state->ups;
        if (nats->was_lost) {
            log_notice(nats->conf.log, "store: the NATS server is back");
        }
        nats->was_lost = false;
        hear_all(nats);
        store_nats_out_again(nats);
    }
}

/* ---- what is due ---- */

static void end_lease(struct store_nats *nats)
{
    if (!nats->is_cut && nats->lease != MSEC_NEVER && nats->now >= nats->lease) {
        nats->is_cut = true;
        store_nats_tell_locks_lost(nats);
    }
    if (nats->is_cut && !nats->is_joining && nats->link_state.is_up) {
        nats->is_joining = store_nats_out_rejoin(nats) == OK;
    }
}

static void beat(struct store_nats *nats)
{
    if (!nats->is_beating && nats->now + LEASE - BEAT_EVERY >= nats->lease &&
        store_nats_lease_is_joined(nats) && !nats->store.is_closing) {
        nats->is_beating =
            store_nats_out_word(nats, STORE_NATS_ENTRY_BEAT, nats->state.at.place) == OK;
    }
}

static void accuse_silent(struct store_nats *nats)
{
    for (size_t i = 0; i < nats->state.author_count; i++) {
        struct store_nats_state_author *author = &nats->state.authors[i];

        if (author->image.id != nats->self && nats->now - author->heard > SILENCE_MAX &&
            store_nats_out_word(nats, STORE_NATS_ENTRY_LEAVE, author->image.id) == OK) {
            author->heard = nats->now; /* said once; and again, should it be lost */
        }
    }
}

static bool is_late(const struct store_nats *nats)
{
    const struct store_nats_item *item =
        list_is_empty(&nats->items)
            ? NULL
            : LIST_ENTRY(nats->items.next, struct store_nats_item, node);
    msec since;

    if (item == NULL || !item->is_sent) {
        return false;
    }
    since = nats->progress > item->sent ? nats->progress : item->sent;
    return nats->now - since > PROGRESS_WAIT;
}

void store_nats_lease_tick(struct store_nats *nats)
{
    end_lease(nats);
    if (nats->link_state.is_up && !nats->is_broken) {
        beat(nats);
        accuse_silent(nats);
        if (nats->wants_again || is_late(nats)) {
            store_nats_out_again(nats);
        }
    }
    store_nats_out_expire(nats);
}
