/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "base/list.h"

#include "lib/testing.h"

struct item {
    int number;
    struct list node;
};

static int in_order(struct list *head)
{
    int digits = 0;

    LIST_FOREACH (node, after, head) {
        digits = digits * 10 + LIST_ENTRY(node, struct item, node)->number;
    }
    return digits;
}

static void items_stay_in_order_and_may_be_removed_twice(void **state)
{
    struct item items[4] = {{.number = 1}, {.number = 2}, {.number = 3}, {.number = 4}};
    struct list head;

    (void)state;
    list_init(&head);
    assert_true(list_is_empty(&head));
    for (int i = 0; i < 4; i++) {
        list_append(&head, &items[i].node);
    }
    assert_int_equal(in_order(&head), 1234);
    list_remove(&items[1].node);
    list_remove(&items[1].node);
    assert_int_equal(in_order(&head), 134);
    LIST_FOREACH (node, after, &head) {
        list_remove(node); /* the one in hand may go */
    }
    assert_true(list_is_empty(&head));
}

static void a_list_moves_behind_another(void **state)
{
    struct item items[3] = {{.number = 1}, {.number = 2}, {.number = 3}};
    struct list to, from;

    (void)state;
    list_init(&to);
    list_init(&from);
    list_append(&to, &items[0].node);
    list_splice(&to, &from);
    assert_int_equal(in_order(&to), 1);
    list_append(&from, &items[1].node);
    list_append(&from, &items[2].node);
    list_splice(&to, &from);
    assert_int_equal(in_order(&to), 123);
    assert_true(list_is_empty(&from));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_stay_in_order_and_may_be_removed_twice),
        cmocka_unit_test(a_list_moves_behind_another),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
