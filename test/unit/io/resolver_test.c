/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "io/resolver.h"

#include "lib/oom.h"
#include "lib/testing.h"
#include "unit/io/fake_dns.h"

enum {
    PATIENCE = 20000, /* ms that no answer needs */
    TIMEOUT = 100     /* ms for the first of two tries, where silence is the point */
};

enum rows {
    BOTH_V4,
    BOTH_V6,
    NODATA,
    SERVFAIL,
    SILENT,
    BIG,
    CROWDED,
    REVERSE,
    SHORT,
    HELD,
    ROWS
};

static struct fake_dns_row rows[ROWS + 1] = {
    [BOTH_V4] = {.name = "both.test",
                 .family = AF_INET,
                 .kind = FAKE_DNS_ADDRS,
                 .addrs = "192.0.2.1 192.0.2.2 "},
    [BOTH_V6] = {.name = "both.test",
                 .family = AF_INET6,
                 .kind = FAKE_DNS_ADDRS,
                 .addrs = "2001:db8::1 "},
    [NODATA] = {.name = "v4only.test", .family = AF_INET6, .kind = FAKE_DNS_ADDRS, .addrs = ""},
    [SERVFAIL] = {.name = "broken.test",
                  .family = AF_INET,
                  .kind = FAKE_DNS_SERVFAIL,
                  .addrs = ""},
    [SILENT] = {.name = "silent.test",
                .family = AF_INET,
                .kind = FAKE_DNS_SILENCE,
                .addrs = ""},
    [BIG] = {.name = "big.test",
             .family = AF_INET,
             .kind = FAKE_DNS_TCP,
             .addrs = "192.0.2.3 192.0.2.4 192.0.2.5 "},
    [CROWDED] =
        {.name = "crowded.test",
         .family = AF_INET,
         .kind = FAKE_DNS_ADDRS,
         .addrs = "192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4 192.0.2.5 192.0.2.6 192.0.2.7 "
                  "192.0.2.8 192.0.2.9 192.0.2.10 192.0.2.11 192.0.2.12 192.0.2.13 192.0.2.14 "
                  "192.0.2.15 192.0.2.16 192.0.2.17 192.0.2.18 "},
    [SHORT] = {.name = "short.test",
               .family = AF_INET,
               .kind = FAKE_DNS_ADDRS,
               .addrs = "192.0.2.9 ",
               .ttl = 1},
    [HELD] = {.name = "held.test",
              .family = AF_INET,
              .kind = FAKE_DNS_ADDRS,
              .addrs = "192.0.2.1 192.0.2.2 "},
    [REVERSE] = {.name = "7.2.0.192.in-addr.arpa",
                 .family = AF_INET,
                 .kind = FAKE_DNS_PTR,
                 .addrs = "desk.example.test"},
};

static struct loop *loop;
static struct resolver *resolver;
static struct fake_dns dns;

/* What one query was told. */
struct asked {
    struct resolver_query *query;
    int answers;
    enum resolver_result result;
    struct addr addrs[RESOLVER_ADDRS_MAX];
    size_t count;
    struct asked *cancel; /* this query, from inside the answer */
};

static int open_all(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        rows[i].asked = 0;
    }
    fake_dns_begin(&dns, rows, &loop, &resolver);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    fake_dns_end(&dns, loop, resolver);
    return 0;
}

static void on_answer(void *ctx, enum resolver_result result, const struct addr *addrs,
                      size_t count)
{
    struct asked *asked = ctx;

    asked->answers++;
    asked->result = result;
    asked->count = count;
    assert_true(count <= RESOLVER_ADDRS_MAX);
    memcpy(asked->addrs, addrs, count * sizeof *addrs);
    if (asked->cancel != NULL) {
        resolver_cancel(asked->cancel->query);
    }
}

static void ask(struct asked *asked, const char *name, int family)
{
    *asked = (struct asked){0};
    assert_ok(
        resolver_ask(resolver, span_str(name), family, 443, on_answer, asked, &asked->query));
    assert_int_equal(asked->answers, 0); /* never from inside */
}

static void turn_until_answered(const struct asked *asked)
{
    msec start = loop_now(loop);

    while (asked->answers == 0) {
        assert_ok(loop_turn(loop, PATIENCE));
        assert_true(loop_now(loop) - start < PATIENCE);
    }
    assert_int_equal(asked->answers, 1);
}

static void assert_addr(const struct addr *addr, const char *text)
{
    char room[ADDR_TEXT_BYTES];

    assert_string_equal(addr_text(addr, room), text);
}

static void both_families_are_found_with_the_port_that_was_asked_for(void **state)
{
    struct asked v4, v6;

    (void)state;
    ask(&v4, "both.test", AF_INET);
    ask(&v6, "BOTH.test", AF_INET6);
    turn_until_answered(&v4);
    turn_until_answered(&v6);
    assert_int_equal(v4.result, RESOLVER_FOUND);
    assert_int_equal(v4.count, 2);
    assert_addr(&v4.addrs[0], "192.0.2.1:443");
    assert_addr(&v4.addrs[1], "192.0.2.2:443");
    assert_int_equal(v6.result, RESOLVER_FOUND);
    assert_int_equal(v6.count, 1);
    assert_addr(&v6.addrs[0], "[2001:db8::1]:443");
}

static void a_name_that_does_not_exist_is_told_from_a_server_that_fails(void **state)
{
    struct asked unknown, other_family, broken, empty;

    (void)state;
    ask(&unknown, "nowhere.test", AF_INET);
    ask(&other_family, "v4only.test", AF_INET6);
    ask(&broken, "broken.test", AF_INET);
    ask(&empty, "", AF_INET);
    turn_until_answered(&unknown);
    turn_until_answered(&other_family);
    turn_until_answered(&broken);
    turn_until_answered(&empty);
    assert_int_equal(unknown.result, RESOLVER_NO_NAME);
    assert_int_equal(other_family.result, RESOLVER_NO_NAME);
    assert_int_equal(broken.result, RESOLVER_FAILED);
    assert_int_equal(empty.result, RESOLVER_NO_NAME);
    assert_int_equal(unknown.count, 0);
}

static void a_silent_server_is_asked_twice_and_then_given_up(void **state)
{
    struct asked silent;
    msec start = loop_now(loop);

    (void)state;
    assert_ok(resolver_use_servers(resolver, dns.servers, TIMEOUT, 2));
    ask(&silent, "silent.test", AF_INET);
    turn_until_answered(&silent);
    assert_int_equal(silent.result, RESOLVER_FAILED);
    assert_int_equal(rows[SILENT].asked, 2);
    assert_true(loop_now(loop) - start >= TIMEOUT);
}

static void a_truncated_answer_is_fetched_by_tcp_however_it_is_cut(void **state)
{
    static const size_t pieces[] = {1, 7, FAKE_DNS_MAX};

    (void)state;
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        struct asked big;

        resolver_use_cache(resolver, 10, 1000); /* forgets the answer */
        dns.piece_len = pieces[i];
        ask(&big, "big.test", AF_INET);
        turn_until_answered(&big);
        assert_int_equal(big.result, RESOLVER_FOUND);
        assert_int_equal(big.count, 3);
        assert_addr(&big.addrs[2], "192.0.2.5:443");
    }
}

static void no_more_addresses_are_kept_than_there_is_room(void **state)
{
    struct asked crowded;

    (void)state;
    ask(&crowded, "crowded.test", AF_INET);
    turn_until_answered(&crowded);
    assert_int_equal(crowded.count, RESOLVER_ADDRS_MAX);
    assert_addr(&crowded.addrs[15], "192.0.2.16:443");
}

static void localhost_needs_no_name_server(void **state)
{
    static const char *const names[] = {"localhost", "LocalHost.", "a.localhost", "localhost."};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct asked v4, v6;

        ask(&v4, names[i], AF_INET);
        ask(&v6, names[i], AF_INET6);
        assert_ok(loop_turn(loop, 0));
        assert_int_equal(v4.result, RESOLVER_FOUND);
        assert_addr(&v4.addrs[0], "127.0.0.1:443");
        assert_int_equal(v6.result, RESOLVER_FOUND);
        assert_addr(&v6.addrs[0], "[::1]:443");
    }
}

static void a_name_that_only_ends_like_localhost_is_an_ordinary_one(void **state)
{
    struct asked other;

    (void)state;
    ask(&other, "notlocalhost", AF_INET);
    turn_until_answered(&other);
    assert_int_equal(other.result, RESOLVER_NO_NAME);
}

static void names_that_dns_cannot_carry_are_refused(void **state)
{
    char longest[255];
    struct asked asked = {0};

    (void)state;
    for (size_t i = 0; i < sizeof longest; i++) {
        longest[i] = i % 50 == 49 ? '.' : 'a';
    }
    assert_int_equal(resolver_ask(resolver, span_of(longest, 254), AF_INET, 1, on_answer,
                                  &asked, &asked.query),
                     ERR_LIMIT);
    assert_int_equal(resolver_ask(resolver, SPAN("both.test\0.evil"), AF_INET, 1, on_answer,
                                  &asked, &asked.query),
                     ERR_LIMIT);
    assert_null(asked.query);
    assert_ok(resolver_ask(resolver, span_of(longest, 253), AF_INET, 1, on_answer, &asked,
                           &asked.query));
    turn_until_answered(&asked);
    assert_int_equal(asked.result, RESOLVER_NO_NAME);
}

static void a_cancelled_query_is_never_answered(void **state)
{
    struct asked at_once, under_way, due, other;

    (void)state;
    ask(&at_once, "both.test", AF_INET);
    resolver_cancel(at_once.query);
    ask(&under_way, "silent.test", AF_INET);
    ask(&due, "localhost", AF_INET);
    resolver_cancel(due.query); /* the answer is there already, only not given */
    ask(&other, "both.test", AF_INET6);
    turn_until_answered(&other);
    resolver_cancel(under_way.query);
    resolver_cancel(NULL);
    assert_int_equal(at_once.answers + under_way.answers + due.answers, 0);
    /* close_all() frees the resolver with cancelled queries still inside c-ares */
}

static void an_answer_may_cancel_itself_and_others(void **state)
{
    struct asked first, second, third;

    (void)state;
    ask(&first, "localhost", AF_INET);
    ask(&second, "localhost", AF_INET6);
    ask(&third, "localhost", AF_INET);
    first.cancel = &second;
    third.cancel = &third;
    assert_ok(loop_turn(loop, 0));
    assert_int_equal(first.answers, 1);
    assert_int_equal(second.answers, 0);
    assert_int_equal(third.answers, 1);
}

static void free_the_resolver(void *ctx, enum resolver_result result, const struct addr *addrs,
                              size_t count)
{
    (void)result, (void)addrs, (void)count;
    resolver_free(resolver);
    resolver = NULL;
    *(bool *)ctx = true;
}

static void an_answer_may_free_the_resolver(void **state)
{
    struct resolver_query *query;
    bool is_freed = false;

    (void)state;
    assert_ok(resolver_ask(resolver, SPAN("both.test"), AF_INET, 1, free_the_resolver,
                           &is_freed, &query));
    for (int i = 0; i < 100 && !is_freed; i++) {
        assert_ok(loop_turn(loop, PATIENCE));
    }
    assert_true(is_freed);
}

static void servers_must_be_addresses(void **state)
{
    (void)state;
    assert_int_equal(resolver_use_servers(resolver, "not an address", TIMEOUT, 1), ERR_CONF);
    a_name_that_does_not_exist_is_told_from_a_server_that_fails(state); /* the old ones stay */
}

static void an_answer_is_remembered_and_begins_with_another_address(void **state)
{
    struct asked first, second, third;

    (void)state;
    ask(&first, "both.test", AF_INET);
    turn_until_answered(&first);
    ask(&second, "Both.Test", AF_INET);
    turn_until_answered(&second);
    ask(&third, "both.test", AF_INET);
    turn_until_answered(&third);
    assert_addr(&first.addrs[0], "192.0.2.1:443");
    assert_addr(&second.addrs[0], "192.0.2.2:443");
    assert_addr(&second.addrs[1], "192.0.2.1:443");
    assert_addr(&third.addrs[0], "192.0.2.1:443");
    assert_int_equal(rows[BOTH_V4].asked, 1);
    assert_int_equal(rows[BOTH_V6].asked, 0); /* families are questions of their own */
}

static void that_there_is_no_name_is_remembered_and_that_servers_fail_is_not(void **state)
{
    struct asked asked;

    (void)state;
    for (int i = 0; i < 2; i++) {
        ask(&asked, "v4only.test", AF_INET6);
        turn_until_answered(&asked);
        assert_int_equal(asked.result, RESOLVER_NO_NAME);
    }
    assert_int_equal(rows[NODATA].asked, 1);
    ask(&asked, "broken.test", AF_INET);
    turn_until_answered(&asked);
    int before = rows[SERVFAIL].asked;
    ask(&asked, "broken.test", AF_INET);
    turn_until_answered(&asked);
    assert_true(rows[SERVFAIL].asked > before);
}

static void an_answer_is_forgotten_when_its_time_is_over(void **state)
{
    struct asked asked;
    msec start;

    (void)state;
    ask(&asked, "short.test", AF_INET);
    turn_until_answered(&asked);
    start = loop_now(loop);
    while (loop_now(loop) < start + 1000) { /* the time to live of the row */
        assert_ok(loop_turn(loop, start + 1000 - loop_now(loop)));
    }
    ask(&asked, "short.test", AF_INET);
    turn_until_answered(&asked);
    assert_int_equal(rows[SHORT].asked, 2);
}

static void equal_questions_under_way_are_asked_once(void **state)
{
    struct asked first, gone, last;

    (void)state;
    rows[HELD].hold = true;
    ask(&first, "held.test", AF_INET);
    ask(&gone, "HELD.test", AF_INET);
    ask(&last, "held.test", AF_INET);
    for (int i = 0; i < 1000 && rows[HELD].asked == 0; i++) {
        assert_ok(loop_turn(loop, PATIENCE));
    }
    resolver_cancel(gone.query);
    fake_dns_release(&dns, &rows[HELD]);
    turn_until_answered(&first);
    turn_until_answered(&last);
    assert_int_equal(rows[HELD].asked, 1);
    assert_int_equal(gone.answers, 0);
    assert_addr(&first.addrs[0], "192.0.2.1:443");
    assert_addr(&last.addrs[0], "192.0.2.2:443"); /* the load is spread */
}

static void what_nobody_waits_for_any_more_is_remembered(void **state)
{
    struct asked gone, late;

    (void)state;
    rows[HELD].hold = true;
    ask(&gone, "held.test", AF_INET);
    for (int i = 0; i < 1000 && rows[HELD].asked == 0; i++) {
        assert_ok(loop_turn(loop, PATIENCE));
    }
    resolver_cancel(gone.query);
    fake_dns_release(&dns, &rows[HELD]);
    ask(&late, "held.test", AF_INET);
    turn_until_answered(&late);
    assert_int_equal(rows[HELD].asked, 1);
}

struct named {
    int answers;
    enum resolver_result result;
    char name[64];
};

static void on_named(void *ctx, enum resolver_result result, struct span name)
{
    struct named *named = ctx;

    named->answers++;
    named->result = result;
    memcpy(named->name, name.ptr, name.len);
}

static struct named name_of(const char *address)
{
    struct named named = {0};
    struct resolver_query *query;
    struct addr addr;

    assert_true(addr_parse(span_str(address), 0, &addr));
    assert_ok(resolver_ask_name(resolver, &addr, on_named, &named, &query));
    assert_int_equal(named.answers, 0); /* never from inside the question */
    for (int i = 0; named.answers == 0 && i < 1000; i++) {
        assert_ok(loop_turn(loop, PATIENCE));
    }
    assert_int_equal(named.answers, 1);
    return named;
}

static void an_address_is_asked_for_its_name(void **state)
{
    struct named named = name_of("192.0.2.7");

    (void)state;
    assert_int_equal(named.result, RESOLVER_FOUND);
    assert_string_equal(named.name, "desk.example.test");
    named = name_of("192.0.2.8");
    assert_int_equal(named.result, RESOLVER_NO_NAME);
    assert_string_equal(named.name, "");
}

static void a_question_for_a_name_can_be_cancelled(void **state)
{
    struct named named = {0};
    struct resolver_query *query;
    struct addr addr;

    (void)state;
    assert_true(addr_parse(SPAN("192.0.2.7"), 0, &addr));
    assert_ok(resolver_ask_name(resolver, &addr, on_named, &named, &query));
    resolver_cancel(query);
    assert_ok(loop_turn(loop, 0));
    assert_int_equal(named.answers, 0);
}

static void ask_and_cancel(void)
{
    struct loop *mine = NULL;
    struct resolver *my_resolver = NULL;
    struct resolver_query *query;
    struct asked asked = {0};

    if (loop_new(&mine) == OK && resolver_new(&my_resolver, mine) == OK &&
        resolver_use_servers(my_resolver, "127.0.0.1:9", TIMEOUT, 1) == OK &&
        resolver_ask(my_resolver, SPAN("both.test"), AF_INET, 1, on_answer, &asked, &query) ==
            OK) {
        resolver_cancel(query);
    }
    resolver_free(my_resolver);
    loop_free(mine);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(ask_and_cancel);
}

int main(void)
{
#define WITH_DNS(test) cmocka_unit_test_setup_teardown(test, open_all, close_all)
    const struct CMUnitTest tests[] = {
        WITH_DNS(both_families_are_found_with_the_port_that_was_asked_for),
        WITH_DNS(a_name_that_does_not_exist_is_told_from_a_server_that_fails),
        WITH_DNS(a_silent_server_is_asked_twice_and_then_given_up),
        WITH_DNS(a_truncated_answer_is_fetched_by_tcp_however_it_is_cut),
        WITH_DNS(no_more_addresses_are_kept_than_there_is_room),
        WITH_DNS(localhost_needs_no_name_server),
        WITH_DNS(a_name_that_only_ends_like_localhost_is_an_ordinary_one),
        WITH_DNS(names_that_dns_cannot_carry_are_refused),
        WITH_DNS(a_cancelled_query_is_never_answered),
        WITH_DNS(an_answer_may_cancel_itself_and_others),
        WITH_DNS(an_answer_may_free_the_resolver),
        WITH_DNS(servers_must_be_addresses),
        WITH_DNS(an_answer_is_remembered_and_begins_with_another_address),
        WITH_DNS(that_there_is_no_name_is_remembered_and_that_servers_fail_is_not),
        WITH_DNS(an_answer_is_forgotten_when_its_time_is_over),
        WITH_DNS(equal_questions_under_way_are_asked_once),
        WITH_DNS(what_nobody_waits_for_any_more_is_remembered),
        WITH_DNS(an_address_is_asked_for_its_name),
        WITH_DNS(a_question_for_a_name_can_be_cancelled),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
