/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/queue_lock.h"

#include "lib/testing.h"
#include "pubsub/queue_reader.h"

struct world {
    struct queue_desk desk;
    struct queue queue;
    struct queue_reader readers[2];
};

static const struct queue_lock_left nothing = {0, 0};

static void begin(struct world *world, size_t redelivery_max)
{
    queue_desk_init(&world->desk);
    queue_init(&world->queue, &(struct queue_conf){SPAN("/q"), redelivery_max, 1, true},
               &world->desk);
    world->readers[0].queue = world->readers[1].queue = NULL;
}

static void end(struct world *world)
{
    struct queue_gone gone;

    queue_reader_detach(&world->readers[0]);
    queue_reader_detach(&world->readers[1]);
    while (queue_next_gone(&world->queue, &gone)) {
        event_unref(gone.event);
    }
    queue_fini(&world->queue);
}

static void put(struct world *world, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        struct event *event;

        assert_ok(event_new(world->queue.next_eid, &(struct event_parts){.time = 1}, &event));
        assert_ok(queue_put(&world->queue, event));
        event_unref(event);
    }
}

static void attach(struct world *world, size_t which, size_t window)
{
    assert_ok(queue_reader_attach(&world->readers[which], &world->queue,
                                  &(struct queue_reader_conf){.window = window}));
}

/* Those and no others are asked for. */
static void assert_wanted(struct world *world, const uint64_t *eids, size_t count)
{
    uint64_t eid;

    for (size_t i = 0; i < count; i++) {
        assert_true(queue_lock_next_wanted(&world->queue, &eid));
        assert_int_equal(eid, eids[i]);
    }
    assert_false(queue_lock_next_wanted(&world->queue, &eid));
}

static void answer(struct world *world, uint64_t eid, enum queue_lock_answer answer)
{
    assert_true(queue_lock_answered(&world->queue, eid, answer, nothing));
}

static bool is_woken(struct world *world, size_t which)
{
    bool is = !list_is_empty(&world->readers[which].woken);

    list_remove(&world->readers[which].woken);
    return is;
}

/* EID and returns; 0: nothing can be sent. */
static void assert_next(struct world *world, size_t which, uint64_t eid, size_t returns)
{
    struct queue_reader_delivery delivery;
    bool is_there = queue_reader_next(&world->readers[which], &delivery);

    assert_int_equal(is_there ? delivery.event->eid : 0, eid);
    assert_int_equal(is_there ? delivery.returns : 0, returns);
}

static void assert_sent(struct world *world, size_t which, uint64_t eid, size_t returns)
{
    assert_next(world, which, eid, returns);
    queue_reader_sent(&world->readers[which]);
}

static void assert_spare(struct world *world, uint64_t eid, uint32_t returns, uint32_t terms)
{
    struct queue_lock_left left;
    uint64_t found = 0;

    assert_int_equal(queue_lock_next_spare(&world->queue, &found, &left), eid != 0);
    assert_int_equal(found, eid);
    if (eid != 0) {
        assert_int_equal(left.returns, returns);
        assert_int_equal(left.terms, terms);
    }
}

static void assert_gone(struct world *world, uint64_t eid, enum queue_end end, bool is_locked)
{
    struct queue_gone gone;

    assert_true(queue_next_gone(&world->queue, &gone));
    assert_int_equal(gone.event->eid, eid);
    assert_int_equal(gone.end, end);
    assert_int_equal(gone.is_locked, is_locked);
    event_unref(gone.event);
}

static void assert_nothing_gone(struct world *world)
{
    struct queue_gone gone;

    assert_false(queue_next_gone(&world->queue, &gone));
}

static void roll_back(struct world *world, size_t which, uint64_t eid)
{
    assert_true(queue_reader_roll_back(&world->readers[which], eid, QUEUE_READER_ONE));
}

static void commit(struct world *world, size_t which, uint64_t eid)
{
    struct queue_claim claim;

    queue_reader_claim_init(&claim);
    assert_true(
        queue_reader_claim(&world->readers[which], eid, QUEUE_READER_ONE, false, &claim));
    queue_reader_seal(&world->readers[which], &claim);
    queue_reader_settle(&claim, true);
}

/* One event, which the first reader holds. */
static void begin_with_one_held(struct world *world)
{
    begin(world, 0);
    put(world, 1);
    attach(world, 0, 1);
    assert_wanted(world, (const uint64_t[]){1}, 1);
    answer(world, 1, QUEUE_LOCK_GRANTED);
    assert_sent(world, 0, 1, 0);
}

static void what_readers_have_room_for_is_asked_for_and_sent_when_it_is_ours(void **state)
{
    struct world world;

    (void)state;
    begin(&world, 0);
    put(&world, 5);
    assert_wanted(&world, NULL, 0); /* nobody reads */
    attach(&world, 0, 2);
    assert_false(is_woken(&world, 0));
    assert_wanted(&world, (const uint64_t[]){1, 2}, 2);
    assert_next(&world, 0, 0, 0);
    answer(&world, 1, QUEUE_LOCK_GRANTED);
    assert_true(is_woken(&world, 0));
    assert_sent(&world, 0, 1, 0);
    assert_next(&world, 0, 0, 0);
    answer(&world, 2, QUEUE_LOCK_GRANTED);
    assert_true(is_woken(&world, 0));
    assert_sent(&world, 0, 2, 0);
    assert_wanted(&world, NULL, 0); /* the window is full */
    end(&world);
}

static void what_is_granted_early_waits_for_those_before_it(void **state)
{
    struct world world;

    (void)state;
    begin(&world, 0);
    put(&world, 4);
    attach(&world, 0, 3);
    assert_wanted(&world, (const uint64_t[]){1, 2, 3}, 3);
    answer(&world, 2, QUEUE_LOCK_GRANTED);
    assert_false(is_woken(&world, 0));
    assert_next(&world, 0, 0, 0);
    answer(&world, 1, QUEUE_LOCK_REFUSED);
    assert_true(is_woken(&world, 0));
    assert_sent(&world, 0, 2, 0);
    assert_wanted(&world, (const uint64_t[]){4}, 1); /* in place of the first */
    answer(&world, 4, QUEUE_LOCK_GRANTED);
    assert_next(&world, 0, 0, 0);
    answer(&world, 3, QUEUE_LOCK_GRANTED);
    assert_sent(&world, 0, 3, 0);
    assert_sent(&world, 0, 4, 0);
    end(&world);
}

static void a_reader_is_woken_when_what_it_waits_for_is_refused(void **state)
{
    struct world world;

    (void)state;
    begin(&world, 0);
    put(&world, 2);
    attach(&world, 0, 2);
    assert_wanted(&world, (const uint64_t[]){1, 2}, 2);
    answer(&world, 2, QUEUE_LOCK_GRANTED);
    answer(&world, 1, QUEUE_LOCK_REFUSED);
    assert_true(is_woken(&world, 0)); /* though nothing else was dealt to it */
    assert_sent(&world, 0, 2, 0);
    end(&world);
}

static void what_another_realm_has_is_passed_over_until_it_is_given_back(void **state)
{
    struct world world;

    (void)state;
    begin(&world, 0);
    put(&world, 2);
    queue_lock_taken(&world.queue, 1, nothing);
    attach(&world, 0, 1);
    assert_wanted(&world, (const uint64_t[]){2}, 1);
    answer(&world, 2, QUEUE_LOCK_GRANTED);
    assert_sent(&world, 0, 2, 0);
    queue_lock_freed(&world.queue, 1, (struct queue_lock_left){3, 1});
    assert_wanted(&world, NULL, 0); /* there is no room */
    put(&world, 1);
    commit(&world, 0, 2);
    assert_wanted(&world, (const uint64_t[]){1}, 1); /* before the newer one */
    assert_true(queue_lock_answered(&world.queue, 1, QUEUE_LOCK_GRANTED,
                                    (struct queue_lock_left){3, 1}));
    assert_sent(&world, 0, 1, 3);
    end(&world);
}

static void what_comes_back_goes_to_a_reader_here_or_is_given_back(void **state)
{
    struct world world;

    (void)state;
    begin_with_one_held(&world);
    attach(&world, 1, 1);
    queue_reader_detach(&world.readers[0]);
    assert_wanted(&world, NULL, 0); /* it is still ours */
    assert_spare(&world, 0, 0, 0);
    assert_true(is_woken(&world, 1));
    assert_sent(&world, 1, 1, 1);
    queue_reader_detach(&world.readers[1]);
    assert_spare(&world, 1, 2, 1);
    assert_spare(&world, 0, 0, 0);
    attach(&world, 0, 1);
    assert_wanted(&world, (const uint64_t[]){1}, 1); /* it was given back */
    end(&world);
}

static void a_realm_whose_reader_has_left_gives_back_what_it_asked_for(void **state)
{
    struct world world;

    (void)state;
    begin(&world, 0);
    put(&world, 2);
    attach(&world, 0, 2);
    assert_wanted(&world, (const uint64_t[]){1, 2}, 2);
    queue_reader_detach(&world.readers[0]);
    answer(&world, 1, QUEUE_LOCK_GRANTED);
    answer(&world, 2, QUEUE_LOCK_REFUSED);
    assert_false(list_is_empty(&world.desk.untidy));
    assert_spare(&world, 1, 0, 1);
    assert_spare(&world, 0, 0, 0);
    end(&world);
}

static void what_was_asked_for_a_reader_that_left_goes_to_the_next_one(void **state)
{
    struct world world;

    (void)state;
    begin(&world, 0);
    put(&world, 1);
    attach(&world, 0, 1);
    assert_wanted(&world, (const uint64_t[]){1}, 1);
    queue_reader_detach(&world.readers[0]);
    attach(&world, 1, 1);
    assert_wanted(&world, NULL, 0); /* once is enough */
    answer(&world, 1, QUEUE_LOCK_GRANTED);
    assert_sent(&world, 1, 1, 0);
    end(&world);
}

static void a_realm_that_ended_with_an_event_counts_as_a_return(void **state)
{
    struct world world;

    (void)state;
    begin(&world, 0);
    put(&world, 1);
    queue_lock_taken(&world.queue, 1, nothing);
    queue_lock_freed(&world.queue, 1, nothing); /* as it was: nobody gave it back */
    queue_lock_taken(&world.queue, 1, nothing);
    queue_lock_freed(&world.queue, 1, nothing);
    attach(&world, 0, 1);
    assert_wanted(&world, (const uint64_t[]){1}, 1);
    answer(&world, 1, QUEUE_LOCK_GRANTED);
    assert_next(&world, 0, 1, 2);
    queue_reader_detach(&world.readers[0]);
    assert_spare(&world, 1, 2, 1); /* it was not sent */
    queue_lock_taken(&world.queue, 1, (struct queue_lock_left){2, 1});
    queue_lock_freed(&world.queue, 1, (struct queue_lock_left){5, 2});
    attach(&world, 0, 1);
    assert_wanted(&world, (const uint64_t[]){1}, 1);
    assert_true(queue_lock_answered(&world.queue, 1, QUEUE_LOCK_GRANTED,
                                    (struct queue_lock_left){5, 2}));
    assert_next(&world, 0, 1, 5);
    end(&world);
}

static void what_came_back_too_often_anywhere_is_dead(void **state)
{
    struct world world;

    (void)state;
    begin(&world, 2);
    put(&world, 2);
    attach(&world, 0, 2);
    assert_wanted(&world, (const uint64_t[]){1, 2}, 2);
    assert_true(queue_lock_answered(&world.queue, 1, QUEUE_LOCK_GRANTED,
                                    (struct queue_lock_left){3, 1}));
    assert_true(queue_lock_answered(&world.queue, 2, QUEUE_LOCK_GRANTED,
                                    (struct queue_lock_left){2, 1}));
    assert_gone(&world, 1, QUEUE_DEAD, true);
    assert_sent(&world, 0, 2, 2);
    roll_back(&world, 0, 2);
    assert_gone(&world, 2, QUEUE_DEAD, true);
    assert_nothing_gone(&world);
    end(&world);
}

static void what_a_reader_holds_stays_with_it_when_the_lock_is_lost(void **state)
{
    struct world world;

    (void)state;
    begin_with_one_held(&world);
    queue_lock_taken(&world.queue, 1, nothing);
    roll_back(&world, 0, 1);
    assert_next(&world, 0, 0, 0); /* it is theirs */
    assert_wanted(&world, NULL, 0);
    assert_spare(&world, 0, 0, 0);
    queue_lock_freed(&world.queue, 1, (struct queue_lock_left){4, 1});
    assert_wanted(&world, (const uint64_t[]){1}, 1);
    assert_true(queue_lock_answered(&world.queue, 1, QUEUE_LOCK_GRANTED,
                                    (struct queue_lock_left){4, 1}));
    assert_sent(&world, 0, 1, 4);
    queue_lock_taken(&world.queue, 1, (struct queue_lock_left){4, 1});
    commit(&world, 0, 1); /* it was done here, whoever has it now */
    assert_gone(&world, 1, QUEUE_CONSUMED, false);
    end(&world);
}

static void a_lock_that_is_lost_and_free_is_asked_for_again(void **state)
{
    struct world world;

    (void)state;
    begin_with_one_held(&world);
    queue_lock_freed(&world.queue, 1, nothing);
    assert_wanted(&world, (const uint64_t[]){1}, 1);
    answer(&world, 1, QUEUE_LOCK_FAILED);
    assert_wanted(&world, (const uint64_t[]){1}, 1);
    answer(&world, 1, QUEUE_LOCK_GRANTED);
    roll_back(&world, 0, 1);
    assert_next(&world, 0, 1, 1); /* dealt, and not sent */
    queue_lock_freed(&world.queue, 1, nothing);
    assert_next(&world, 0, 0, 0);
    assert_wanted(&world, (const uint64_t[]){1}, 1);
    end(&world);
}

static void what_could_not_be_asked_for_is_wanted_as_before(void **state)
{
    struct world world;

    (void)state;
    begin(&world, 0);
    put(&world, 1);
    attach(&world, 0, 1);
    assert_wanted(&world, (const uint64_t[]){1}, 1);
    list_remove(&world.queue.untidy);
    answer(&world, 1, QUEUE_LOCK_FAILED);
    assert_true(list_is_empty(&world.desk.untidy)); /* not at once */
    assert_wanted(&world, (const uint64_t[]){1}, 1);
    queue_reader_detach(&world.readers[0]);
    answer(&world, 1, QUEUE_LOCK_FAILED);
    assert_wanted(&world, NULL, 0); /* nobody reads */
    end(&world);
}

static void what_has_gone_meanwhile_has_no_use_for_its_lock(void **state)
{
    struct world world;

    (void)state;
    begin(&world, 0);
    put(&world, 2);
    attach(&world, 0, 2);
    assert_wanted(&world, (const uint64_t[]){1, 2}, 2);
    answer(&world, 2, QUEUE_LOCK_GRANTED);
    queue_drop(&world.queue, 1, QUEUE_REMOVED);
    queue_drop(&world.queue, 2, QUEUE_REMOVED);
    assert_false(queue_lock_answered(&world.queue, 1, QUEUE_LOCK_GRANTED, nothing));
    assert_gone(&world, 2, QUEUE_REMOVED, true); /* for its lock's sake */
    assert_nothing_gone(&world);
    queue_lock_taken(&world.queue, 1, nothing);
    queue_lock_freed(&world.queue, 1, nothing);
    end(&world);
}

static void who_has_the_lock_cares_for_what_expires(void **state)
{
    struct world world;

    (void)state;
    begin(&world, 0);
    put(&world, 3);
    queue_lock_taken(&world.queue, 1, nothing);
    attach(&world, 0, 1);
    assert_wanted(&world, (const uint64_t[]){2}, 1);
    answer(&world, 2, QUEUE_LOCK_GRANTED);
    for (uint64_t eid = 1; eid <= 3; eid++) {
        queue_drop(&world.queue, eid, QUEUE_EXPIRED);
    }
    assert_gone(&world, 2, QUEUE_EXPIRED, true);
    assert_gone(&world, 3, QUEUE_EXPIRED, false); /* nobody's: each realm sees to it */
    assert_nothing_gone(&world);
    end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_readers_have_room_for_is_asked_for_and_sent_when_it_is_ours),
        cmocka_unit_test(what_is_granted_early_waits_for_those_before_it),
        cmocka_unit_test(a_reader_is_woken_when_what_it_waits_for_is_refused),
        cmocka_unit_test(what_another_realm_has_is_passed_over_until_it_is_given_back),
        cmocka_unit_test(what_comes_back_goes_to_a_reader_here_or_is_given_back),
        cmocka_unit_test(a_realm_whose_reader_has_left_gives_back_what_it_asked_for),
        cmocka_unit_test(what_was_asked_for_a_reader_that_left_goes_to_the_next_one),
        cmocka_unit_test(a_realm_that_ended_with_an_event_counts_as_a_return),
        cmocka_unit_test(what_came_back_too_often_anywhere_is_dead),
        cmocka_unit_test(what_a_reader_holds_stays_with_it_when_the_lock_is_lost),
        cmocka_unit_test(a_lock_that_is_lost_and_free_is_asked_for_again),
        cmocka_unit_test(what_could_not_be_asked_for_is_wanted_as_before),
        cmocka_unit_test(what_has_gone_meanwhile_has_no_use_for_its_lock),
        cmocka_unit_test(who_has_the_lock_cares_for_what_expires),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
