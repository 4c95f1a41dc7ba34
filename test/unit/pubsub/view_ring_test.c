/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/view_ring.h"

#include "lib/oom.h"
#include "lib/testing.h"

#include "base/rng.h"

#include <stdlib.h>

static struct view_ring_budget plenty = {.max = SIZE_MAX};

/* A frame whose bytes follow from its EID, so that a reader can be checked. */
static struct span frame_of(uint64_t eid, size_t len)
{
    static uint8_t room[4096];

    assert_true(len <= sizeof room);
    for (size_t i = 0; i < len; i++) {
        room[i] = (uint8_t)(eid * 31 + i);
    }
    return span_of(room, len);
}

static size_t len_of(uint64_t eid)
{
    return 20 + (size_t)(eid * 7919 % 180);
}

/* What a view does, but for seeing to the readers. */
static enum err put(struct view_ring *ring, uint64_t eid, struct span frame)
{
    enum err e;

    while ((e = view_ring_fit(ring, frame.len)) == ERR_LIMIT && !view_ring_is_empty(ring)) {
        view_ring_forget(ring);
    }
    if (e == OK) {
        view_ring_put(ring, eid, frame);
    }
    return e;
}

struct reader {
    struct view_ring_place place;
    bool lost;
};

/* Reads at most `max` bytes and checks every one of them. */
static void read_some(struct view_ring *ring, struct reader *reader, size_t max)
{
    struct view_ring_place at = reader->place;
    struct span bytes;

    if (!view_ring_has(ring, &at)) {
        reader->lost = true;
        return;
    }
    bytes = view_ring_peek(ring, &at, max);
    for (size_t i = 0; i < bytes.len; i++) {
        assert_int_equal(bytes.ptr[i], (uint8_t)(at.eid * 31 + at.sent));
        if (++at.sent == len_of(at.eid)) {
            at.eid++;
            at.sent = 0;
        }
    }
    view_ring_advance(ring, &reader->place, bytes.len);
    assert_int_equal(reader->place.eid, at.eid);
    assert_int_equal(reader->place.sent, at.sent);
}

static void readers_see_every_byte_however_the_ring_wraps(void **state)
{
    struct reader readers[5] = {0};
    struct rng rng = rng_seeded(3);
    struct view_ring ring;
    uint64_t lost = 0;

    (void)state;
    view_ring_init(&ring, 3000, &plenty, 1);
    for (size_t r = 0; r < 5; r++) {
        readers[r].place.eid = 1;
        view_ring_enter(&ring, &readers[r].place);
    }
    for (uint64_t eid = 1; eid < 5000; eid++) {
        struct reader *reader = &readers[rng_u32(&rng) % 5];

        assert_ok(put(&ring, eid, frame_of(eid, len_of(eid))));
        assert_true(ring.size <= 3000);
        read_some(&ring, reader, 1 + rng_u32(&rng) % 1500);
        if (reader->lost) {
            lost++;
            *reader = (struct reader){.place = {.eid = ring.end_eid}};
            view_ring_enter(&ring, &reader->place);
        }
    }
    assert_true(lost > 10); /* five readers at this pace cannot all follow */
    view_ring_fini(&ring);
}

static void a_reader_who_follows_keeps_the_ring_small(void **state)
{
    struct reader reader = {.place = {.eid = 1}};
    struct view_ring ring;

    (void)state;
    view_ring_init(&ring, 1 << 20, &plenty, 1);
    view_ring_enter(&ring, &reader.place);
    for (uint64_t eid = 1; eid < 2000; eid++) {
        assert_ok(put(&ring, eid, frame_of(eid, len_of(eid))));
        read_some(&ring, &reader, 10000);
        assert_true(view_ring_is_empty(&ring));
    }
    assert_true(ring.size <= 1024);
    view_ring_shrink(&ring, 0);
    assert_null(ring.bytes);
    view_ring_leave(&ring, &reader.place);
    assert_int_equal(ring.live, 0);
    view_ring_fini(&ring);
}

static void a_slow_reader_makes_it_grow_to_its_maximum_and_falls_off(void **state)
{
    struct view_ring_place place = {.eid = 1};
    struct view_ring ring;
    uint64_t eid = 1;

    (void)state;
    view_ring_init(&ring, 5000, &plenty, 1);
    view_ring_enter(&ring, &place);
    while (view_ring_has(&ring, &place)) {
        assert_ok(put(&ring, eid, frame_of(eid, 100)));
        eid++;
    }
    assert_int_equal(eid, 52); /* fifty frames fit */
    assert_int_equal(ring.live, 0);
    view_ring_leave(&ring, &place); /* not counted: nothing happens */
    assert_ok(put(&ring, eid, frame_of(eid, 100)));
    assert_true(view_ring_is_empty(&ring)); /* kept for nobody */
    view_ring_fini(&ring);
}

static void a_frame_longer_than_the_ring_is_refused(void **state)
{
    struct view_ring_place place = {.eid = 1};
    struct view_ring_place late = {.eid = 9};
    struct view_ring ring;

    (void)state;
    view_ring_init(&ring, 100, &plenty, 1);
    view_ring_enter(&ring, &place);
    assert_int_equal(put(&ring, 1, frame_of(1, 101)), ERR_LIMIT);
    assert_ok(put(&ring, 1, frame_of(1, 100)));
    place.sent = 30;
    assert_int_equal(view_ring_owed(&ring, &place, 0), 70);
    view_ring_reset(&ring, 9);
    assert_false(view_ring_has(&ring, &place));
    assert_false(view_ring_covers(&ring, 8));
    view_ring_enter(&ring, &late);
    assert_true(view_ring_has(&ring, &late));
    view_ring_fini(&ring);
}

static void the_index_is_bounded_where_frames_are_tiny(void **state)
{
    struct view_ring_place place = {.eid = 1};
    struct view_ring ring;

    (void)state;
    view_ring_init(&ring, 1024, &plenty, 1);
    view_ring_enter(&ring, &place);
    for (uint64_t eid = 1; eid < 500; eid++) {
        assert_ok(put(&ring, eid, frame_of(eid, 1)));
        view_ring_enter(&ring, &(struct view_ring_place){.eid = eid + 1});
    }
    assert_true(ring.entries_size <= 32);
    assert_int_equal(ring.next - ring.first, 32);
    view_ring_fini(&ring);
}

static void rings_share_a_budget_and_forget_where_it_is_spent(void **state)
{
    struct view_ring_budget budget = {.max = 4000};
    struct view_ring_place place = {.eid = 1};
    struct view_ring_place other = {.eid = 1};
    struct view_ring greedy, late;

    (void)state;
    view_ring_init(&greedy, 1 << 20, &budget, 1);
    view_ring_init(&late, 1 << 20, &budget, 1);
    view_ring_enter(&greedy, &place);
    view_ring_enter(&late, &other);
    for (uint64_t eid = 1; eid < 100; eid++) {
        assert_ok(put(&greedy, eid, frame_of(eid, 100)));
        assert_true(budget.used <= 4000);
    }
    assert_false(view_ring_has(&greedy, &place));
    while (budget.max > budget.used) {
        budget.max--;
    }
    assert_int_equal(put(&late, 1, frame_of(1, 100)), ERR_LIMIT);
    view_ring_fini(&greedy);
    assert_int_equal(budget.used, 0);
    assert_ok(put(&late, 1, frame_of(1, 100)));
    view_ring_fini(&late);
    assert_int_equal(budget.used, 0);
}

static void gaps_cost_nothing_and_move_nobody(void **state)
{
    struct view_ring_place waits = {.eid = 5};
    struct view_ring_place late = {.eid = 40};
    struct view_ring ring;

    (void)state;
    view_ring_init(&ring, 1000, &plenty, 5);
    view_ring_enter(&ring, &waits);
    for (uint64_t eid = 5; eid < 30; eid++) {
        view_ring_skip(&ring, eid);
    }
    assert_null(ring.bytes);
    assert_int_equal(view_ring_peek(&ring, &waits, 1000).len, 0);
    assert_ok(put(&ring, 50, frame_of(50, 10)));
    assert_ok(put(&ring, 70, frame_of(70, 10)));
    view_ring_note(&ring, &waits);
    assert_int_equal(waits.eid, 50);
    view_ring_enter(&ring, &late);
    assert_int_equal(late.number, waits.number);
    assert_int_equal(view_ring_advance(&ring, &waits, 15), 1);
    assert_int_equal(waits.eid, 70);
    assert_int_equal(view_ring_advance(&ring, &waits, 5), 1);
    assert_int_equal(waits.eid, 71);
    late.eid = 51; /* between the two */
    view_ring_leave(&ring, &late);
    assert_false(view_ring_covers(&ring, 50)); /* forgotten: nobody stands there any more */
    view_ring_leave(&ring, &waits);
    view_ring_fini(&ring);
}

static void grow_a_ring(void)
{
    struct view_ring ring;
    struct reader reader = {.place = {.eid = 1}};

    view_ring_init(&ring, 4000, &plenty, 1);
    view_ring_enter(&ring, &reader.place);
    for (uint64_t eid = 1; eid < 60; eid++) {
        if (put(&ring, eid, frame_of(eid, len_of(eid))) != OK) {
            break;
        }
        read_some(&ring, &reader, 50);
    }
    view_ring_fini(&ring);
    assert_int_equal(plenty.used, 0);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(grow_a_ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers_see_every_byte_however_the_ring_wraps),
        cmocka_unit_test(a_reader_who_follows_keeps_the_ring_small),
        cmocka_unit_test(a_slow_reader_makes_it_grow_to_its_maximum_and_falls_off),
        cmocka_unit_test(a_frame_longer_than_the_ring_is_refused),
        cmocka_unit_test(the_index_is_bounded_where_frames_are_tiny),
        cmocka_unit_test(rings_share_a_budget_and_forget_where_it_is_spent),
        cmocka_unit_test(gaps_cost_nothing_and_move_nobody),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
