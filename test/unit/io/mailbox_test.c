/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "io/mailbox.h"

#include "lib/oom.h"
#include "lib/testing.h"

#include <pthread.h>

enum {
    THREADS = 4,
    LETTERS = 1000,  /* of each thread */
    PATIENCE = 10000 /* ms that no thread needs for its next letter */
};

struct numbered {
    struct mailbox_letter letter;
    size_t thread, number;
};

static struct numbered letters[THREADS][LETTERS];
static size_t opened[THREADS];
static struct mailbox *mailbox;
static pthread_t loop_thread;

static void open_numbered(struct mailbox_letter *letter)
{
    struct numbered *numbered = LIST_ENTRY(letter, struct numbered, letter);

    assert_true(pthread_equal(pthread_self(), loop_thread));
    assert_int_equal(opened[numbered->thread], numbered->number); /* in order, none is lost */
    opened[numbered->thread]++;
}

static void *post_all(void *ctx)
{
    struct numbered *mine = ctx;

    for (size_t i = 0; i < LETTERS; i++) {
        mailbox_post(mailbox, &mine[i].letter);
    }
    return NULL;
}

static size_t opened_count(void)
{
    size_t count = 0;

    for (size_t i = 0; i < THREADS; i++) {
        count += opened[i];
    }
    return count;
}

static void letters_of_four_threads_arrive_in_order_on_the_loops_thread(void **state)
{
    pthread_t threads[THREADS];
    struct loop *loop;

    (void)state;
    loop_thread = pthread_self();
    assert_ok(loop_new(&loop));
    assert_ok(mailbox_new(&mailbox, loop));
    for (size_t i = 0; i < THREADS; i++) {
        for (size_t n = 0; n < LETTERS; n++) {
            letters[i][n] = (struct numbered){{.open = open_numbered}, i, n};
        }
        assert_int_equal(pthread_create(&threads[i], NULL, post_all, letters[i]), 0);
    }
    while (opened_count() < THREADS * LETTERS) {
        msec before = loop_now(loop);

        assert_ok(loop_turn(loop, PATIENCE));
        assert_true(loop_now(loop) - before < PATIENCE); /* or the bell was lost */
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    mailbox_free(mailbox);
    loop_free(loop);
}

struct chained {
    struct mailbox_letter letter;
    struct chained *next; /* posted when this one is opened */
    int opened;
};

static void open_chained(struct mailbox_letter *letter)
{
    struct chained *chained = LIST_ENTRY(letter, struct chained, letter);

    chained->opened++;
    if (chained->next != NULL) {
        mailbox_post(mailbox, &chained->next->letter);
    }
}

static void a_letter_posted_by_a_letter_is_opened_in_a_later_turn(void **state)
{
    struct chained second = {{.open = open_chained}, NULL, 0};
    struct chained first = {{.open = open_chained}, &second, 0};
    struct loop *loop;

    (void)state;
    assert_ok(loop_new(&loop));
    assert_ok(mailbox_new(&mailbox, loop));
    assert_ok(loop_turn(loop, 0));
    mailbox_post(mailbox, &first.letter);
    assert_ok(loop_turn(loop, 0));
    assert_int_equal(first.opened, 1);
    assert_int_equal(second.opened, 0);
    assert_ok(loop_turn(loop, 0));
    assert_int_equal(second.opened, 1);
    mailbox_free(mailbox);
    loop_free(loop);
}

static void letters_inside_are_opened_before_the_mailbox_goes(void **state)
{
    struct chained second = {{.open = open_chained}, NULL, 0};
    struct chained first = {{.open = open_chained}, &second, 0};
    struct loop *loop;

    (void)state;
    assert_ok(loop_new(&loop));
    assert_ok(mailbox_new(&mailbox, loop));
    mailbox_post(mailbox, &first.letter);
    mailbox_free(mailbox);
    assert_int_equal(first.opened, 1);
    assert_int_equal(second.opened, 1);
    mailbox_free(NULL);
    loop_free(loop);
}

static void open_and_close_a_mailbox(void)
{
    struct loop *loop;
    struct mailbox *mine;

    if (loop_new(&loop) != OK) {
        return;
    }
    if (mailbox_new(&mine, loop) == OK) {
        mailbox_free(mine);
    }
    loop_free(loop);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(open_and_close_a_mailbox);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(letters_of_four_threads_arrive_in_order_on_the_loops_thread),
        cmocka_unit_test(a_letter_posted_by_a_letter_is_opened_in_a_later_turn),
        cmocka_unit_test(letters_inside_are_opened_before_the_mailbox_goes),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
