/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/router_admin.h"

#include "pubsub/router_shared.h"

#include <stdlib.h>

enum {
    OPS_MAX = 2 /* of one work */
};

struct router_admin_work {
    struct router_admin_ticket *ticket; /* borrowed; NULL: cancelled */
    struct router_route *route;         /* held; NULL: it is about none */
    uint64_t eid;                       /* events below it are purged */
    bool removes;
    struct router_admin_state state; /* apply may be NULL */
    struct store_op ops[OPS_MAX];
    size_t op_count;
};

static size_t purge(struct router_route *purged, uint64_t eid)
{
    struct router *router = purged->router;
    struct router_route *route = router_shared_heir(purged);
    size_t count;

    if (route == NULL) {
        return 0;
    }
    router->is_told = true;
    count = channel_purge(&route->channel, eid);
    router->is_told = false;
    return count;
}

static void finish(struct router_admin_work *work, enum err e)
{
    struct router_admin_ticket *ticket = work->ticket;
    size_t count = 0;

    if (work->removes) {
        router_unname(work->route);
    } else if (work->route != NULL && e == OK) {
        count = purge(work->route, work->eid);
    }
    if (work->state.apply != NULL) {
        work->state.apply(work->state.ctx, e);
    }
    if (work->route != NULL) {
        router_release(work->route);
    }
    free(work);
    if (ticket != NULL) {
        ticket->work = NULL;
        ticket->done(ticket, e, count);
    }
}

static void on_stored(void *ctx, enum err e, const uint64_t *eids)
{
    (void)eids;
    finish(ctx, e);
}

static void add_op(struct router_admin_work *work, struct store_op op)
{
    work->ops[work->op_count++] = op;
}

static enum err begin(struct router *router, const struct router_admin_work *parts,
                      struct router_admin_ticket *ticket)
{
    struct router_admin_work *work = malloc(sizeof *work);
    struct store *store = router->conf.store;
    enum err e = OK;

    if (work == NULL) {
        return ERR_NOMEM;
    }
    *work = *parts;
    work->ticket = ticket;
    if (store != NULL && work->op_count > 0) {
        e = store_submit(store, work->ops, work->op_count, on_stored, work);
    }
    if (e != OK) {
        free(work);
        return e;
    }
    ticket->work = work;
    if (work->route != NULL) {
        router_hold(work->route);
    }
    if (work->removes) {
        router_leave(work->route);
    }
    if (store == NULL || work->op_count == 0) {
        finish(work, OK);
    }
    return OK;
}

enum err router_admin_keep(struct router *router, const struct router_admin_state *state,
                           struct router_admin_ticket *ticket)
{
    struct router_admin_work work = {.state = *state};

    add_op(&work, state->op);
    return begin(router, &work, ticket);
}

enum err router_admin_purge(struct router_route *route, uint64_t eid,
                            struct router_admin_ticket *ticket)
{
    uint64_t next = route->channel.next_eid;
    struct router_admin_work work = {.route = route, .eid = eid < next ? eid : next};

    if (route->channel.stream != NULL) {
        add_op(&work,
               (struct store_op){.type = STORE_TRIM, .stream = route->stream, .eid = work.eid});
    }
    return begin(route->router, &work, ticket);
}

enum err router_admin_remove(struct router_route *route, const struct router_admin_state *state,
                             struct router_admin_ticket *ticket)
{
    struct router_admin_work work = {.route = route, .removes = true};

    assert(!route->is_gone);
    if (route->channel.stream != NULL) {
        add_op(&work, (struct store_op){.type = STORE_PURGE, .stream = route->stream});
    }
    if (state != NULL) {
        work.state = *state;
        add_op(&work, state->op);
    }
    return begin(route->router, &work, ticket);
}

void router_admin_cancel(struct router_admin_ticket *ticket)
{
    if (ticket->work != NULL) {
        ticket->work->ticket = NULL;
        ticket->work = NULL;
    }
}
