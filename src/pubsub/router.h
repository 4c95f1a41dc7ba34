/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The realm's channels and queues by name; each is a route. A route is made at the start when a
 * rule has exactly its name, or when it is first used and a pattern covers it. Publishing goes
 * through here (router_publish.h), so that every view sees every event.
 *
 * A rule may also be made for one name while the realm runs (router_made_put()), and a route be
 * removed (router_admin.h).
 *
 * A name begins with "/"; without it the same route is meant. What begins with "/$" names no
 * route: such names are for what is none (doc/wire.md).
 *
 * Wall time is told by the owner, with router_set_now(), before anything that depends on it:
 * publishing, reading, expiry.
 */
#pragma once

#include "base/rng.h"
#include "pubsub/account.h"
#include "pubsub/durable.h"
#include "pubsub/view.h"

enum {
    ROUTER_NAME_MAX = 255 /* bytes of a route's name, the first "/" included */
};

enum router_kind {
    ROUTER_CHANNEL, /* every reader gets each event */
    ROUTER_QUEUE,   /* each event goes to one reader */
    ROUTER_GROUP,   /* each event goes to the data streams that are in it: datagroup.h */
};

/** Copies of a channel's events go to another channel, or to a queue. All borrowed as the rule
 * is.
 */
struct router_join {
    struct span to;       /* a name */
    struct span selector; /* which events; it was parsed without a fault. Empty: every event */
};

/** "/demo/ *" and what a route is like whose name it covers. */
struct router_rule {
    struct span pattern; /* base/text's text_glob(); borrowed as the rule is */
    enum router_kind kind;
    bool is_closed; /* using a name that it covers makes no route */
    struct channel_conf channel;
    struct span dead_events; /* where dead ones go, a name; empty: nowhere. Borrowed likewise */
    const struct router_join *joins;
    size_t join_count;
    size_t redelivery_max; /* queues: how often an event may come back; 0: for ever */
    size_t window_max;     /* queues: events that one reader may have at once */
    bool has_all_streams;  /* groups: every data stream is in it */
    void *access; /* borrowed likewise; who may do what: the owner's own, not looked at */
};

struct router_limits {
    size_t channels;    /* routes of either kind */
    size_t store_bytes; /* of all routes: past it a publish costs its route old events */
    size_t ring_bytes;  /* of all views */
    size_t durables;    /* names of durable subscriptions */
    struct view_limits view;
};

struct router_conf {
    const struct router_rule *rules; /* borrowed until router_adopt(); the first that fits */
    size_t rule_count;
    struct router_limits limits;
    struct store *store; /* borrowed; closed before the router ends. NULL: there is none */
};

struct router;
struct router_route;
struct router_forward_join;

/** A joined or dead event that could not be passed on, and is counted. */
struct router_uncopied {
    const struct router_route *from;
    struct span to;  /* as the rule has it */
    bool is_dead;    /* to dead_events; else by a join */
    const char *why; /* behind a colon; static storage */
};

/** What a queue wants to know about its events. */
struct router_hooks {
    /** It was published, and is stored. Borrowed for the call. */
    void (*on_event)(void *ctx, const struct event *event);
    /** It is stored no longer. */
    void (*on_drop)(void *ctx, uint64_t eid, enum channel_drop why);
    /** The route ends in a moment; nobody reads from it. */
    void (*on_end)(void *ctx);
};

/** One channel with those who look at it, or the events of one queue. */
struct router_route {
    struct router *router;          /* borrowed */
    const struct router_rule *rule; /* borrowed until router_adopt(); NULL: none covers it */
    enum router_kind kind;
    size_t redelivery_max; /* of the rule that it was made by, as is the next */
    size_t window_max;
    struct channel channel;
    struct view_set views;
    struct store_stream *stream; /* borrowed from the store; NULL: nothing of it is there */
    bool is_behind;              /* router_shared.c's: events are stored that are not here */
    uint64_t reserved_eid;       /* reliable: EIDs below are ours to give */
    uint64_t asked_eid;          /* the same, when the store has said so; 0: not asked */
    struct heap_node due; /* in router->expiries, always; at the channel's deadline or before */
    struct router_forward_join *joins; /* router_forward.c's own */
    size_t join_count;
    const struct router_hooks *hooks; /* NULL: nobody wants to know */
    void *hooks_ctx;                  /* borrowed from who set them */
    struct list subs; /* session.c's: struct session_sub, of those who subscribe or read */
    size_t holders;   /* see router_hold() */
    struct account *account; /* whose first use has made it; NULL: nobody's */
    bool is_gone;  /* it was removed: it is found by nobody, and its events are gone */
    bool is_named; /* it is among the router's routes */
};

struct router {
    struct router_conf conf;
    struct rng *rng; /* borrowed: epochs */
    struct map routes;
    struct map made;      /* by name: const struct router_rule, before all others */
    struct map opening;   /* routes that are being read from the store, and none yet */
    struct heap expiries; /* of all routes */
    struct list orphans;  /* struct session_sub, which are to end: session.c's */
    struct account_set accounts;
    struct durable_set durables;  /* of all channels */
    struct channel_budget budget; /* memory of the events of all channels */
    struct view_room room;
    struct buf removals; /* struct store_op: what the store has still to be told */
    bool is_told;        /* the store knows already about what is dropped just now */
    enum err (*on_group)(void *ctx, struct router_route *route); /* one of that kind is being
                                  made: sets its hooks. NULL: nobody knows groups */
    void *on_group_ctx;                                          /* borrowed from who set it */
    bool is_theirs; /* so it does; and another realm buries it */
    /** What the store has told may have made views dirty, or readers orphans. The owner's to
     * set; NULL: nobody waits. */
    void (*on_news)(void *ctx);
    void *on_news_ctx; /* borrowed */
    uint64_t uncopied; /* to be read: joined or dead events that could not be passed on */
    /** It is counted already. May only log: a publish is in the middle of its work. The owner's
     * to set; NULL: nobody wants to know. */
    void (*on_uncopied)(void *ctx, const struct router_uncopied *uncopied);
    void *on_uncopied_ctx; /* borrowed */
    size_t dirty_bytes;    /* framed since the last dirty view was taken */
};

enum router_verdict {
    ROUTER_FOUND,
    ROUTER_MISSING,  /* no rule covers the name, or not any more; or one that makes nothing */
    ROUTER_BAD_NAME, /* empty, too long, not UTF-8, "/$...", or with a control character */
    ROUTER_FULL,     /* limits.channels are in use */
    ROUTER_NOMEM,
    ROUTER_FAILED, /* the store said no */
};

void router_init(struct router *router, const struct router_conf *conf, struct rng *rng);

/** Other rules from now on, and another limits.store_bytes; other limits stay. Routes that
 * exist take over joins and where dead events go, and stay as they are else; but one that no
 * rule covers any more is not found: nobody says who may use it. ERR_NOMEM: some routes have no
 * joins. */
must_check enum err router_adopt(struct router *router, const struct router_conf *conf);

/** Every cursor must be detached, every publish done or cancelled. */
void router_fini(struct router *router);

/** Makes the routes whose rules have exactly one name. ERR_LIMIT: limits.channels are fewer, or
 *  the store takes no more; ERR_IO: the store said no; ERR_NOMEM. */
must_check enum err router_declare(struct router *router);

/** Finds or makes the route. *ret_route is set with ROUTER_FOUND, and lives as long as somebody
 *  holds it, or nobody removes it. */
enum router_verdict router_open(struct router *router, struct span name,
                                struct router_route **ret_route);

/**
 * Whether router_open() would take no longer than a turn may. False: a part of what is stored
 * under that name was read; it is to be asked again in the next turn. Nobody need ask: what is
 * missing then is read by router_open().
 */
bool router_is_ready(struct router *router, struct span name);

/** It was made because of whoever that is the key of: it counts in that account until it ends.
 *  Nothing happens when the store had events of it already. ERR_NOMEM. */
must_check enum err router_own(struct router_route *route, struct span key);

/** The route of that name, which begins with "/". NULL: it was not made, or is removed. */
struct router_route *router_find(const struct router *router, struct span name);

/** The rule that a route of that name, which begins with "/", is or would be made by; NULL. */
const struct router_rule *router_find_rule(const struct router *router, struct span name);

/** Who keeps the route in mind over a turn holds it: for subscriptions, publishes and
 *  transactions. Returns its argument. */
struct router_route *router_hold(struct router_route *route);

/** The last holder's release ends a route that was removed. */
void router_release(struct router_route *route);

/** For router_admin.c: the route goes, with its events in memory. Nobody finds it, but its name
 *  is taken until router_unname(). */
void router_leave(struct router_route *route);
void router_unname(struct router_route *route);

/** A rule for the one name that is its pattern, in place of any other for it. The rule is
 *  borrowed until router_made_drop(). ERR_LIMIT: as many as limits.channels; ERR_NOMEM. */
must_check enum err router_made_put(struct router *router, const struct router_rule *rule);

/** The route that was made by it, if it still is there, has no rule until router_adopt(). */
void router_made_drop(struct router *router, struct span name);

/** Milliseconds since 1970; never less than before. */
void router_set_now(struct router *router, uint64_t now);

/** When router_expire() has something to do, by the same clock; EVENT_NEVER. */
uint64_t router_deadline(const struct router *router);

/** What is expired now goes. */
void router_expire(struct router *router);

/** A view whose cursors have something to send: each of them is to be woken. NULL: none. */
struct view *router_next_dirty(struct router *router);

/** Whether there is anything for router_next_dirty(). */
static inline bool router_is_dirty(const struct router *router)
{
    return !list_is_empty(&router->room.dirty);
}

/** Whether publishers should wait: so much was framed and not yet sent to anybody that more
 * would push what fast readers have still to see out of the views; or the store is behind. */
static inline bool router_is_congested(const struct router *router)
{
    return (router_is_dirty(router) &&
            router->dirty_bytes > router->conf.limits.view.ring_bytes / 4) ||
           (router->conf.store != NULL && store_is_congested(router->conf.store));
}
