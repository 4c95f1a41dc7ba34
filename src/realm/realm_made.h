/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The channels and queues that administrators have made. Each has a rule of its own, in front
 * of the section that covers its name, and what was asked for is kept in the store: the rule is
 * made anew from it, and from the section, at each start and reload.
 *
 *     asked ── rule, route ── the store keeps it ── answered
 *                                  └── it does not: the route is removed again
 *
 * With Store memory they last until the realm stops. In a store that several realms share they
 * are those of all of them.
 */
#pragma once

#include "base/log.h"
#include "pubsub/router_admin.h"
#include "realm/realm_login.h"
#include "realm/realm_made_record.h"
#include "realm/realm_made_rule.h"

struct realm_made {
    struct router *router;         /* borrowed for its life */
    const struct log *log;         /* the same */
    const struct realm_conf *conf; /* borrowed until realm_made_adopt() */
    struct map map;                /* struct realm_made_one by name; owned */
};

/** One of them. */
struct realm_made_one {
    struct realm_made *made;
    struct realm_made_record record; /* what was asked, by whom */
    struct arena arena;              /* of the rule */
    struct router_rule rule;
    bool is_pending; /* the store has not yet said that it keeps it */
    bool is_usable;  /* false: the configuration does not let it be, and there is no rule */
    size_t name_len;
    uint8_t name[];
};

void realm_made_init(struct realm_made *made, struct router *router, const struct log *log);
void realm_made_fini(struct realm_made *made);

/** At the start, before router_declare(): what the store has kept. What cannot be used is a
 * line in the log. ERR_NOMEM, ERR_IO. */
must_check enum err realm_made_load(struct realm_made *made, const struct realm_conf *conf);

/** Another configuration, before router_adopt(). */
void realm_made_adopt(struct realm_made *made, const struct realm_conf *conf);

/** Behind router_declare(): the routes. One that cannot be opened is a line in the log. */
void realm_made_open(struct realm_made *made);

/** NULL when there is none of that name. */
const struct realm_made_one *realm_made_find(const struct realm_made *made, struct span name);

/** What an administrator asks for. Borrowed for the call. */
struct realm_made_request {
    struct span name; /* begins with "/" */
    enum router_kind kind;
    struct span attributes;    /* a JSON object, or empty */
    struct realm_login *login; /* who asks: may manage it, which was asked before */
};

enum realm_made_verdict {
    REALM_MADE_ASKED,    /* the ticket's `done` was called, or will be */
    REALM_MADE_ALREADY,  /* the same stands already */
    REALM_MADE_BAD,      /* the attributes; as with the others below the sentence says why */
    REALM_MADE_CONFLICT, /* with the configuration, or what stands already */
    REALM_MADE_DENIED,   /* it names another one, which the client may not use so */
    REALM_MADE_MISSING,
    REALM_MADE_FULL,
    REALM_MADE_BEHIND, /* the store is: later again */
    REALM_MADE_FAILED, /* the store has */
    REALM_MADE_NOMEM,
};

/** Makes it. `done` with anything but OK: it was not made. */
enum realm_made_verdict realm_made_put(struct realm_made *made,
                                       const struct realm_made_request *request,
                                       struct router_admin_ticket *ticket,
                                       char sentence[REALM_MADE_RULE_SENTENCE_BYTES]);

/** Removes a channel or queue that is not declared in the configuration, with its events and
 * durable subscriptions; with `force` also one that has subscribers. */
enum realm_made_verdict realm_made_remove(struct realm_made *made, enum router_kind kind,
                                          struct span name, bool force,
                                          struct router_admin_ticket *ticket,
                                          char sentence[REALM_MADE_RULE_SENTENCE_BYTES]);

/* ---- for the realm_made files ---- */

/** What the store has of it; it is among the others, without a rule. ERR_NOMEM; else the log
 *  says why it is not. */
must_check enum err realm_made_read(struct realm_made *made, struct span name,
                                    struct span value, struct realm_made_one **ret_one);

/** Its rule. One that cannot be is a line in the log, as for the next. */
void realm_made_build(struct realm_made_one *one);
void realm_made_open_one(const struct realm_made_one *one);

/** It is no more, and its rule neither. The route is another matter. */
void realm_made_drop(struct realm_made_one *one);

/** The route goes, in memory alone: the store has nothing of it, or somebody else tells it.
 *  Nothing happens when there is none. */
void realm_made_drop_route(struct router *router, struct span name);
