/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The desk without name servers: the test answers itself.
 */
#include "io/resolver_desk.h"

#include "lib/oom.h"
#include "lib/testing.h"

static struct loop *loop;
static struct resolver_desk desk;

struct asked {
    struct resolver_query *query;
    struct resolver_desk_lookup *lookup;
    int answers;
    enum resolver_result result;
    struct addr first;
    char name[32];
};

static int open_all(void **state)
{
    (void)state;
    assert_ok(loop_new(&loop));
    resolver_desk_init(&desk, loop);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    resolver_desk_fini(&desk);
    loop_free(loop);
    return 0;
}

static void on_answer(void *ctx, enum resolver_result result, const struct addr *addrs,
                      size_t count)
{
    struct asked *asked = ctx;

    asked->answers++;
    asked->result = result;
    if (count > 0) {
        asked->first = addrs[0];
    }
}

static void on_name(void *ctx, enum resolver_result result, struct span name)
{
    struct asked *asked = ctx;

    asked->answers++;
    asked->result = result;
    memcpy(asked->name, name.ptr, name.len);
}

static void ask(struct asked *asked, const char *name, int family)
{
    *asked = (struct asked){0};
    assert_ok(resolver_desk_ask(&desk, span_str(name), family, 80, on_answer, asked,
                                &asked->query, &asked->lookup));
}

static struct resolver_desk_finding finding_of(const char *address)
{
    struct resolver_desk_finding finding = {.result = RESOLVER_FOUND, .count = 1, .age = 60000};

    assert_true(addr_parse(span_str(address), 0, &finding.addrs[0]));
    return finding;
}

static void turn(void)
{
    assert_ok(loop_turn(loop, 0));
}

static void equal_questions_make_one_lookup(void **state)
{
    struct asked first, second, other;
    const struct resolver_desk_finding finding = finding_of("192.0.2.1");
    const struct resolver_desk_finding failed = {.result = RESOLVER_FAILED};

    (void)state;
    ask(&first, "a.test", AF_INET);
    ask(&second, "A.test", AF_INET);
    ask(&other, "a.test", AF_INET6);
    assert_non_null(first.lookup);
    assert_null(second.lookup);
    assert_non_null(other.lookup);
    assert_int_equal(other.lookup->family, AF_INET6);
    resolver_desk_end(first.lookup, &finding);
    assert_int_equal(first.answers + second.answers, 0); /* later, never at once */
    turn();
    assert_int_equal(first.answers, 1);
    assert_int_equal(second.answers, 1);
    assert_int_equal(addr_port(&second.first), 80);
    resolver_desk_end(other.lookup, &failed);
    turn();
    assert_int_equal(other.result, RESOLVER_FAILED);
}

static void what_is_known_needs_no_lookup(void **state)
{
    struct asked first, second, failing;
    const struct resolver_desk_finding finding = finding_of("192.0.2.1");
    const struct resolver_desk_finding failed = {.result = RESOLVER_FAILED};

    (void)state;
    ask(&first, "a.test", AF_INET);
    resolver_desk_end(first.lookup, &finding);
    turn();
    ask(&second, "a.test", AF_INET);
    assert_null(second.lookup);
    turn();
    assert_int_equal(second.result, RESOLVER_FOUND);
    ask(&failing, "b.test", AF_INET);
    resolver_desk_end(failing.lookup, &failed);
    turn();
    ask(&failing, "b.test", AF_INET); /* a failure is not remembered */
    assert_non_null(failing.lookup);
    resolver_desk_end(failing.lookup, &failed);
    turn();
}

static void a_lookup_that_nobody_waits_for_is_remembered(void **state)
{
    struct asked gone, late;
    struct resolver_desk_lookup *lookup;
    const struct resolver_desk_finding finding = finding_of("192.0.2.1");

    (void)state;
    ask(&gone, "a.test", AF_INET);
    lookup = gone.lookup;
    resolver_desk_cancel(gone.query);
    ask(&late, "a.test", AF_INET); /* joins what is under way */
    assert_null(late.lookup);
    resolver_desk_cancel(late.query);
    resolver_desk_end(lookup, &finding);
    ask(&late, "a.test", AF_INET);
    assert_null(late.lookup);
    turn();
    assert_int_equal(gone.answers, 0);
    assert_int_equal(late.answers, 1);
}

static void names_of_addresses_wait_together_and_are_not_remembered(void **state)
{
    struct asked asked[3] = {0};
    struct resolver_desk_finding finding = {.result = RESOLVER_FOUND, .name_len = 6};
    struct addr addr;

    (void)state;
    memcpy(finding.name, "a.test", 6);
    assert_true(addr_parse(SPAN("192.0.2.1"), 5, &addr));
    for (int i = 0; i < 2; i++) {
        assert_ok(resolver_desk_ask_name(&desk, &addr, on_name, &asked[i], &asked[i].query,
                                         &asked[i].lookup));
    }
    assert_null(asked[1].lookup);
    resolver_desk_end(asked[0].lookup, &finding);
    turn();
    assert_string_equal(asked[0].name, "a.test");
    assert_string_equal(asked[1].name, "a.test");
    assert_ok(resolver_desk_ask_name(&desk, &addr, on_name, &asked[2], &asked[2].query,
                                     &asked[2].lookup));
    assert_non_null(asked[2].lookup);
    resolver_desk_end(asked[2].lookup, &finding);
    turn();
}

static void ask_twice_without_memory(void)
{
    struct asked asked[2] = {0};
    const struct resolver_desk_finding finding = finding_of("192.0.2.1");

    if (loop_new(&loop) != OK) {
        return;
    }
    resolver_desk_init(&desk, loop);
    for (int i = 0; i < 2; i++) {
        enum err e = resolver_desk_ask(&desk, SPAN("a.test"), AF_INET, 80, on_answer, &asked[i],
                                       &asked[i].query, &asked[i].lookup);

        assert_true(e == OK || oom_has_struck());
    }
    for (int i = 0; i < 2; i++) {
        if (asked[i].lookup != NULL) {
            resolver_desk_end(asked[i].lookup, &finding);
        }
    }
    turn();
    resolver_desk_fini(&desk);
    loop_free(loop);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(ask_twice_without_memory);
}

int main(void)
{
#define WITH_DESK(test) cmocka_unit_test_setup_teardown(test, open_all, close_all)
    const struct CMUnitTest tests[] = {
        WITH_DESK(equal_questions_make_one_lookup),
        WITH_DESK(what_is_known_needs_no_lookup),
        WITH_DESK(a_lookup_that_nobody_waits_for_is_remembered),
        WITH_DESK(names_of_addresses_wait_together_and_are_not_remembered),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
