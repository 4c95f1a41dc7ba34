/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Realms that share a store, and in it one queue. Their readers come, go, commit and roll back
 * as chance wants it, realms end without a word and begin again, or have no server for a while,
 * and each hears of the others early or late. What readers are sent is compared with what there
 * can be: each event is with one reader at a time, none is lost, none is consumed twice, counts
 * of returns are right, what nobody has had before comes in order, and windows are respected.
 *
 *     queue_shared_sim [SEED]     that one alone
 */
#include "sim/store/queue_shared_world.h"

enum {
    SEEDS = 1500,
    STEPS = 500,
};

/* ---- acknowledgements ---- */

static void settle(struct commit *commit, bool is_committed)
{
    struct world *world = commit->realm->world;

    commit->is_on = false;
    if (is_committed) {
        must(world->events[commit->number].where == HELD);
        world->events[commit->number].where = DONE;
    } else {
        struct known *event = &world->events[commit->number];

        must(event->where == HELD);
        event->where = FREE;
        event->returns += event->returns == 0;
    }
    queue_reader_settle(&commit->claim, is_committed);
}

static void on_committed(struct router_ticket *ticket, enum err e,
                         const struct router_receipt *receipts, size_t count)
{
    (void)receipts, (void)count;
    settle(LIST_ENTRY(ticket, struct commit, ticket), e == OK);
}

static void commit(struct world *world, struct realm *realm, struct seat *seat)
{
    struct commit *commit = &realm->commits[dice(world, COMMITS)];
    struct router_removal removal;
    unsigned number;

    if (!seat->is_on || seat->held_count == 0 || commit->is_on) {
        return;
    }
    number = seat->held[dice(world, (unsigned)seat->held_count)];
    *commit = (struct commit){
        .ticket.done = on_committed, .realm = realm, .number = number, .is_on = true};
    queue_reader_claim_init(&commit->claim);
    must(queue_reader_claim(&seat->reader, eid_of(world, seat, number), QUEUE_READER_ONE, false,
                            &commit->claim));
    queue_reader_seal(&seat->reader, &commit->claim);
    drop_held(seat, number);
    must(queue_set_removals(&commit->claim, &removal) == 1);
    must(router_publish_commit(
             &realm->router,
             &(struct router_transaction){.removals = &removal, .removal_count = 1},
             &commit->ticket) == OK);
}

/* ---- a run ---- */

static void act_in(struct world *world, struct realm *realm)
{
    struct seat *seat = &realm->seats[dice(world, READERS)];
    unsigned number = dice(world, 200);

    if (number < 40) {
        publish(world, realm);
    } else if (number < 50 && !seat->is_on) {
        join(world, realm, seat);
    } else if (number < 54) {
        leave(world, seat);
    } else if (number < 100) {
        send_one(world, seat);
    } else if (number < 120) {
        commit(world, realm, seat);
    } else if (number < 135) {
        roll_back(world, seat);
    } else if (number < 190) {
        store_mem_run(realm->store, dice(world, 6));
        tidy(realm);
    } else if (number < 192) {
        realm->is_cut_off =
            world->has_ends && !realm->is_cut_off; /* for less time than its locks last */
        realm->was_cut_off = realm->was_cut_off || realm->is_cut_off;
        store_mem_fail(realm->store, realm->is_cut_off ? ERR_CLOSED : OK);
    } else if (number < 195) {
        world->now += 700;
    } else if (number < 197 && world->has_ends) {
        end_realm(world, realm, world->has_deaths && dice(world, 2) == 0);
    }
}

static void act(struct world *world)
{
    struct realm *realm = &world->realms[dice(world, (unsigned)world->realm_count)];

    if (realm->store != NULL) {
        act_in(world, realm);
    } else if (dice(world, 20) == 0) {
        begin_realm(world, realm);
    }
}

/* Until nobody has anything to say. */
static void calm(struct world *world)
{
    for (int round = 0; round < 20; round++) {
        world->now += 1000;
        for (size_t i = 0; i < world->realm_count; i++) {
            store_mem_run(world->realms[i].store, SIZE_MAX);
            tidy(&world->realms[i]);
        }
    }
}

static void must_have_no_locks(const struct world *world)
{
    LIST_FOREACH (node, after, &world->disk->locks) {
        must(LIST_ENTRY(node, struct store_mem_disk_lock, node)->holder == NULL);
    }
}

static bool is_all_done(const struct world *world)
{
    bool is_done = true;

    for (unsigned i = 0; i < world->next; i++) {
        must(world->events[i].where != HELD);
        is_done = is_done && world->events[i].where != FREE;
    }
    return is_done;
}

static bool is_wanted(const struct world *world, unsigned number)
{
    for (size_t i = 0; i < world->realm_count * READERS; i++) {
        const struct seat *seat = &world->realms[i / READERS].seats[i % READERS];

        if (seat->is_on && seat->held_count < seat->reader.window &&
            number % seat->divisor == 0) {
            return true;
        }
    }
    return false;
}

/* Every reader takes what it can have, and then there is nothing that it could have. */
static void feed_all(struct world *world)
{
    bool has_sent = true;

    while (has_sent) {
        has_sent = false;
        calm(world);
        for (size_t i = 0; i < world->realm_count * READERS; i++) {
            while (send_one(world, &world->realms[i / READERS].seats[i % READERS])) {
                has_sent = true;
            }
        }
    }
    for (unsigned i = 0; i < world->next; i++) {
        must(world->events[i].where != FREE || !is_wanted(world, i));
    }
}

/* Nobody reads any more, and then somebody comes who takes everything. */
static void drain(struct world *world)
{
    struct realm *last = &world->realms[dice(world, (unsigned)world->realm_count)];
    const struct queue_reader_conf conf = {.window = 5, .is_plain = true};

    for (size_t i = 0; i < world->realm_count; i++) {
        struct realm *realm = &world->realms[i];

        if (realm->store == NULL) {
            begin_realm(world, realm);
        }
        store_mem_fail(realm->store, OK);
    }
    feed_all(world);
    for (size_t i = 0; i < world->realm_count * READERS; i++) {
        leave(world, &world->realms[i / READERS].seats[i % READERS]);
    }
    calm(world);
    must_have_no_locks(world);
    last->seats[0] = (struct seat){.realm = last, .is_on = true, .divisor = 1};
    must(queue_reader_attach(&last->seats[0].reader, last->queue, &conf) == OK);
    for (int round = 0; round < EVENTS * 2 && !is_all_done(world); round++) {
        for (size_t i = 0; i < world->realm_count; i++) {
            store_mem_run(world->realms[i].store, SIZE_MAX);
            tidy(&world->realms[i]);
        }
        while (send_one(world, &last->seats[0])) {
            ;
        }
    }
    must(is_all_done(world));
    calm(world);
    leave(world, &last->seats[0]);
    for (size_t i = 0; i < world->realm_count; i++) {
        must(queue_count(world->realms[i].queue) == 0);
        must(channel_count(&world->realms[i].route->channel) == 0);
        must(world->realms[i].route->stream->count == 0);
        must(list_is_empty(&world->realms[i].set.desk.untidy));
    }
    /* They are forgotten with their events, unless nobody was there to do it. */
    must(world->has_ends || list_is_empty(&world->disk->locks));
}

static void run(uint64_t seed, size_t *sent, size_t *again, size_t *moved)
{
    static struct world room;
    struct world *world = &room;

    *world = (struct world){.seed = seed, .rng = rng_seeded(seed), .now = 1000};
    world->realm_count = 2 + dice(world, 2);
    world->has_ends = dice(world, 3) > 0;
    world->has_deaths = world->has_ends && dice(world, 2) == 0;
    must(store_mem_disk_new(&world->disk) == OK);
    for (size_t i = 0; i < world->realm_count; i++) {
        begin_realm(world, &world->realms[i]);
    }
    for (world->step = 0; world->step < STEPS; world->step++) {
        act(world);
    }
    drain(world);
    for (size_t i = 0; i < world->realm_count; i++) {
        end_realm(world, &world->realms[i], false);
    }
    store_mem_disk_free(world->disk);
    *sent += world->sent;
    *again += world->again;
    *moved += world->moved;
}

int main(int argc, char **argv)
{
    size_t sent = 0, again = 0, moved = 0;

    if (argc > 1) {
        run(strtoull(argv[1], NULL, 10), &sent, &again, &moved);
    } else {
        for (uint64_t seed = 1; seed <= SEEDS; seed++) {
            run(seed, &sent, &again, &moved);
        }
    }
    printf("%zu events sent, %zu of them again, %zu of these after another realm may have had "
           "them\n",
           sent, again, moved);
    return argc > 1 || (sent > SEEDS * 10 && again > SEEDS && moved > SEEDS) ? 0 : 1;
}
